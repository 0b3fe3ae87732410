# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names and passwords that nginx asks for: on each server that a request can come to, and whose name the application gets."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.access import private_values_of_access
from ansible_collections.flaskops.stack.plugins.plugin_utils.site_files.app_files import app_files
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.description.refused import problems
from ansible_collections.flaskops.stack.tests.unit.render import complete, describe, nginx_files
from ansible_collections.flaskops.stack.tests.unit.roles.sites import (
    FRONTS,
    HOP,
    app,
    backend_of,
    decide,
    decisions,
    front_of,
    location,
    mapping,
)
from passlib.hash import sha512_crypt

PASSWORD, OTHER = "correct horse", "battery staple"
BASIC = {"basic": {"realm": "Staging", "users": {"ann": PASSWORD}}}
ADMIN = {"basic": {"users": {"bob": OTHER}}}
ROUTES = [{"path": "/"}, {"path": "/hooks", "access": {"public": True}}, {"path": "/admin", "access": ADMIN}]
REMOTE, TCP = ["192.0.2.9"], "0.0.0.0:8000"
SENT = {"uwsgi": ("uwsgi_param", "REMOTE_USER"), "proxy": ("proxy_set_header", "X-Flaskops-User")}


def asked(place) -> tuple[list[str], list[str]]:
    return place.values("auth_basic"), place.values("auth_basic_user_file")


def sent(place, hop: str) -> list[str]:
    """Return what a server or a location sends as the visitor's name; an empty header is not sent."""
    name, first = SENT[hop]
    return [value for inner in place.all(name, first) if (value := inner.args[1])]


def sites(front: str, **nginx):
    return app(front, *ROUTES, **{"access": BASIC, **nginx})


@pytest.mark.parametrize("front", FRONTS)
def test_a_site_asks_for_a_password_and_a_route_for_another_one_or_none(rendered, front):
    server, hop = front_of(rendered(sites(front))), HOP[front]
    assert asked(server) == (["Staging"], ["flaskops/shop.users"])
    assert asked(location(server, "/")) == ([], []), "it has that of the site"
    assert asked(location(server, "/hooks")) == (["off"], [])
    assert location(server, "/hooks").values("allow") == ["all"]
    assert asked(location(server, "/admin")) == (["Restricted"], ["flaskops/shop.2.users"])
    assert sent(server, hop) == ["$remote_user"]


@pytest.mark.parametrize("front", FRONTS)
def test_a_name_that_nobody_has_proved_is_not_passed_on(rendered, front):
    """nginx has a name in $remote_user also where no password was asked for."""
    hop = HOP[front]
    server = front_of(rendered(sites(front)))
    hooks = location(server, "/hooks")
    assert sent(hooks, hop) == []
    names = [inner.args[0] for inner in hooks.all(*SENT[hop][:1])]
    assert {"uwsgi": "PATH_INFO", "proxy": "Host"}[hop] in names, "a location with parameters of its own inherits none"
    own = front_of(rendered(app(front, {"path": "/"}, {"path": "/admin", "access": ADMIN})))
    assert sent(own, hop) == []
    assert sent(location(own, "/admin"), hop) == ["$remote_user"]
    assert sent(front_of(rendered(app(front))), hop) == []


def test_the_server_behind_the_proxy_takes_the_name_from_the_front_alone(rendered):
    server = backend_of(rendered(sites("proxy"), nginx_site_front_addresses=REMOTE))
    assert sent(server, "uwsgi") == ["$http_x_flaskops_user"]
    assert sent(location(server, "/hooks"), "uwsgi") == []
    assert server.values("auth_basic") == [], "the front has asked for the password"


def test_no_front_server_on_another_host_leads_past_a_password_or_says_who_somebody_is(rendered):
    server = backend_of(rendered(sites("proxy"), nginx_site_front_addresses=REMOTE), listen=TCP)
    assert asked(server) == (["Staging"], ["flaskops/shop.users"])
    assert asked(location(server, "/admin")) == (["Restricted"], ["flaskops/shop.2.users"])
    assert sent(server, "uwsgi") == ["$remote_user"]
    assert sent(location(server, "/hooks"), "uwsgi") == []


