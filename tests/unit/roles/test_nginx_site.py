# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""nginx_site: every variant of a site, read back as nginx would read it."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.flaskops.stack.plugins.module_utils.host.managed import MANAGED
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.keys import MODES
from ansible_collections.flaskops.stack.tests.unit.parse import Directive, nginx, write_nginx
from ansible_collections.flaskops.stack.tests.unit.render import OVERLAYS, describe, nginx_files, task_vars

FRONTS = ("direct", "proxy")
HOP = {"direct": "uwsgi", "proxy": "proxy"}
PLAIN, CACHE, STREAM = {"path": "/"}, {"path": "/api", "mode": "cache"}, {"path": "/time/", "mode": "stream"}
# Headers that a client could send to make an application believe something.
TRUSTED_HEADERS = {
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-SSL",
    "X-Real-IP",
    "X-Request-ID",
    "Forwarded",
    "Proxy",
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Render the sites of descriptions and return the `http` block; equal ones once."""
    seen: dict[str, Directive] = {}

    def render(*apps, **variables):
        key = json.dumps([apps, variables])
        if key not in seen:
            seen[key] = nginx(nginx_files(apps, **variables), tmp_path_factory.mktemp("nginx"))
        return seen[key]

    return render


def app(front: str = "direct", *routes: dict, **nginx_keys):
    return describe(nginx={"front": front, "server_names": ["shop.example.com"], "routes": list(routes or [PLAIN]), **nginx_keys})


def front_of(http: Directive, name: str = "shop.example.com") -> Directive:
    (found,) = [server for server in http.all("server") if name in server.one("server_name").args and "80" in server.values("listen")]
    return found


def backend_of(http: Directive, name: str = "shop.example.com") -> Directive:
    (found,) = [
        server for server in http.all("server") if name in server.one("server_name").args and server.values("listen") == ["127.0.0.1:8000"]
    ]
    return found


def servers_of(http: Directive, front: str, name: str = "shop.example.com") -> list[Directive]:
    """Return every server a request for a site goes through."""
    return [front_of(http, name), *([backend_of(http, name)] if front == "proxy" else [])]


def location(server: Directive, *args: str) -> Directive:
    """Return the location with exactly these arguments."""
    (found,) = [place for place in server.all("location") if place.args == args]
    return found


HIDDEN = ("~", r"/\.(?!well-known/)")


def places(server: Directive) -> set[tuple[str, ...]]:
    """Return the arguments of all locations but the one for hidden files."""
    return {place.args for place in server.all("location")} - {HIDDEN}


def mapping(http: Directive, variable: str) -> dict[str, str]:
    """Return what a variable is mapped from."""
    (found,) = [inner for inner in http.all("map") if inner.args[1] == variable]
    return {inner.name: inner.args[0] for inner in found.block}


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
        assert bool(behind) == (mode.passes or mode.files)
        assert [bool(place.values("uwsgi_pass")) for place in behind] == [mode.passes for _place in behind]


def test_every_mode_has_a_template_and_every_template_a_mode():
    templates = Path(__file__).parents[3] / "roles/nginx_site/templates/modes"
    assert {path.name.removesuffix(".conf.j2") for path in templates.iterdir()} == set(MODES)


def test_direct_passes_to_the_socket_of_the_application(rendered):
    http = rendered(app("direct"))
    assert http.one("upstream", "flask_shop").values("server") == ["unix:/run/flask/shop/uwsgi.sock"]
    assert location(front_of(http), "/").values("uwsgi_pass") == ["flask_shop"]
    assert len([server for server in http.all("server") if "shop.example.com" in server.one("server_name").args]) == 1


@pytest.mark.parametrize("front", FRONTS)
def test_streams_go_to_their_pool(rendered, front):
    http = rendered(app(front, PLAIN, CACHE, STREAM))
    server = front_of(http) if front == "direct" else backend_of(http)
    targets = {place: location(server, place).one("uwsgi_pass").args[0] for place in ("/", "/api", "/time/")}
    assert targets == {"/": "flask_shop", "/api": "flask_shop", "/time/": "flask_shop.stream"}
    sockets = {upstream.args[0]: upstream.values("server") for upstream in http.all("upstream")}
    assert sockets["flask_shop"] == ["unix:/run/flask/shop/uwsgi.sock"]
    # No other server beside it: streams must not fall back on the workers of the rest.
    assert sockets["flask_shop.stream"] == ["unix:/run/flask/shop/stream.sock"]


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("change", [{"uwsgi": {"stream": {"pool": "none"}}}, {"socket": "/run/other.sock"}])
def test_without_a_pool_they_go_where_all_go(rendered, front, change):
    http = rendered({**app(front, PLAIN, STREAM), **change})
    server = front_of(http) if front == "direct" else backend_of(http)
    assert location(server, "/time/").one("uwsgi_pass").args == ("flask_shop",)
    assert "flask_shop.stream" not in {upstream.args[0] for upstream in http.all("upstream")}


def test_without_streams_there_is_no_upstream_for_them(rendered):
    assert {upstream.args[0] for upstream in rendered(app()).all("upstream")} == {"flask_shop", "flaskops_backend"}


def test_the_socket_can_be_named(rendered):
    http = rendered(describe(socket="/run/elsewhere.sock"))
    assert http.one("upstream", "flask_shop").values("server") == ["unix:/run/elsewhere.sock"]


def test_proxy_passes_to_the_backend_and_that_to_the_socket(rendered):
    http = rendered(app("proxy"))
    assert http.one("upstream", "flaskops_backend").values("server") == ["127.0.0.1:8000"]
    assert location(front_of(http), "/").values("proxy_pass") == ["http://flaskops_backend"]
    assert location(backend_of(http), "/").values("uwsgi_pass") == ["flask_shop"]


def test_the_backend_listens_on_loopback_only(rendered):
    http = rendered(app("proxy", PLAIN, CACHE), nginx_site_listen=["80", "[::]:80"])
    assert backend_of(http).values("listen") == ["127.0.0.1:8000"]


def test_address_of_the_backend_is_the_same_everywhere(rendered):
    http = rendered(app("proxy"), nginx_site_backend_listen="127.0.0.1:8080")
    assert http.one("upstream", "flaskops_backend").values("server") == ["127.0.0.1:8080"]
    listening = [server for server in http.all("server") if any("8080" in listen for listen in server.values("listen"))]
    assert len(listening) == 2  # the site's own and the catch-all's


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
    known = task_vars("nginx_site", flask_apps=[], nginx_site_listen=listen)
    found = Templar(loader=DataLoader(), variables=known).template(known["__nginx_site_plain_listen"])
    assert (found[0] if found else None) == asked


def test_all_server_names_are_served(rendered):
    http = rendered(describe(nginx={"front": "proxy", "server_names": ["a.example.com", "*.b.example.com"]}))
    named = [server.values("server_name") for server in http.all("server")]
    assert named.count(["a.example.com *.b.example.com"]) == 2


@pytest.mark.parametrize("front", FRONTS)
def test_a_body_of_the_allowed_size_passes_every_server(rendered, front):
    http = rendered(app(front, max_body_size="25m"))
    servers = servers_of(http, front)
    assert [server.values("client_max_body_size") for server in servers] == [["25m"]] * len(servers)


# --- cache ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("front", FRONTS)
def test_a_cached_route_stores_what_belongs_to_nobody(rendered, front):
    http, hop = rendered(app(front, PLAIN, {**CACHE, "valid": {200: "30d", 404: "1m"}})), HOP[front]
    cached = location(front_of(http), "/api")
    assert cached.values(f"{hop}_cache") == ["flask_shop"]
    assert cached.values(f"{hop}_cache_valid") == ["200 30d", "404 1m"]
    assert cached.values(f"{hop}_cache_key") == ["$flaskops_scheme$request_method$flaskops_host$request_uri$realpath_root"]
    personal = "$http_authorization $cookie_session $cookie_remember_token"
    assert cached.values(f"{hop}_no_cache") == [f"{personal} $flaskops_has_body $flaskops_upgrade $flaskops_other_instance"]
    assert cached.values(f"{hop}_cache_bypass") == [f"{personal} $flaskops_has_body $flaskops_upgrade"]
    assert cached.values(f"{hop}_cache_lock") == ["on"]
    assert cached.values("open_file_cache_valid") == ["1s"], "files that somebody removes by hand are missed within a second"
    assert "updating" in cached.one(f"{hop}_cache_use_stale").args
    assert "X-Proxy-Cache $upstream_cache_status always" in cached.values("add_header")
    # Headers of the application that forbid storing are obeyed.
    assert not cached.all(f"{hop}_ignore_headers")


@pytest.mark.parametrize("front", FRONTS)
def test_an_answer_is_of_the_instance_in_its_key(rendered, front):
    http, hop = rendered(app(front, PLAIN, CACHE)), HOP[front]
    # The root that $realpath_root is made of, and the header that tells whose answer it is.
    assert front_of(http).values("root") == ["/srv/flask/shop/public/current"]
    assert front_of(http).values(f"{hop}_hide_header") == ["X-Flask-Instance"]
    mapped = mapping(http, "$flaskops_other_instance")
    assert mapped.pop("default") == "1"
    ((pattern, same),) = mapped.items()
    assert same == "0"
    for root, header, is_same in (
        ("/x/public/0a1b", "0a1b", True),
        ("/x/public/0a1b", "0a1c", False),
        ("/x/public/0a1b", "", False),
        ("", "0a1b", False),
    ):
        assert bool(re.search(pattern.removeprefix("~"), f"{root} {header}")) == is_same


def test_without_an_instance_of_ours_the_key_is_the_request(rendered):
    http = rendered({"name": "shop", "nginx": {"server_names": ["shop.example.com"], "routes": [CACHE]}})
    assert location(front_of(http), "/api").values("uwsgi_cache_key") == ["$flaskops_scheme$request_method$flaskops_host$request_uri"]
    assert not front_of(http).all("root")


@pytest.mark.parametrize("front", FRONTS)
def test_the_zone_of_a_cache_is_declared_once_and_only_if_used(rendered, front):
    http, hop = rendered(app(front, PLAIN, CACHE, {"path": "/more", "mode": "cache"}, cache_size="1g")), HOP[front]
    zone = http.one(f"{hop}_cache_path")
    assert zone.args[0] == "/var/cache/nginx/shop"
    assert {"keys_zone=flask_shop:10m", "max_size=1g", "use_temp_path=off"} <= set(zone.args)
    assert not rendered(app(front)).all(f"{hop}_cache_path")


def test_only_the_front_caches(rendered):
    http = rendered(app("proxy", PLAIN, CACHE))
    assert not [name for name in backend_of(http).names() if "cache" in name]


@pytest.mark.parametrize("front", FRONTS)
def test_other_cookies_can_bypass_the_cache(rendered, front):
    http, hop = rendered(app(front, {**CACHE, "bypass_cookies": ["sid"]})), HOP[front]
    assert location(front_of(http), "/api").values(f"{hop}_no_cache") == [
        "$http_authorization $cookie_sid $flaskops_has_body $flaskops_upgrade $flaskops_other_instance"
    ]
    # Whoever sends a password never gets the store.
    http = rendered(app(front, {**CACHE, "bypass_cookies": []}))
    assert location(front_of(http), "/api").values(f"{hop}_cache_bypass") == ["$http_authorization $flaskops_has_body $flaskops_upgrade"]


def test_caches_of_applications_are_apart(rendered):
    apps = [describe(name=name, nginx={"routes": [CACHE]}) for name in ("shop", "blog")]
    zones = rendered(*apps).all("uwsgi_cache_path")
    assert [zone.args[0] for zone in zones] == ["/var/cache/nginx/blog", "/var/cache/nginx/shop"]
    assert {arg for zone in zones for arg in zone.args if arg.startswith("keys_zone")} == {
        "keys_zone=flask_shop:10m",
        "keys_zone=flask_blog:10m",
    }


# --- stream --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("front", FRONTS)
def test_no_hop_holds_a_stream_back(rendered, front):
    http = rendered(app(front, PLAIN, {**STREAM, "read_timeout": "2h"}))
    for server, hop in zip(servers_of(http, front), [HOP[front], "uwsgi"], strict=False):
        streaming = location(server, "/time/")
        assert streaming.values(f"{hop}_buffering") == ["off"]
        assert streaming.values("gzip") == ["off"]
        assert streaming.values(f"{hop}_cache") == ["off"]
        assert streaming.values(f"{hop}_read_timeout") == ["2h"]
        assert not location(server, "/").all(f"{hop}_buffering")


@pytest.mark.parametrize(("route", "time"), [(PLAIN, "60s"), (CACHE, "60s"), (STREAM, "1h"), ({**PLAIN, "read_timeout": "5m"}, "5m")])
def test_every_hop_waits_as_long(rendered, route, time):
    http = rendered(app("proxy", route))
    assert location(front_of(http), route["path"]).values("proxy_read_timeout") == [time]
    assert location(backend_of(http), route["path"]).values("uwsgi_read_timeout") == [time]


# --- what the application is told ----------------------------------------------------------------------------------------


def test_no_client_can_forge_a_header_on_the_way_to_uwsgi(rendered):
    server = front_of(rendered(app("direct")))
    params = {inner.args[0]: inner.args[1:] for inner in server.all("uwsgi_param")}
    assert {f"HTTP_{name.upper().replace('-', '_')}" for name in TRUSTED_HEADERS} <= set(params)
    assert params["HTTP_X_FORWARDED_PROTO"] == ("$flaskops_scheme",)
    assert params["HTTP_X_FORWARDED_FOR"] == ("$remote_addr",)
    assert "QUERY_STRING" in params, "the standard parameters are part of the one set"


def test_no_client_can_forge_a_header_on_the_way_to_the_backend(rendered):
    http = rendered(app("proxy"))
    headers = {inner.args[0]: inner.args[1] for inner in front_of(http).all("proxy_set_header")}
    assert set(headers) >= TRUSTED_HEADERS
    assert not [value for value in headers.values() if value.startswith("$http_")]
    assert headers["Host"] == headers["X-Forwarded-Host"] == "$flaskops_host"
    # The backend believes the front about the address, and nobody else.
    backend = backend_of(http)
    assert backend.values("set_real_ip_from") == ["127.0.0.1", "::1"]
    params = {inner.args[0] for inner in backend.all("uwsgi_param")}
    assert {f"HTTP_{name.upper().replace('-', '_')}" for name in TRUSTED_HEADERS} <= params


@pytest.mark.parametrize("front", FRONTS)
def test_nothing_below_a_server_drops_its_parameters(rendered, front):
    # uwsgi_param and proxy_set_header of a location replace those of its server, all of them.
    http = rendered(app(front, PLAIN, CACHE, STREAM))
    for server in http.all("server"):
        for place in server.all("location"):
            assert not place.all("uwsgi_param")
            assert not place.all("proxy_set_header")


def test_only_proxies_that_are_known_are_believed(rendered):
    http = rendered(app("direct"))
    assert not http.all("set_real_ip_from")
    assert not http.all("real_ip_header")
    http = rendered(app("direct"), nginx_site_trusted_proxies=["192.0.2.1", "2001:db8::/32"])
    assert http.values("set_real_ip_from") == ["192.0.2.1", "2001:db8::/32"]
    trusted = {inner.name: inner.args[0] for inner in http.one("geo", "$realip_remote_addr", "$flaskops_trusted").block}
    assert trusted == {"default": "0", "192.0.2.1": "1", "2001:db8::/32": "1"}
    assert mapping(http, "$flaskops_scheme") == {"default": "$scheme", "1 http": "http", "1 https": "https"}


# --- what nginx does itself ------------------------------------------------------------------------------------------------


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
        assert places(backend_of(http)) == {("/",)}


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


DEFAULT_HEADERS = ["Referrer-Policy", "X-Content-Type-Options", "X-Frame-Options"]


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("route", [PLAIN, CACHE, STREAM, {"path": "/s/", "mode": "static", "directory": "s"}])
def test_every_route_has_the_headers(rendered, front, route):
    server = front_of(rendered(app(front, route)))
    # A location with an add_header of its own inherits none.
    (place,) = [place for place in server.all("location") if place.args[-1] == route["path"]]
    added = {inner.args[0]: inner.args[1:] for inner in (place if place.all("add_header") else server).all("add_header")}
    assert set(added) >= set(DEFAULT_HEADERS)
    assert all(args[-1] == "always" for args in added.values())


def test_a_header_of_the_application_wins(rendered):
    http = rendered(app("direct", headers={"X-Frame-Options": "DENY", "Referrer-Policy": "", "X-New": "a; b"}))
    added = {inner.args[0]: inner.args[1] for inner in front_of(http).all("add_header")}
    assert set(added) == {"X-Content-Type-Options", "X-Frame-Options", "X-New"}
    for header, value in (("X-Frame-Options", "DENY"), ("X-New", "a; b")):
        assert mapping(http, added[header]) == {"": value}
        (source,) = [inner.args[0] for inner in http.all("map") if inner.args[1] == added[header]]
        assert source == f"$upstream_http_{header.lower().replace('-', '_')}"


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
    assert http.values("limit_req_zone") == ["$binary_remote_addr zone=flask_shop_rate:10m rate=10r/s"]
    assert http.values("limit_conn_zone") == ["$binary_remote_addr zone=flask_shop_connections:10m"]
    server = front_of(http)
    assert server.values("limit_req") == ["zone=flask_shop_rate burst=5 nodelay"]
    assert server.values("limit_conn") == ["flask_shop_connections 8"]
    assert server.values("limit_req_status") == server.values("limit_conn_status") == ["429"]
    assert not [name for name in rendered(app(front)).names() if "limit_" in name]


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


# --- where a site is and what is behind it -------------------------------------------------------------------------------


@pytest.mark.parametrize("front", FRONTS)
def test_an_application_can_be_mounted_under_a_prefix(rendered, front):
    routes = [PLAIN, CACHE, {"path": "/s/", "mode": "static", "directory": "s"}, {"path": "/x", "match": "exact"}]
    http = rendered(app(front, *routes, prefix="/shop.v1"))
    for server in servers_of(http, front):
        assert places(server) == {
            *(("/shop.v1/",), ("/shop.v1/api",), ("^~", "/shop.v1/s/"), ("=", "/shop.v1/x")),
            *(("@previous",), ("=", "/shop.v1"), ("/",)),
        }
        assert location(server, "=", "/shop.v1").values("return") == ["308 /shop.v1/$is_args$args"]
        assert location(server, "/").values("return") == ["404"]
    # The last hop tells the application (PEP 3333).
    params = {inner.args[0]: inner.args[1] for inner in servers_of(http, front)[-1].all("uwsgi_param")}
    assert (params["SCRIPT_NAME"], params["PATH_INFO"]) == ("/shop.v1", "$flask_shop_path")
    ((pattern, rest),) = mapping(http, "$flask_shop_path").items()
    assert rest == "$flask_shop_rest"
    # In Python, named groups have a P.
    strip = re.compile(pattern.removeprefix("~").replace("(?<", "(?P<"))
    found = {path: strip.search(path) for path in ("/shop.v1/", "/shop.v1/a/b", "/shopXv1/a", "/x/shop.v1/a")}
    assert {path: match and match["flask_shop_rest"] for path, match in found.items()} == {
        "/shop.v1/": "/",
        "/shop.v1/a/b": "/a/b",
        "/shopXv1/a": None,
        "/x/shop.v1/a": None,
    }


@pytest.mark.parametrize("front", FRONTS)
def test_without_a_prefix_there_is_nothing_to_take_away(rendered, front):
    http = rendered(app(front))
    params = {inner.args[0]: inner.args[1] for inner in servers_of(http, front)[-1].all("uwsgi_param")}
    assert params["PATH_INFO"] == "$document_uri"
    assert "SCRIPT_NAME" not in params
    assert not [inner for inner in http.all("map") if inner.args[1] == "$flask_shop_path"]


def test_backends_on_other_hosts_are_passed_everything_the_front_does_not_answer(rendered):
    static = {"path": "/static/", "mode": "static", "directory": "static"}
    http = rendered(app("proxy", PLAIN, CACHE, STREAM, static, backends=["192.0.2.1:8000", "[2001:db8::1]:8000"]))
    upstream = http.one("upstream", "flask_shop_backends")
    assert upstream.values("server") == ["192.0.2.1:8000", "[2001:db8::1]:8000"]
    assert upstream.values("keepalive") == ["32"]
    server = front_of(http)
    for place in (("/",), ("/api",), ("/time/",), ("^~", "/static/")):
        assert location(server, *place).values("proxy_pass") == ["http://flask_shop_backends"]
    assert server.values("proxy_next_upstream") == ["error timeout"], "never non_idempotent"
    # Neither the application nor its files nor the name of its live instance are on this host.
    assert not [
        server for server in http.all("server") if "127.0.0.1:8000" in server.values("listen") and "shop.example.com" in str(server)
    ]
    assert not http.all("upstream", "flask_shop")
    assert not server.all("root")
    assert location(server, "/api").values("proxy_cache_key") == ["$flaskops_scheme$request_method$flaskops_host$request_uri"]


def test_only_fronts_reach_the_server_behind_the_proxy(rendered):
    http = rendered(app("proxy"), nginx_site_front_addresses=["192.0.2.9"])
    fronts = {inner.name: inner.args[0] for inner in http.one("geo", "$realip_remote_addr", "$flaskops_front").block}
    assert fronts == {"default": "0", "127.0.0.1": "1", "::1": "1", "192.0.2.9": "1"}
    backend = backend_of(http)
    (refusal,) = backend.all("if")
    assert refusal.values("return") == ["403"]
    assert backend.values("set_real_ip_from") == ["127.0.0.1", "::1", "192.0.2.9"]


def test_the_port_is_that_of_the_outermost_trusted_proxy(rendered):
    mapped = mapping(rendered(app()), "$flaskops_port")
    assert mapped.pop("default") == "$server_port"
    given = next(name for name in mapped if name.startswith("~"))
    mapped.pop(given)
    assert mapped == {"1  http": "80", "1  https": "443"}
    pattern = re.compile(given.removeprefix("~").replace("(?<", "(?P<"))
    assert pattern.search("1 8443 https")
    assert not pattern.search("0 8443 https")
    assert not pattern.search("1 x https")


@pytest.mark.parametrize("front", FRONTS)
def test_every_server_has_room_for_large_headers(rendered, front):
    http = rendered(app(front))
    (catch_all,) = [server for server in http.all("server") if server.values("return") == ["444"]]
    for server in (*servers_of(http, front), catch_all):
        assert server.values("large_client_header_buffers") == ["4 32k"]
    for server, hop in zip(servers_of(http, front), [HOP[front], "uwsgi"], strict=False):
        assert server.values(f"{hop}_buffer_size") == ["16k"]


@pytest.mark.parametrize("front", FRONTS)
def test_a_redirect_does_not_name_the_host_and_port_of_an_inner_server(rendered, front):
    for server in servers_of(rendered(app(front)), front):
        assert server.values("absolute_redirect") == ["off"]


def test_a_route_with_a_header_of_its_own_has_the_others_too(rendered):
    http = rendered(app("direct", PLAIN, {"path": "/a", "extra": ["add_header X-A b;"]}))
    assert {inner.args[0] for inner in location(front_of(http), "/a").all("add_header")} == {*DEFAULT_HEADERS, "X-A"}
    assert not location(front_of(http), "/").all("add_header")


# --- nginx.conf ------------------------------------------------------------------------------------------------------------


def test_workers_may_open_more_files_than_connections():
    text = nginx_files([app()], nginx_site_worker_connections=5000)["nginx.conf"]
    assert "    worker_connections 5000;\n" in text
    (files,) = re.findall(r"^worker_rlimit_nofile ([0-9]+);$", text, re.MULTILINE)
    assert int(files) >= 2 * 5000


def test_an_own_nginx_conf_is_respected():
    assert "nginx.conf" not in nginx_files([app()], nginx_site_manage_main=False)


# --- gixy ------------------------------------------------------------------------------------------------------------------

# For files of a release open_file_cache would answer with those of the release before, since it goes by the path with the link in it.
NOT_FOR_US = "try_files_is_evil_too"
MANY_ROUTES = [
    *(PLAIN, CACHE, {**CACHE, "path": "/seed", "preset": "seed"}, STREAM),
    {"path": "/s/", "mode": "static", "directory": "s"},
    {"path": r"^/a/\d{2}$", "match": "regex"},
    {"path": "/old", "mode": "redirect", "to": "/new$is_args$args"},
    {"path": "/moved", "mode": "redirect", "to": "https://example.com$request_uri"},
    {"path": "/admin", "mode": "deny"},
    {"path": "/extra", "extra": ["add_header X-A b;"]},
]


def gixy(main: Path) -> list[str]:
    """Return what gixy says of a configuration, medium and higher."""
    command = [str(Path(sys.executable).with_name("gixy")), "-ll", "--format", "json", "--skips", NOT_FOR_US, str(main)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    return [f"{issue['plugin']}: {issue['reason']}" for issue in json.loads(done.stdout)]


def test_gixy_finds_nothing(tmp_path):
    """One tree with every variant: fronts, modes, prefix, backends, limits, logs, trusted proxies."""
    variants = itertools.product(FRONTS, ("", "/shop"), ("combined", "json", "off"), ({}, {"rate": "9r/s", "connections": 9}))
    apps = [
        describe(name=f"a{index}", nginx={"front": front, "prefix": prefix, "log": log, "limit": limit, "routes": MANY_ROUTES})
        for index, (front, prefix, log, limit) in enumerate(variants)
    ]
    apps.append(describe(name="edge", nginx={"front": "proxy", "backends": ["192.0.2.1:80", "192.0.2.2:80"], "routes": MANY_ROUTES}))
    main = write_nginx(
        nginx_files(apps, nginx_site_trusted_proxies=["192.0.2.0/24"], nginx_site_front_addresses=["198.51.100.7"]), tmp_path
    )
    assert gixy(main) == []


def test_gixy_sees_what_is_put_there(tmp_path):
    spoilt = app("direct", PLAIN, {"path": "/b", "extra": ["return 301 https://example.com$uri;"]})
    assert gixy(write_nginx(nginx_files([spoilt]), tmp_path))


# --- all sites -----------------------------------------------------------------------------------------------------------


def test_an_unknown_host_gets_no_answer(rendered):
    http = rendered(app("proxy"))
    (catch_all,) = [server for server in http.all("server") if server.values("return") == ["444"]]
    assert catch_all.values("listen") == ["80 default_server", "[::]:80 default_server", "127.0.0.1:8000 default_server"]
    assert [server for server in http.all("server") if "default_server" in str(server.all("listen"))] == [catch_all]


def test_the_catch_all_can_be_left_out(rendered):
    http = rendered(app("proxy"), nginx_site_catch_all=False)
    assert not [server for server in http.all("server") if "default_server" in str(server.all("listen"))]


def test_many_applications_share_what_is_there_once(rendered):
    apps = [describe(name=name, nginx={"front": front}) for name, front in (("a", "direct"), ("b", "proxy"), ("c", "proxy"))]
    http = rendered(*apps)
    assert [upstream.args[0] for upstream in http.all("upstream")] == ["flaskops_backend", "flask_a", "flask_b", "flask_c"]
    assert len(http.all("server")) == 1 + 1 + 2 + 2


def test_an_application_without_code_can_have_a_site(rendered):
    http = rendered({"name": "shop", "nginx": {"server_names": ["shop.example.com"]}})
    assert location(front_of(http), "/").values("uwsgi_pass") == ["flask_shop"]


def test_sites_are_enabled_by_links(tmp_path):
    files = nginx_files([app()])
    assert files["sites-enabled/shop.conf"] == "-> ../sites-available/shop.conf"
    assert files["sites-enabled/flaskops-catch-all.conf"] == "-> ../sites-available/flaskops-catch-all.conf"


def test_every_file_says_who_manages_it():
    assert [
        path for path, text in nginx_files([app()]).items() if not text.startswith("-> ") and text.splitlines()[1] != f"# {MANAGED}"
    ] == []


# --- overlays ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("overlay", sorted(OVERLAYS.glob("nginx_site/*.j2")), ids=lambda path: path.name)
@pytest.mark.parametrize("front", FRONTS)
def test_an_overlay_adds_to_the_site_and_takes_nothing(tmp_path, front, overlay):
    plain = app(front, PLAIN, CACHE, STREAM)
    before = nginx(nginx_files([plain]), tmp_path / "before")
    after = nginx(nginx_files([describe(**{**plain, "nginx": {**plain["nginx"], "template": str(overlay)}})]), tmp_path / "after")
    for mine, theirs in zip(before.all("server"), after.all("server"), strict=True):
        assert set(mine.names()) <= set(theirs.names())
        assert places(mine) <= places(theirs)
    assert len(list(after.names())) > len(list(before.names())), "it fills a block"
