# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Routes of every mode on both fronts: where nginx passes a request, and which ones it answers itself."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.site_mark import MARK_HEADER
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.modes import MODES
from ansible_collections.flaskops.stack.tests.unit.render import describe, nginx_order
from ansible_collections.flaskops.stack.tests.unit.roles.sites import (
    CACHE,
    FRONTS,
    HIDDEN,
    HOP,
    PLAIN,
    SOCKET,
    STREAM,
    app,
    backend_of,
    front_of,
    location,
    mapping,
    places,
    servers_of,
)

# Every mix of modes behind both fronts, one site for each.
# A route of each mode, with the keys that the mode requires; a new mode without an example here fails at once.
EXAMPLES = {"static": {"directory": "web/static"}, "redirect": {"to": "/new"}}
OF_EACH_MODE = [{"path": f"/{mode}/", "mode": mode, **EXAMPLES.get(mode, {})} for mode in MODES]
ROUTE_SETS = [routes for count in range(4) for routes in itertools.combinations([PLAIN, CACHE, STREAM], count)]
MIXES = {"-".join([front, *(route.get("mode", "plain") for route in routes)]): (front, routes) for front in FRONTS for routes in ROUTE_SETS}


@pytest.mark.parametrize("mix", MIXES)
def test_every_mix_of_routes_is_a_configuration(rendered, mix):
    http = rendered(*[describe(name=name, nginx={"front": front, "routes": list(routes)}) for name, (front, routes) in MIXES.items()])
    front, routes = MIXES[mix]
    for server in servers_of(http, front, mix):
        assert places(server) == {(route["path"],) for route in routes} | {("/",)}
        # Without a route of its own, / must not show what nginx has in its default root.
        assert (location(server, "/").values("return") == ["404"]) == (PLAIN not in routes)


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("route", OF_EACH_MODE, ids=lambda route: route["mode"])
def test_each_mode_is_answered_by_both_servers_as_its_traits_say(rendered, front, route):
    http, mode = rendered(app(front, PLAIN, *OF_EACH_MODE)), MODES[route["mode"]]
    (where,) = [place for place in places(front_of(http)) if route["path"] in place]
    at_the_front = location(front_of(http), *where)
    assert bool(at_the_front.values(f"{HOP[front]}_pass")) == mode.passes
    assert bool([name for name in at_the_front.names() if name.endswith("_cache_valid")]) == mode.stores
    if front == "proxy":
        behind = [location(backend_of(http), *place) for place in places(backend_of(http)) if route["path"] in place]
        assert len(behind) == 1, "what nginx answers itself does not fall into the route above it"
        assert [bool(place.values("uwsgi_pass")) for place in behind] == [mode.passes for _place in behind]


def test_every_mode_has_a_template_and_every_template_a_mode():
    templates = Path(__file__).parents[3] / "roles/nginx_site/templates/modes"
    assert {path.name.removesuffix(".conf.j2") for path in templates.iterdir()} == set(MODES)


def test_direct_passes_to_the_socket_of_the_application(rendered):
    http = rendered(app("direct"))
    assert http.one("upstream", "flask_shop").values("server") == ["unix:/run/flask/shop/uwsgi.sock"]
    assert location(front_of(http), "/").values("uwsgi_pass") == ["flask_shop$flask_shop_paused"]
    assert len([server for server in http.all("server") if "shop.example.com" in server.one("server_name").args]) == 1


@pytest.mark.parametrize("front", FRONTS)
def test_streams_go_to_their_pool(rendered, front):
    http = rendered(app(front, PLAIN, CACHE, STREAM))
    server = front_of(http) if front == "direct" else backend_of(http)
    targets = {place: location(server, place).one("uwsgi_pass").args[0] for place in ("/", "/api", "/time/")}
    assert targets == {
        "/": "flask_shop$flask_shop_paused",
        "/api": "flask_shop$flask_shop_paused",
        "/time/": "flask_shop.stream$flask_shop_paused",
    }
    sockets = {upstream.args[0]: upstream.values("server") for upstream in http.all("upstream")}
    assert sockets["flask_shop"] == ["unix:/run/flask/shop/uwsgi.sock"]
    # No other server beside it: streams must not fall back on the workers of the rest.
    assert sockets["flask_shop.stream"] == ["unix:/run/flask/shop/stream.sock"]


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("change", [{"uwsgi": {"stream": {"pool": "none"}}}, {"socket": "/run/other.sock"}])
def test_without_a_pool_they_go_where_all_go(rendered, front, change):
    http = rendered({**app(front, PLAIN, STREAM), **change})
    server = front_of(http) if front == "direct" else backend_of(http)
    assert location(server, "/time/").one("uwsgi_pass").args == ("flask_shop$flask_shop_paused",)
    assert "flask_shop.stream" not in {upstream.args[0] for upstream in http.all("upstream")}