def test_a_client_cannot_send_the_header_with_the_name():
    files = nginx_files([sites("proxy")])
    assert 'proxy_set_header X-Flaskops-User "";' in files["snippets/flaskops-proxy.conf"]
    assert 'uwsgi_param HTTP_X_FLASKOPS_USER "" if_not_empty;' in files["snippets/flaskops-params.conf"]


@pytest.mark.parametrize("front", FRONTS)
def test_pages_of_nginx_and_proofs_for_a_ca_need_no_password(rendered, front):
    server = front_of(rendered(sites(front, server_names=["shop.example.com"], tls={"acme": True})))
    for place in (("^~", "/.flaskops/"), ("^~", "/.well-known/acme-challenge/")):
        assert location(server, *place).values("auth_basic") == ["off"]


def test_passwords_reach_the_host_as_hashes_that_stay_the_same():
    first, second = (nginx_files([sites("direct")]) for _run in range(2))
    name, _colon, hashed = first["flaskops/shop.users"].strip().partition(":")
    assert name == "ann"
    assert sha512_crypt.verify(PASSWORD, hashed)
    assert first == second
    assert not [text for text in first.values() if PASSWORD in text or OTHER in text]
    twice = nginx_files([sites("direct"), describe(name="blog", nginx={"access": BASIC})])
    assert twice["flaskops/blog.users"] != twice["flaskops/shop.users"], "equal passwords do not look equal"


def test_files_of_passwords_are_for_the_web_server_alone_and_in_no_diff():
    (file,) = [file for file in app_files([complete(nginx={"access": BASIC})], {}) if file["path"] == "flaskops/shop.users"]
    assert (file["mode"], file["group"], file["diff"]) == ("0640", "www-data", False)


def test_no_message_shows_a_password():
    shop = complete(nginx={"access": BASIC, "routes": ROUTES})
    assert private_values_of_access(shop["nginx"]) == [PASSWORD, OTHER]
    files = app_files([shop], {})
    assert not [file for file in files if PASSWORD in str(file) or OTHER in str(file)], "not in the variables of a template either"
    assert PASSWORD not in str(shop["site"]), "which the host gets to ask the site"


def test_routes_behind_a_password_are_proved_by_any_answer():
    routes = [{"path": "/c", "mode": "cache"}, {"path": "/s", "mode": "stream", "access": {"public": True}}]
    shop = complete(nginx={"access": BASIC, "routes": routes})
    assert [route["proof"] for route in shop["site"]["routes"]] == ["plain", "stream"]


@pytest.mark.parametrize("rules", [{"access": {"deny": ["192.0.2.1"]}}, {"route": {"allow": ["192.0.2.1"]}}])
def test_a_file_of_the_former_release_is_not_for_those_who_are_kept_out(rendered, rules):
    """nginx answers them 403, which leads to such files where a directory has an index."""
    route = {"path": "/docs/", "mode": "static", "directory": "docs", "index": "index.html", "access": rules.get("route", {})}
    server = front_of(rendered(app("direct", route, access=rules.get("access", {}))))
    assert location(server, "^~", "/docs/").values("error_page")[0].startswith("404 = @previous")
    free = front_of(rendered(app("direct", {**route, "access": {}})))
    assert location(free, "^~", "/docs/").values("error_page")[0] == "403 404 = @previous"


@pytest.mark.parametrize(
    "rule", ["deny all;", "if ($invalid_referer) { return 403; }", "auth_request /mine;", "allow 192.0.2.1;\ndeny all;"]
)
@pytest.mark.parametrize("place", ["route", "site"])
def test_no_file_of_the_former_release_leads_past_a_directive_of_the_users_own(rendered, rule, place):
    route = {"path": "/docs/", "mode": "static", "directory": "docs", "index": "index.html", "extra": [rule] if place == "route" else []}
    server = front_of(rendered(app("direct", route, extra=[rule] if place == "site" else [])))
    assert location(server, "^~", "/docs/").values("error_page")[0] == "404 = @previous"
    harmless = front_of(rendered(app("direct", {**route, "extra": ["add_header X-A b;"]})))
    assert location(harmless, "^~", "/docs/").values("error_page")[0] == "403 404 = @previous"


