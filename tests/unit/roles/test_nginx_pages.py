# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Static routes with pages: which file answers for a directory and for a path without a file."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.tests.unit.roles.sites import FRONTS, PLAIN, app, decide, decisions, front_of, location

SPA = {"path": "/", "mode": "static", "directory": "dist", "fallback": "index.html"}
DOCS = {"path": "/docs/", "mode": "static", "directory": "site", "index": "index.html", "max_age": "7d"}


def lost(http, server, *place: str) -> str:
    """Return the variable that says where a path without a file leads."""
    return location(server, *place).one("try_files").args[-1]


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/", "/index.html"),
        ("/orders/7", "/index.html"),
        ("/users/jane.doe", "/index.html"),
        ("/app.js", "@previous"),
        ("/app.MJS", "@previous"),
        ("/none.html", "@previous"),
        ("/a/photo.jpeg", "@previous"),
    ],
)
def test_a_path_of_the_browser_has_the_page_and_a_missing_file_is_missing(rendered, front, path, target):
    http = rendered(app(front, SPA, {"path": "/api/"}))
    page = decide(decisions(http, "$flaskops_page"), path)
    assert decide(decisions(http, lost(http, front_of(http), "^~", "/")), page) == target


def test_the_page_is_below_the_prefix_and_the_path(rendered):
    http = rendered(app("direct", {**SPA, "path": "/app"}, PLAIN, prefix="/shop"))
    mounted = location(front_of(http), "^~", "/shop/")
    assert decisions(http, lost(http, mounted, "^~", "/shop/app")) == {"0": "@previous.shop", "1": "/shop/app/index.html"}


@pytest.mark.parametrize(("route", "place"), [(SPA, "/"), (DOCS, "/docs/")])
def test_pages_are_asked_for_anew_and_files_are_kept(rendered, route, place):
    http = rendered(app("direct", {"max_age": "1h", **route}, {"path": "/api/"}))
    expires = decisions(http, location(front_of(http), "^~", place).one("expires").args[0])
    assert {path: decide(expires, path) for path in ("/", "/a.html", "/docs/", "/a.js")} == {
        "/": "epoch",
        "/a.html": "epoch",
        "/docs/": "epoch",
        "/a.js": route.get("max_age", "1h"),
    }


def test_a_directory_leads_to_its_page(rendered):
    docs = location(front_of(rendered(app("direct", PLAIN, DOCS))), "^~", "/docs/")
    assert (docs.values("index"), docs.values("error_page")[0], docs.values("try_files")) == (["index.html"], "403 404 = @previous", [])


def test_packed_files_are_sent_as_they_lie(rendered):
    http = rendered(app("direct", PLAIN, {"path": "/s/", "mode": "static", "directory": "s"}))
    assert location(front_of(http), "^~", "/s/").values("gzip_static") == ["on"]


def test_types_that_the_distribution_lacks(rendered):
    http = rendered(app())
    (types,) = [block for block in http.all("types") if any(inner.args == ("mjs",) for inner in block.block)]
    assert {inner.name: inner.args for inner in types.block} == {"text/javascript": ("mjs",), "application/manifest+json": ("webmanifest",)}


def test_files_of_backends_are_theirs(rendered):
    http = rendered(app("proxy", {**SPA, "max_age": "1h"}, {"path": "/api/"}, backends=["192.0.2.1:8000"]))
    assert location(front_of(http), "^~", "/").values("proxy_pass") == ["http://flask_shop_backends"]
    assert not [inner for inner in http.all("map") if inner.args[1].endswith(("_lost", "_expires"))]
