# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rules of RFC 9111 that nginx needs help with. The scenario `http_cache` shows it with the public suite."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.tests.unit.roles.sites import CACHE, FRONTS, HOP, app, decide, decisions, front_of, location

RULES = ("$flaskops_targeted", "$flaskops_any_variant", "$flaskops_aged", "$flaskops_over", "$flaskops_not_understood")


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("rule", RULES)
def test_an_answer_that_a_cache_may_send_once_is_not_stored(rendered, front, rule):
    http = rendered(app(front, CACHE))
    assert rule in location(front_of(http), "/api").values(f"{HOP[front]}_no_cache")[0].split()


@pytest.mark.parametrize(
    ("rule", "said", "kept"),
    [
        # Several lines of a header reach the map as one; before nginx 1.23 the first variable has the first line alone.
        ("$flaskops_any_variant", ",", True),
        ("$flaskops_any_variant", "Cookie,Cookie", True),
        ("$flaskops_any_variant", "*,*", False),
        ("$flaskops_any_variant", "Foo, *,Foo, *", False),
        ("$flaskops_any_variant", ",, *", False),
        ("$flaskops_aged", "", True),
        ("$flaskops_aged", "0", True),
        ("$flaskops_aged", "0,7200", True),
        ("$flaskops_aged", "0, 7200", False),
        ("$flaskops_aged", "7200", False),
        ("$flaskops_aged", "-1", False),
        ("$flaskops_aged", "old", False),
        ("$flaskops_over", "=", True),
        ("$flaskops_over", "=Sat, 28 Nov 2026 18:00:00 GMT", True),
        ("$flaskops_over", "Sat, 28 Nov 2026 18:00:01 GMT=Sat, 28 Nov 2026 18:00:00 GMT", True),
        ("$flaskops_over", "Sat, 28 Nov 2026 18:00:00 GMT=Sat, 28 Nov 2026 18:00:00 GMT", False),
        ("$flaskops_not_understood", "200 max-age=60", True),
        ("$flaskops_not_understood", "200 max-age=60, must-understand", True),
        ("$flaskops_not_understood", "502, 200 must-understand", True),
        ("$flaskops_not_understood", "599 max-age=60", True),
        ("$flaskops_not_understood", "599 max-age=60, must-understand", False),
        ("$flaskops_not_understood", "200, 599 must-understand", False),
        ("$flaskops_targeted", ",", True),
        ("$flaskops_targeted", "max-age=60,", True),
        ("$flaskops_targeted", "max-age=0,", False),
        ("$flaskops_targeted", "No-Store,", False),
        ("$flaskops_targeted", ",no-store", False),
        ("$flaskops_targeted", "max-age=600, private,", False),
    ],
)
def test_what_is_not_stored(rendered, rule, said, kept):
    http = rendered(app("direct", CACHE))
    assert decide(decisions(http, rule), said) == ("0" if kept else "1")


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize(
    ("stale", "sent"),
    [
        ({}, []),
        ({"stale": "answer"}, []),
        ({"stale": "updating"}, ["updating"]),
        ({"stale": "always"}, ["error", "timeout", "updating", "http_500"]),
    ],
)
def test_an_answer_whose_time_is_over_is_sent_where_the_route_says_so(rendered, front, stale, sent):
    cached = location(front_of(rendered(app(front, {**CACHE, **stale}))), "/api")
    assert [list(one.args)[:4] for one in cached.all(f"{HOP[front]}_cache_use_stale")] == [sent or ["off"]]
    # nginx needs this one for an answer's own stale-while-revalidate, too.
    assert cached.values(f"{HOP[front]}_cache_background_update") == ["on"]


@pytest.mark.parametrize(
    ("request_and_store", "method"),
    [("HEAD MISS", "GET"), ("HEAD EXPIRED", "GET"), ("HEAD BYPASS", "GET"), ("HEAD ", None), ("GET MISS", None), ("POST ", None)],
)
def test_what_is_stored_is_made_by_get(rendered, request_and_store, method):
    """A HEAD and a GET have one key, so an answer without a body must not get there. nginx itself sees to that in its proxy module alone."""
    http = rendered(app("direct", CACHE))
    assert decide(decisions(http, "$flaskops_method"), request_and_store) == (method or "$request_method")
    assert "$request_method" not in location(front_of(http), "/api").one("uwsgi_cache_key").args[0]


@pytest.mark.parametrize("front", FRONTS)
def test_parts_and_dates_of_a_stored_answer(rendered, front):
    cached = location(front_of(rendered(app(front, CACHE))), "/api")
    assert cached.values(f"{HOP[front]}_force_ranges") == ["on"]
    assert cached.values(f"{HOP[front]}_pass_header") == ["Date"]
    assert cached.values("if_modified_since") == ["before"]