def test_without_streams_there_is_no_upstream_for_them(rendered):
    assert {upstream.args[0] for upstream in rendered(app()).all("upstream")} == {"flask_shop", "flask_shop.paused", "flaskops_backend"}


def test_the_socket_can_be_named(rendered):
    http = rendered(describe(socket="/run/elsewhere.sock"))
    assert http.one("upstream", "flask_shop").values("server") == ["unix:/run/elsewhere.sock"]


def test_proxy_passes_to_the_backend_and_that_to_the_socket(rendered):
    http = rendered(app("proxy"))
    assert http.one("upstream", "flaskops_backend").values("server") == [SOCKET]
    assert location(front_of(http), "/").values("proxy_pass") == ["http://flaskops_backend"]
    assert location(backend_of(http), "/").values("uwsgi_pass") == ["flask_shop$flask_shop_paused"]


@pytest.mark.parametrize("front", FRONTS)
def test_a_site_listens_where_the_role_says(rendered, front):
    http = rendered(app(front), nginx_site_listen=["80", "192.0.2.1:8080"])
    assert front_of(http).values("listen") == ["80", "192.0.2.1:8080"]


@pytest.mark.parametrize(
    ("listen", "asked"),
    [
        (["80", "[::]:80"], "80"),
        (["443 ssl", "192.0.2.1:8080 reuseport"], "192.0.2.1:8080"),
        (["unix:/run/x.sock", "443 ssl", "443 quic"], None),
    ],
)
def test_sites_are_probed_where_plain_http_is_spoken(listen, asked):
    order = nginx_order([describe()], nginx_site_listen=listen)
    assert order.get("probe_listen", [None])[0] == asked
    assert [site["name"] for site in order["probe_sites"]] == (["shop"] if asked else [])
    assert nginx_order([describe()], nginx_site_listen=listen, nginx_site_probe=False)["probe_sites"] == []


def test_all_server_names_are_served(rendered):
    http = rendered(describe(nginx={"front": "proxy", "server_names": ["a.example.com", "*.b.example.com"]}))
    named = [server.values("server_name") for server in http.all("server")]
    assert named.count(["a.example.com *.b.example.com"]) == 2


@pytest.mark.parametrize("front", FRONTS)
def test_a_body_of_the_allowed_size_passes_every_server(rendered, front):
    http = rendered(app(front, max_body_size="25m"))
    servers = servers_of(http, front)
    assert [server.values("client_max_body_size") for server in servers] == [["25m"]] * len(servers)


@pytest.mark.parametrize("front", FRONTS)
def test_static_files_are_served_by_nginx(rendered, front):
    http = rendered(app(front, PLAIN, {"path": "/static/", "mode": "static", "directory": "web/static", "max_age": "7d"}))
    static = location(front_of(http), "^~", "/static/")
    assert static.values("try_files") == ["$uri @previous"]
    assert static.values("expires") == ["7d"]
    # Pages that were loaded before a switch ask for the files of the release before.
    previous = location(front_of(http), "@previous")
    assert previous.values("root") == ["/srv/flask/shop/public/previous"]
    assert previous.values("try_files") == ["$uri =404"]
    if front == "proxy":
        # For fronts on other hosts, which do not have the files.
        assert location(backend_of(http), "^~", "/static/").values("try_files") == ["$uri @previous"]


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize(
    ("route", "answer"),
    [
        ({"path": "/old", "mode": "redirect", "to": "https://example.com$request_uri"}, "301 https://example.com$request_uri"),
        ({"path": "/old", "mode": "redirect", "to": "/new", "status": 308}, "308 /new"),
        ({"path": "/admin", "mode": "deny"}, "403"),
        ({"path": "/gone", "mode": "deny", "status": "410"}, "410"),
    ],
)
def test_nginx_answers_itself(rendered, front, route, answer):
    http = rendered(app(front, PLAIN, route))
    answering = location(front_of(http), route["path"])
    assert answering.values("return") == [answer]
    assert not [name for name in answering.names() if name.endswith("_pass")]
    if front == "proxy":
        assert location(backend_of(http), route["path"]).values("return") == [answer]


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize(
    ("match", "path", "args"), [("prefix", "/a", ("/a",)), ("exact", "/a", ("=", "/a")), ("regex", "^/a/[0-9]+$", ("~", "^/a/[0-9]+$"))]
)
def test_paths_are_compared_as_they_are_meant(rendered, front, match, path, args):
    http = rendered(app(front, {"path": path, "match": match}))
    for server in servers_of(http, front):
        assert places(server) == {args, ("/",)}
        assert location(server, "/").values("return") == ["404"]


