# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A regular expression that answers paths below a route with rules, and has none itself, is told to whoever wrote it."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.overtaken import warnings_of_overtaken
from ansible_collections.flaskops.stack.tests.unit.render import complete

ADMIN = {"path": "/admin/", "access": {"allow": ["192.0.2.1"]}}


def told(*routes, **nginx):
    return warnings_of_overtaken([complete(nginx={"routes": list(routes), **nginx})])


def regex(path, **more):
    return {"path": path, "match": "regex", **more}


@pytest.mark.parametrize(
    "pattern", [r"\.json$", "^/adm", "^/a(b|d)", "^/(?!x)", "^/admin/x$", "^/b?", "^/x|/admin/", r"^/\w+/", "(?i)^/shop", "^/(shop|admin)/"]
)
def test_a_pattern_that_may_match_below_is_told(pattern):
    (line,) = told({"path": "/"}, ADMIN, regex(pattern))
    assert f"the regular expression {pattern} goes before /admin/, and answers paths" in line


@pytest.mark.parametrize("pattern", ["^/shop", r"^/a\.b", "^/administrators/(a|b)", "^/admin-old/?", r"^/ad\-"])
def test_a_pattern_that_begins_with_another_path_is_not(pattern):
    assert told({"path": "/"}, ADMIN, regex(pattern)) == []


@pytest.mark.parametrize(
    "access", [{"public": True}, {"allow": ["192.0.2.1"]}, {"deny": ["all"]}, {"basic": {"users": {"ann": "correct horse"}}}]
)
def test_a_pattern_with_rules_of_its_own_is_not(access):
    assert told({"path": "/"}, ADMIN, regex("json$", access=access)) == []


def test_a_pattern_that_nothing_of_the_application_answers_is_not():
    assert told(ADMIN, regex("json$", mode="deny"), regex("old$", mode="redirect", to="/new")) == []


def test_each_kind_of_rule_counts_where_a_pattern_goes_before_it():
    basic = {"path": "/basic", "access": {"basic": {"users": {"ann": "correct horse"}}}}
    denied = {"path": "/denied", "mode": "deny"}
    public = {"path": "/hooks", "access": {"public": True}}
    exact = {**ADMIN, "path": "/exact", "match": "exact"}
    hidden = {**ADMIN, "path": "/.web/"}
    (line,) = told(basic, denied, public, exact, hidden, {"path": "/"}, regex("json$"))
    assert "goes before /basic, /denied, and" in line


def test_rules_below_a_prefix_are_seen_with_it():
    (line,) = told({"path": "/"}, ADMIN, regex("^/shop/admin/x"), prefix="/shop")
    assert "goes before /shop/admin/, and" in line
    assert told({"path": "/"}, ADMIN, regex("^/admin/x"), prefix="/shop") == []
