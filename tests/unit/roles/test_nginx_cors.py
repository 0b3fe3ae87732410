# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Scripts of other sites that may read the answers of a route, and the presets of headers."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.description.refused import problems
from ansible_collections.flaskops.stack.tests.unit.roles.sites import FRONTS, HOP, app, backend_of, decide, front_of, location, mapping

OURS = "https://app.example.com"
CORS = {"origins": [OURS], "methods": ["GET", "PUT"], "headers": ["X-Key"], "credentials": True, "max_age": 60}


def routed(front: str, mode: str = "plain", **cors):
    more = {"ignore_cookies": []} if mode == "cache" else {}
    return app(front, {"path": "/"}, {"path": "/api", "mode": mode, "cors": {**CORS, **cors}, **more})


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("mode", ["plain", "cache"])
def test_a_route_names_the_site_whose_scripts_may_read_it(rendered, front, mode):
    http = rendered(routed(front, mode))
    place = location(front_of(http), "/api")
    added = place.values("add_header")
    assert "Access-Control-Allow-Origin $flask_shop_1_origin always" in added
    assert "Access-Control-Allow-Credentials true always" in added
    assert "Vary Origin always" in added
    assert "X-Flaskops-Site $flask_shop_mark always" in added, "a level with a header of its own inherits none"
    assert len(added) == len(set(added))
    hidden = place.values(f"{HOP[front]}_hide_header")
    assert {"X-Flask-Instance", "Access-Control-Allow-Origin"} <= set(hidden)
    assert not [value for value in location(front_of(http), "/").values("add_header") if "Access-Control" in value]
    if front == "proxy":
        assert not location(backend_of(http), "/api").all("add_header"), "the front adds them"


@pytest.mark.parametrize("front", FRONTS)
def test_nginx_answers_the_question_of_a_browser_itself(rendered, front):
    place = location(front_of(rendered(routed(front))), "/api")
    (question,) = place.all("if")
    assert question.args == ("$flask_shop_1_preflight",)
    assert question.values("return") == ["204"]
    assert {"Access-Control-Allow-Methods GET, PUT", "Access-Control-Allow-Headers X-Key", "Access-Control-Max-Age 60"} <= set(
        question.values("add_header")
    )


def test_sites_are_compared_as_a_whole(rendered):
    lines = mapping(rendered(routed("direct")), "$flask_shop_1_origin")
    assert decide(lines, OURS) == "$http_origin"
    assert [decide(lines, origin) for origin in ("", f"{OURS}.evil.example", "http://app.example.com", "null")] == [""] * 4
    question = mapping(rendered(routed("direct")), "$flask_shop_1_preflight")
    assert [decide(question, asked) for asked in (f"OPTIONS {OURS} PUT", "OPTIONS  PUT", f"OPTIONS {OURS} ", f"GET {OURS} PUT")] == list(
        "1000"
    )


def test_every_site_may_be_meant_without_credentials(rendered):
    http = rendered(routed("direct", origins=["*"], credentials=False))
    assert decide(mapping(http, "$flask_shop_1_origin"), "https://any.example") == "*"
    assert decide(mapping(http, "$flask_shop_1_origin"), "") == ""
    assert "Vary Origin always" not in location(front_of(http), "/api").values("add_header")


@pytest.mark.parametrize(
    ("cors", "line"),
    [
        ({"origins": ["*"]}, "shop.nginx.routes[1].cors.credentials is true for every site, which browsers do not accept; name"),
        ({"origins": ["*", OURS], "credentials": False}, "shop.nginx.routes[1].cors.origins has '*' beside others"),
        (
            {"origins": ["app.example.com"]},
            "shop.nginx.routes[1].cors.origins[0] is 'app.example.com', which cannot be used here; write scheme",
        ),
        ({"origins": [f'{OURS}" 1; }}']}, "shop.nginx.routes[1].cors.origins[0] is "),
    ],
)
def test_what_browsers_do_not_accept_is_told(cors, line):
    (told,) = problems(routed("direct", **cors))
    assert told.startswith(line)


def test_a_preset_adds_headers_that_the_users_own_replace(rendered):
    strict = front_of(rendered(app(headers_preset="strict", headers={"permissions-policy": "camera=*"})))
    names = [value.split()[0] for value in strict.values("add_header")]
    assert {"Content-Security-Policy", "Cross-Origin-Opener-Policy", "X-Frame-Options", "permissions-policy"} <= set(names)
    assert "Permissions-Policy" not in names
    assert "Content-Security-Policy" not in str(front_of(rendered(app())).values("add_header"))


@pytest.mark.parametrize("front", FRONTS)
def test_the_policy_that_browsers_take_over_https_alone_is_sent_there_alone(rendered, front):
    http = rendered(app(front, headers_preset="strict"))
    variable = "$flask_shop_cross_origin_opener_policy"
    (source,) = [known.args[0] for known in http.all("map") if known.args[1] == variable]
    assert source == "$flaskops_scheme $upstream_http_cross_origin_opener_policy"
    lines = {"default": "", **mapping(http, variable)}
    assert [decide(lines, text) for text in ("https ", "http ", "https unsafe-none")] == ["same-origin", "", ""]