@pytest.mark.parametrize("front", FRONTS)
def test_an_exact_root_is_not_everything(rendered, front):
    for server in servers_of(rendered(app(front, {"path": "/", "match": "exact"})), front):
        assert places(server) == {("=", "/"), ("/",)}


@pytest.mark.parametrize("front", FRONTS)
def test_hidden_files_are_nobodys_business(rendered, front):
    hidden = location(front_of(rendered(app(front))), *HIDDEN)
    assert hidden.values("return") == ["404"]
    pattern = HIDDEN[1]
    for path, is_hidden in (("/.env", True), ("/a/.git/config", True), ("/.well-known/security.txt", False), ("/a.b", False)):
        assert bool(re.search(pattern, path)) == is_hidden


@pytest.mark.parametrize("front", FRONTS)
def test_a_route_that_names_a_hidden_path_goes_before_the_rule_that_hides_it(rendered, front):
    """Radicale has its pages below /.web/. nginx: "^~" keeps regular expressions from being checked."""
    shown, usual = {"path": "/.web/"}, {"path": "/.well-known/x"}
    for server in servers_of(rendered(app(front, {"path": "/"}, shown, usual)), front):
        assert places(server) == {("/",), ("^~", "/.web/"), ("/.well-known/x",)}


DEFAULT_HEADERS = ["Referrer-Policy", "X-Content-Type-Options", "X-Frame-Options"]


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("route", [PLAIN, CACHE, STREAM, {"path": "/s/", "mode": "static", "directory": "s"}])
def test_every_route_has_the_headers(rendered, front, route):
    server = front_of(rendered(app(front, route)))
    # A location with an add_header of its own inherits none.
    (place,) = [place for place in server.all("location") if place.args[-1] == route["path"]]
    added = {inner.args[0]: inner.args[1:] for inner in (place if place.all("add_header") else server).all("add_header")}
    assert set(added) >= {*DEFAULT_HEADERS, MARK_HEADER}
    assert all(args[-1] == "always" for args in added.values())


def test_a_route_with_a_header_of_its_own_has_the_others_too(rendered):
    http = rendered(app("direct", PLAIN, {"path": "/a", "extra": ["add_header X-A b;"]}))
    assert {inner.args[0] for inner in location(front_of(http), "/a").all("add_header")} == {*DEFAULT_HEADERS, MARK_HEADER, "X-A"}
    assert not location(front_of(http), "/").all("add_header")


def test_a_header_of_the_application_wins(rendered):
    http = rendered(app("direct", headers={"X-Frame-Options": "DENY", "Referrer-Policy": "", "X-New": "a; b"}))
    added = {inner.args[0]: inner.args[1] for inner in front_of(http).all("add_header")}
    assert set(added) == {"X-Content-Type-Options", "X-Frame-Options", "X-New", MARK_HEADER}
    for header, value in (("X-Frame-Options", "DENY"), ("X-New", "a; b")):
        assert mapping(http, added[header]) == {"": value}
        (source,) = [inner.args[0] for inner in http.all("map") if inner.args[1] == added[header]]
        assert source == f"$upstream_http_{header.lower().replace('-', '_')}"


@pytest.mark.parametrize(
    ("front", "more", "evidence"),
    [
        ("direct", {}, "$upstream_header_time"),
        ("proxy", {}, "$upstream_http_x_flask_instance"),
        ("proxy", {"backends": ["192.0.2.1:8000"]}, "$upstream_header_time"),
    ],
)
def test_only_the_host_itself_is_told_which_site_has_answered(rendered, front, more, evidence):
    http = rendered(app(front, **more))
    (mark,) = [inner.args[1] for inner in front_of(http).all("add_header", MARK_HEADER)]
    assert mapping(http, mark) == {"volatile": "", "default": "", "1": f"shop {evidence}"}
    sources = {inner.args[1]: inner.args[0] for inner in http.all("map")}
    assert (sources[mark], sources["$flaskops_asked"]) == ("$flaskops_asked", "$flaskops_asked_from")
    (pattern,) = set(mapping(http, "$flaskops_asked")) - {"default"}
    assert re.match(pattern.removeprefix("~"), "192.0.2.7 192.0.2.7")
    assert not re.match(pattern.removeprefix("~"), "192.0.2.7 192.0.2.70")
    assert mapping(http, "$flaskops_asked_from") == {"default": "", "flaskops-probe": "$realip_remote_addr $server_addr"}