def rules_of(place) -> list[str]:
    names = ("allow", "deny", "auth_basic", "auth_basic_user_file", "auth_request")
    return [f"{inner.name} {inner.args[0]}" for inner in place.block if inner.name in names]


FILES = {"mode": "static", "directory": "static"}
BY_RULE = [
    {"path": "/a/", **FILES},
    {"path": "/b/", **FILES, "access": {"public": True}},
    {"path": "/c/", **FILES, "index": "index.html", "access": {"allow": ["192.0.2.1"]}},
    {"path": "/d/", **FILES, "fallback": "index.html", "access": ADMIN},
]


@pytest.mark.parametrize("front", FRONTS)
def test_a_file_of_the_former_release_has_the_rules_of_its_route(rendered, front):
    """nginx asks a second time on the way there, and a page of a public route may need such a file too."""
    http = rendered(app(front, *BY_RULE, {"path": "/"}, access={"request": ASKED["request"]}))
    server = front_of(http)
    assert [location(server, "^~", path).values("try_files")[-1:] for path in ("/a/", "/b/")] == [["$uri @previous"], ["$uri @previous.1"]]
    assert "404 = @previous.2" in location(server, "^~", "/c/").values("error_page")
    assert decisions(http, "$flask_shop_3_lost")["0"] == "@previous.3"
    for number, path in enumerate(("/a/", "/b/", "/c/", "/d/")):
        previous = location(server, f"@previous.{number}" if number else "@previous")
        assert set(rules_of(location(server, "^~", path))) <= set(rules_of(previous))
    if front == "proxy":
        behind = backend_of(http)
        assert [rules_of(location(behind, f"@previous.{number}")) for number in (1, 2, 3)] == [[], [], []], "the front has held the rules"


def test_below_a_prefix_a_file_of_the_former_release_has_the_rules_of_its_application(rendered):
    """The location stands on the server, whose rules are those of another application."""
    http = rendered(app("direct", *BY_RULE, {"path": "/"}, access={**BASIC, "deny": ["192.0.2.66"]}, prefix="/shop"))
    server = front_of(http)
    found = {place.args[0]: rules_of(place) for place in server.all("location") if place.args[0].startswith("@previous")}
    assert found == {
        "@previous.shop": ["deny 192.0.2.66", "auth_basic Staging", "auth_basic_user_file flaskops/shop.users"],
        "@previous.shop.1": ["allow all", "auth_basic off", "auth_request off"],
        "@previous.shop.2": ["allow 192.0.2.1", "deny all", "auth_basic Staging", "auth_basic_user_file flaskops/shop.users"],
        "@previous.shop.3": ["deny 192.0.2.66", "auth_basic Restricted", "auth_basic_user_file flaskops/shop.3.users"],
    }


@pytest.mark.parametrize(
    ("access", "line"),
    [
        ({"basic": {}}, "shop.nginx.access.basic.users is missing; write it: passwords by name."),
        ({"basic": {"users": {}}}, "shop.nginx.access.basic.users is empty; write at least one"),
        ({"basic": {"users": {"ann": "short"}}}, "shop.nginx.access.basic.users.ann is a secret, which cannot be used here; write {name"),
        ({"basic": {"users": {"a:b": PASSWORD}}}, "shop.nginx.access.basic.users.'a:b' cannot be a name here; write {name"),
        ({"basic": {"users": {"ann": True}}}, "shop.nginx.access.basic.users.ann is a secret, but must be text; write it in quotes"),
        ({"basic": {"realm": 'a"b', "users": {"ann": PASSWORD}}}, "shop.nginx.access.basic.realm is 'a\"b', which cannot be used here"),
        ({"public": True}, "shop.nginx.access.public is not a key of the description"),
    ],
)
def test_what_cannot_be_asked_for_is_told(access, line):
    (told,) = problems(app(access=access))
    assert told.startswith(line), told
    assert PASSWORD not in told


