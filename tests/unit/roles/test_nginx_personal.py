# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which requests are personal and which answers are kept, by the maps of cached routes. The scenario `requests` shows it with Flask."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.tests.unit.parse import Directive
from ansible_collections.flaskops.stack.tests.unit.roles.sites import (
    CACHE,
    FRONTS,
    HOP,
    app,
    decide,
    decisions,
    front_of,
    location,
    mapping,
)


def is_personal(http: Directive, cookies: str) -> bool:
    assert [inner.args[0] for inner in http.all("map") if inner.args[1] == "$flask_shop_0_cookies"] == ["$http_cookie"]
    return decide(mapping(http, "$flask_shop_0_cookies"), cookies) == "1"


# --- cookies -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cookie", ["session=x", "sessionid=x", "access_token_cookie=x", "_ga=1", "x", "x=", "0", "=0", ";"])
def test_any_cookie_makes_a_request_personal(rendered, cookie):
    http = rendered(app("direct", CACHE))
    assert is_personal(http, cookie)
    assert not is_personal(http, "")


@pytest.mark.parametrize(
    ("cookies", "personal"),
    [
        ("", False),
        ("_ga=GA1.2.3", False),
        ("_ga_ABC=GS1; theme=dark", False),
        ("theme=dark;_ga=1;", False),
        ("a.b-c%40d=1", False),
        ("theme=", False),
        # Several lines of Cookie reach the map as one.
        ("_ga=1; theme=x; _ga=2", False),
        ("session=x", True),
        ("_ga=1; session=x", True),
        ("session=x; _ga=1", True),
        ("x_ga=1", True),
        ("themes=1", True),
        ("aXb-c%40d=1", True),
        ('_ga="a; session=x"', True),
        ("_ga", True),
        ("theme =dark", True),
        ("=_ga=1", True),
        ("Theme=dark", True),
    ],
)
def test_cookies_that_change_no_answer_are_named(rendered, cookies, personal):
    http = rendered(app("direct", {**CACHE, "ignore_cookies": ["_ga*", "theme", "a.b-c%40d"]}))
    assert is_personal(http, cookies) == personal


@pytest.mark.parametrize(
    ("cookies", "personal"),
    [
        ("", False),
        ("theme=dark", False),
        ("mysid=1", False),
        ("sid=1", True),
        ("theme=dark; sid=0", True),
        ("theme=dark;sid =1", True),
        ("sid", True),
        ("login_eu=1", True),
        ("a=sid=1", False),
    ],
)
def test_cookies_that_matter_are_named(rendered, cookies, personal):
    assert is_personal(rendered(app("direct", {**CACHE, "bypass_cookies": ["sid", "login_*"]})), cookies) == personal


@pytest.mark.parametrize(
    ("route", "with_cookie"), [({"ignore_cookies": ["*"]}, False), ({"bypass_cookies": []}, False), ({"bypass_cookies": ["*"]}, True)]
)
def test_every_cookie_can_be_meant(rendered, route, with_cookie):
    http = rendered(app("direct", {**CACHE, **route}))
    assert is_personal(http, "session=x") == with_cookie
    assert not is_personal(http, "")


def test_routes_have_maps_of_their_own(rendered):
    http = rendered(app("direct", {**CACHE, "path": "/a", "ignore_cookies": ["a"]}, {**CACHE, "path": "/b", "ignore_cookies": ["b"]}))
    for index, place in enumerate(("/a", "/b")):
        assert f"$flask_shop_{index}_cookies" in location(front_of(http), place).values("uwsgi_cache_bypass")[0].split()


# --- other headers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header", ["authorization", "x_api_key", "api_key", "x_auth_token", "x_access_token", "private_token", "remote_user"]
)
def test_a_header_that_says_who_somebody_is_makes_a_request_personal(rendered, header):
    http = rendered(app("direct", CACHE))
    (known,) = [inner for inner in http.all("map") if inner.args[1] == "$flaskops_personal"]
    assert f"${{http_{header}}}" in known.args[0]
    # A value that nginx would take for false is one, too.
    assert [decide(mapping(http, "$flaskops_personal"), value) for value in ("", "0", "Bearer x")] == ["0", "1", "1"]


def test_a_certificate_of_the_client_makes_a_request_personal(rendered):
    (known,) = [inner for inner in rendered(app("direct", CACHE)).all("map") if inner.args[1] == "$flaskops_personal"]
    # The variable is empty where the client has shown none.
    assert known.args[0].startswith("$ssl_client_serial$")


@pytest.mark.parametrize("front", FRONTS)
def test_further_headers_can_be_named(rendered, front):
    http = rendered(app(front, {**CACHE, "bypass_headers": ["X-Shop-Key", "X-Tenant"]}))
    (own,) = [inner for inner in http.all("map") if inner.args[1] == "$flask_shop_0_headers"]
    assert own.args[0] == "${http_x_shop_key}${http_x_tenant}"
    for directive in ("cache_bypass", "no_cache"):
        assert "$flask_shop_0_headers" in location(front_of(http), "/api").values(f"{HOP[front]}_{directive}")[0].split()


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("preset", ["safe", "seed"])
def test_another_method_in_a_header_goes_past_the_cache(rendered, front, preset):
    http = rendered(app(front, {**CACHE, "preset": preset}))
    for directive in ("cache_bypass", "no_cache"):
        assert "$flaskops_override" in location(front_of(http), "/api").values(f"{HOP[front]}_{directive}")[0].split()
    (known,) = [inner for inner in http.all("map") if inner.args[1] == "$flaskops_override"]
    for header in ("x_http_method_override", "x_http_method", "x_method_override"):
        assert f"$http_{header}" in known.args[0].replace("$", " $").split()


# --- answers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kept"), [("200", True), ("404", True), ("302", False), ("500", False), ("", False), ("502, 200", True), ("200, 502", False)]
)
def test_only_listed_statuses_are_kept(rendered, status, kept):
    http = rendered(app("direct", {**CACHE, "valid": {200: "1m", 404: "1s"}}))
    assert decide(decisions(http, "$flask_shop_0_unlisted"), status) == ("0" if kept else "1")


def test_any_status_can_be_kept(rendered):
    http = rendered(app("direct", {**CACHE, "valid": {"any": "1m"}}))
    assert "unlisted" not in location(front_of(http), "/api").values("uwsgi_no_cache")[0]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("", True),
        ("public, max-age=60", True),
        ("s-maxage=60", True),
        ("private", False),
        ("max-age=60, Private", False),
        ("no-store", False),
        ("no-cache", False),
        ('private="Set-Cookie"', False),
        ("x-private", True),
    ],
)
def test_an_answer_that_nobody_may_keep_is_not_kept_whatever_else_it_says(rendered, said, kept):
    """nginx itself lets X-Accel-Expires win (ngx_http_upstream_process_accel_expires)."""
    http = rendered(app("direct", CACHE))
    lines = decisions(http, "$flaskops_private")
    for seen in (f"{said},{said}", f"public,public, {said}", f"{said},max-age=60"):
        assert decide(lines, seen) == ("0" if kept else "1")
    assert "$flaskops_private" in location(front_of(http), "/api").values("uwsgi_no_cache")[0].split()