def test_a_header_may_be_zero(rendered):
    http = rendered(app("direct", headers={"X-XSS-Protection": 0}))
    assert "X-XSS-Protection" in [inner.args[0] for inner in front_of(http).all("add_header")]


def test_a_header_in_other_letters_is_the_same(rendered):
    http = rendered(app("direct", headers={"x-frame-options": "DENY"}))
    assert [inner.args[0].lower() for inner in front_of(http).all("add_header")].count("x-frame-options") == 1


def test_variables_of_applications_are_apart(rendered):
    http = rendered(*[describe(name=name, nginx={"headers": {"X-A": name}}) for name in ("a-b", "a_b", "aDb".lower())])
    variables = [inner.args[1] for inner in http.all("map") if inner.args[0] == "$upstream_http_x_a"]
    assert len(set(variables)) == 3


@pytest.mark.parametrize("front", FRONTS)
def test_clients_can_be_limited(rendered, front):
    http = rendered(app(front, limit={"rate": "10r/s", "burst": 5, "connections": 8}))
    assert http.values("limit_req_zone") == ["$flaskops_client zone=flask_shop_rate:10m rate=10r/s"]
    assert http.values("limit_conn_zone") == ["$flaskops_client zone=flask_shop_connections:10m"]
    server = front_of(http)
    assert server.values("limit_req") == ["zone=flask_shop_rate burst=5 nodelay"]
    assert server.values("limit_conn") == ["flask_shop_connections 8"]
    assert server.values("limit_req_status") == server.values("limit_conn_status") == ["429"]
    assert not [name for name in rendered(app(front)).names() if "limit_" in name and not name.endswith("_dry_run")]


@pytest.mark.parametrize(
    ("log", "written"),
    [
        ("combined", "/var/log/nginx/shop.access.log flaskops_combined buffer=32k flush=1s"),
        ("json", "/var/log/nginx/shop.access.log flaskops_json buffer=32k flush=1s"),
        ("off", "off"),
    ],
)
def test_the_access_log(rendered, log, written):
    http = rendered(app("proxy", log=log))
    assert front_of(http).values("access_log") == [written]
    assert backend_of(http).values("access_log") == ["off"], "the front's log has it"


def test_a_line_of_the_json_log_is_json(rendered):
    parts = rendered(app()).one("log_format", "flaskops_json", "escape=json").args[2:]
    line = json.loads(re.sub(r"\$\w+", "1", "".join(parts)))
    assert {"time", "request_id", "client", "method", "host", "uri", "status", "seconds", "upstream_seconds", "cache"} <= set(line)


@pytest.mark.parametrize("front", FRONTS)
def test_further_directives_are_put_where_they_belong(rendered, front):
    extra = ["add_header X-Robots-Tag noindex;", "location = /x {\n    return 204;\n}"]
    http = rendered(app(front, {"path": "/a", "extra": ["client_max_body_size 1g;"]}, extra=extra))
    assert location(front_of(http), "=", "/x").values("return") == ["204"]
    assert "X-Robots-Tag noindex" in front_of(http).values("add_header")
    assert location(front_of(http), "/a").values("client_max_body_size") == ["1g"]


@pytest.mark.parametrize("front", FRONTS)
def test_the_recipe_of_the_tutorials_can_be_had(rendered, front):
    http, hop = rendered(app(front, PLAIN, {**CACHE, "preset": "seed"})), HOP[front]
    cached = location(front_of(http), "/api")
    assert cached.values(f"{hop}_ignore_headers") == ["X-Accel-Expires Expires Cache-Control"]
    assert cached.values(f"{hop}_cache_valid") == ["200 30d"]
    # One thing of it cannot be had: an answer that sets a cookie is not stored.
    assert "Set-Cookie" not in cached.one(f"{hop}_ignore_headers").args