def test_a_route_is_for_everybody_or_for_some():
    (told,) = problems(app("direct", {"path": "/", "access": {"public": True, **ADMIN}}))
    assert told.startswith("shop.nginx.routes[0].access has public and basic; keep one of the two")


# --- a server that nginx asks -------------------------------------------------------------------------------------------------------------

ASKED = {"request": {"url": "http://127.0.0.1:4180/oauth2/auth", "paths": "/oauth2/", "login": "/oauth2/start", "user": "X-Who"}}
PLACE = ("=", "/.flaskops/asked.shop")


def asking(front: str, **nginx):
    cached = {"path": "/cached", "mode": "cache", "ignore_cookies": ["*"]}
    return app(front, *ROUTES, cached, **{"access": ASKED, **nginx})


@pytest.mark.parametrize("front", FRONTS)
def test_nginx_asks_another_server_and_leads_to_its_login(rendered, front):
    server, hop = front_of(rendered(asking(front))), HOP[front]
    assert server.values("auth_request") == [PLACE[1]]
    assert server.values("auth_request_set") == ["$flask_shop_visitor $upstream_http_x_who"]
    assert "401 = /oauth2/start" in server.values("error_page")
    question = location(server, *PLACE)
    assert (len(question.all("internal")), question.values("proxy_pass")) == (1, ["http://127.0.0.1:4180/oauth2/auth"])
    assert question.values("proxy_pass_request_body") == ["off"]
    login = location(server, "^~", "/oauth2/")
    assert login.values("proxy_pass") == ["http://127.0.0.1:4180/oauth2/"], "with a path, nginx sends on the one that it has cleaned"
    assert {"auth_request", "auth_basic", "allow"} <= set(login.names())
    assert sent(server, hop) == ["$flask_shop_visitor"]


@pytest.mark.parametrize("front", FRONTS)
def test_no_page_takes_the_place_of_the_answer_that_nginx_has_asked_for(rendered, front):
    """With an http block that intercepts errors, the page of the login would be an answer of 200, and everybody would pass."""
    server = front_of(rendered(asking(front, extra=["error_page 502 =200 /mine.html;"])))
    question, login = location(server, *PLACE), location(server, "^~", "/oauth2/")
    assert question.values("proxy_intercept_errors") == login.values("proxy_intercept_errors") == ["off"]
    assert question.values("error_page") == ["502 504 /.flaskops/502.html"], "a level with a page inherits none"
    assert question.values("proxy_pass_request_headers") == ["on"]
    assert question.values("proxy_cache") == login.values("proxy_cache") == login.values("proxy_store") == ["off"]


@pytest.mark.parametrize("front", FRONTS)
def test_the_server_is_told_one_path_in_every_header(rendered, front):
    http = rendered(asking(front))
    told = {inner.args[0]: inner.args[1] for inner in location(front_of(http), *PLACE).all("proxy_set_header")}
    assert (told["X-Original-URI"], told["X-Forwarded-Uri"]) == ("$flaskops_path$flaskops_query", "$flaskops_path")
    query = mapping(http, "$flaskops_query")
    assert {uri: decide(query, uri) for uri in ("/a", "/a?b=/c?d")} == {"/a": "", "/a?b=/c?d": "$flaskops_after"}


@pytest.mark.parametrize("front", FRONTS)
def test_no_header_of_the_client_says_more_about_the_visitor(rendered, front):
    """oauth2-proxy and others tell groups and addresses too, and an application that believes these must not get the client's own."""
    name = {"uwsgi": ("uwsgi_param", "HTTP_X_AUTH_REQUEST_GROUPS"), "proxy": ("proxy_set_header", "X-Auth-Request-Groups")}[HOP[front]]
    server = front_of(rendered(asking(front)))
    assert [[inner.args[1] for inner in place.all(*name)] for place in (server, location(server, "/hooks"))] == [[""], [""]]
    assert not front_of(rendered(app(front))).all(*name), "somebody else's proxy may send it"
    own = {"uwsgi": "uwsgi_param HTTP_X_AUTH_REQUEST_GROUPS $mine;", "proxy": "proxy_set_header X-Auth-Request-Groups $mine;"}[HOP[front]]
    given = front_of(rendered(asking(front, extra=[own])))
    assert [inner.args[1] for inner in given.all(*name)] == ["$mine"], "nginx would warn of two"


