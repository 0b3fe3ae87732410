# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Paths that no request has are refused, with the path or the regular expression that was meant."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.tests.unit.render import describe, resolve_app

DECODED = "nginx compares decoded paths"
CLEANED = "nginx makes one slash of several, and removes /./"
QUERY = "nginx compares paths without a query"
PLACEHOLDER = "a path has no placeholders"
REGEX = "a regular expression (match: regex)"


@pytest.mark.parametrize(
    ("path", "why", "remedy"),
    [
        ("/caf%C3%A9/", DECODED, "write /café/"),
        ("/a%2Fb", DECODED, "write /a/b"),
        ("/a%20b", DECODED, f"write {REGEX} for the decoded path"),
        ("/%00", DECODED, f"write {REGEX} for the decoded path"),
        ("/%FF", DECODED, f"write {REGEX} for the decoded path"),
        ("/a%2F%2Fb", DECODED, f"write {REGEX} for the decoded path"),
        ("//", CLEANED, "write /"),
        ("/a//b///", CLEANED, "write /a/b/"),
        ("/./a/./b", CLEANED, "write /a/b"),
        ("/.", CLEANED, "write /"),
        ("/admin?key=1", QUERY, "write /admin"),
        ("/page#part", QUERY, "write /page"),
        ("/admin/*", PLACEHOLDER, "write /admin/, which has all that begins so"),
        ("/admin/**", PLACEHOLDER, "write /admin/, which has all that begins so"),
        ("/files/<path:name>", PLACEHOLDER, "write /files/, which has all that begins so"),
        ("/user/<int:id>/edit", PLACEHOLDER, f"write {REGEX}"),
        ("/*.php", PLACEHOLDER, f"write {REGEX}"),
    ],
)
@pytest.mark.parametrize("match", ["prefix", "exact"])
def test_a_path_that_no_request_has_is_refused(path, why, remedy, match):
    with pytest.raises(AppError) as refused:
        resolve_apps([describe(nginx={"routes": [{"path": path, "match": match, "mode": "deny"}]})])
    assert str(refused.value) == f"shop.nginx.routes[0].path is '{path}', but {why}; {remedy}."


@pytest.mark.parametrize("path", ["/", "/100%", "/100%x", "/.well-known/x", "/a./b..", "/é", "/a,b(c)=~d@e!", "/%"])
def test_a_path_that_a_request_may_have_is_taken(path):
    assert resolve_app(describe(nginx={"routes": [{"path": path}]}))["nginx"]["routes"][0]["path"] == path


def test_a_regular_expression_has_what_it_needs():
    path = r"^/a%20b/<(.*)>\?"
    assert resolve_app(describe(nginx={"routes": [{"path": path, "match": "regex"}]}))["nginx"]["routes"][0]["path"] == path