@pytest.mark.parametrize("front", FRONTS)
def test_a_route_is_for_everybody_or_asks_for_a_password_instead(rendered, front):
    server, hop = front_of(rendered(asking(front))), HOP[front]
    hooks, admin = location(server, "/hooks"), location(server, "/admin")
    assert hooks.values("auth_request") == admin.values("auth_request") == ["off"]
    assert (sent(hooks, hop), sent(admin, hop)) == ([], ["$remote_user"])
    assert admin.all("error_page"), "the site's would lead to its login"
    assert not [value for value in admin.values("error_page") if value.startswith("401")]


@pytest.mark.parametrize("front", FRONTS)
def test_the_header_with_the_name_is_never_the_clients(rendered, front):
    server = front_of(rendered(asking(front)))
    name = {"uwsgi": ("uwsgi_param", "HTTP_X_WHO"), "proxy": ("proxy_set_header", "X-Who")}[HOP[front]]
    told = {
        place.args[-1]: [inner.args[1] for inner in place.all(*name)] for place in (location(server, "/hooks"), location(server, "/admin"))
    }
    assert told == {"/hooks": [""], "/admin": [""]}
    assert [inner.args[1] for inner in server.all(*name)] == ["$flask_shop_visitor"]
    elsewhere = front_of(rendered(app(front, {"path": "/"}, {"path": "/admin", "access": ASKED})))
    assert [inner.args[1] for inner in elsewhere.all(*name)] == [""], "also where another route alone asks"


@pytest.mark.parametrize("front", FRONTS)
def test_an_answer_for_one_visitor_is_not_kept_for_others(rendered, front):
    cached = location(front_of(rendered(asking(front))), "/cached")
    for directive in ("no_cache", "cache_bypass"):
        assert "$flask_shop_visitor" in cached.values(f"{HOP[front]}_{directive}")[0].split()


def test_no_front_server_on_another_host_leads_past_the_question(rendered):
    server = backend_of(rendered(asking("proxy"), nginx_site_front_addresses=REMOTE), listen=TCP)
    assert server.values("auth_request") == [PLACE[1]]
    assert location(server, *PLACE).all("proxy_pass")
    assert sent(server, "uwsgi") == ["$flask_shop_visitor"]
    assert [inner.args[1] for inner in server.all("uwsgi_param", "HTTP_X_WHO")] == ["$flask_shop_visitor"]


def test_below_a_prefix_the_login_is_there_too(rendered):
    server = front_of(rendered(asking("direct", prefix="/shop")))
    mounted = location(server, "^~", "/shop/")
    assert mounted.values("auth_request") == [PLACE[1]]
    assert location(server, *PLACE).all("proxy_pass"), "the question stands on the server itself"
    assert location(mounted, "^~", "/shop/oauth2/").all("proxy_pass")
    assert "401 = /shop/oauth2/start" in mounted.values("error_page")


@pytest.mark.parametrize(
    ("access", "line"),
    [
        ({**BASIC, **ASKED}, "shop.nginx.access has basic and request, and a visitor has one name; keep one of the two."),
        ({"request": {}}, "shop.nginx.access.request.url is missing; write it: "),
        ({"request": {"url": "http://auth.example.com/x"}}, "shop.nginx.access.request.url is 'http://auth.example.com/x', which cannot"),
        ({"request": {"url": "http://127.0.0.1:80/x;deny"}}, "shop.nginx.access.request.url is 'http://127.0.0.1:80/x;deny', which cannot"),
        ({"request": {"url": "http://127.0.0.1:80/$host"}}, "shop.nginx.access.request.url is 'http://127.0.0.1:80/$host', which cannot"),
        ({"request": {**ASKED["request"], "login": "/login"}}, "shop.nginx.access.request.login is '/login', which is not below paths"),
    ],
)
def test_what_cannot_be_asked_is_told(access, line):
    (told,) = problems(app(access=access))
    assert told.startswith(line), told
