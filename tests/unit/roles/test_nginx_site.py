# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A site as a whole: its place, the servers of other hosts behind it, the files that all sites share, and overlays."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.managed import MANAGED
from ansible_collections.flaskops.stack.tests.unit.parse import nginx, write_nginx
from ansible_collections.flaskops.stack.tests.unit.render import OVERLAYS, describe, nginx_files
from ansible_collections.flaskops.stack.tests.unit.roles.sites import (
    CACHE,
    FRONTS,
    HOP,
    PLAIN,
    SOCKET,
    STREAM,
    app,
    catch_alls,
    front_of,
    location,
    mapping,
    places,
    servers_of,
)

# --- where a site is and what is behind it -------------------------------------------------------------------------------


@pytest.mark.parametrize("front", FRONTS)
def test_an_application_can_be_mounted_under_a_prefix(rendered, front):
    routes = [PLAIN, CACHE, {"path": "/s/", "mode": "static", "directory": "s"}, {"path": "/x", "match": "exact"}]
    http = rendered(app(front, *routes, prefix="/shop.v1"))
    for server in servers_of(http, front):
        assert places(server) == {("^~", "/shop.v1/"), ("@previous.shop",), ("=", "/shop.v1"), ("/",)}
        mounted = location(server, "^~", "/shop.v1/")
        assert places(mounted) == {("/shop.v1/",), ("/shop.v1/api",), ("^~", "/shop.v1/s/"), ("=", "/shop.v1/x")}
        assert location(server, "=", "/shop.v1").values("return") == ["308 /shop.v1/$is_args$args"]
        assert location(server, "/").values("return") == ["404"]
    # The last hop tells the application (PEP 3333).
    params = {inner.args[0]: inner.args[1] for inner in mounted.all("uwsgi_param")}
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
    assert params["SCRIPT_NAME"] == "", "an empty one is passed too: applications may rely on it"
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
    assert [server for server in http.all("server") if "shop.example.com" in server.one("server_name").args] == [front_of(http)]
    assert not http.all("upstream", "flask_shop")
    assert not server.all("root")
    assert location(server, "/api").values("proxy_cache_key") == ["$flaskops_scheme$flaskops_host$request_uri $http_origin"]


@pytest.mark.parametrize(
    ("drained", "servers"),
    [
        ({}, [("192.0.2.1:8000",), ("192.0.2.2:8000",)]),
        ({"blog": {"192.0.2.1:8000": "since"}}, [("192.0.2.1:8000",), ("192.0.2.2:8000",)]),
        ({"shop": {"192.0.2.1:8000": "since", "192.0.2.9:8000": "since"}}, [("192.0.2.1:8000", "down"), ("192.0.2.2:8000",)]),
        # Others have left the description since: a site without any backend would answer nobody.
        ({"shop": {"192.0.2.1:8000": "since", "192.0.2.2:8000": "since"}}, [("192.0.2.1:8000",), ("192.0.2.2:8000",)]),
    ],
)
def test_a_backend_that_was_taken_out_gets_no_request(rendered, drained, servers):
    http = rendered(app("proxy", backends=["192.0.2.1:8000", "192.0.2.2:8000"]), __nginx_site_looked={"sites": {"drained": drained}})
    assert [tuple(server.args) for server in http.one("upstream", "flask_shop_backends").all("server")] == servers


CANARY = {"backends": ["192.0.2.1:8000", "192.0.2.2:8000", "192.0.2.3:8000"]}


def test_a_canary_is_a_part_of_the_visitors_with_servers_and_cached_answers_of_its_own(rendered):
    canary = {"backends": ["192.0.2.2:8000"], "percent": 10, "cookie": "try_it"}
    out = {"shop": {"192.0.2.3:8000": "since"}}
    http = rendered(app("proxy", PLAIN, CACHE, **CANARY, canary=canary), __nginx_site_looked={"sites": {"drained": out}})
    servers = {part: [inner.args for inner in http.one("upstream", f"flask_shop_{part}").all("server")] for part in ("backends", "canary")}
    assert servers == {
        "backends": [("192.0.2.1:8000",), ("192.0.2.3:8000", "down"), ("192.0.2.2:8000", "backup")],
        "canary": [("192.0.2.2:8000",), ("192.0.2.1:8000", "backup"), ("192.0.2.3:8000", "down")],
    }
    share = http.one("split_clients", "$remote_addr $http_user_agent", "$flask_shop_share")
    assert [(inner.name, *inner.args) for inner in share.block] == [("10%", "flask_shop_canary"), ("*", "flask_shop_backends")]
    expected = {"default": "$flask_shop_share", "always": "flask_shop_canary", "never": "flask_shop_backends"}
    assert http.one("map", "$cookie_try_it", "$flask_shop_part")
    assert mapping(http, "$flask_shop_part") == expected
    for place in (("/",), ("/api",)):
        assert location(front_of(http), *place).values("proxy_pass") == ["http://$flask_shop_part"]
    (key,) = location(front_of(http), "/api").values("proxy_cache_key")
    assert key == "$flaskops_scheme$flaskops_host$request_uri $flask_shop_part $http_origin"


def test_a_canary_for_those_with_a_cookie_alone_has_no_share(rendered):
    http = rendered(app("proxy", **CANARY, canary={"backends": ["192.0.2.2:8000"], "cookie": "try"}))
    assert mapping(http, "$flask_shop_part")["default"] == "flask_shop_backends"
    assert not http.all("split_clients")


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
    for server in (*servers_of(http, front), *catch_alls(http)):
        assert server.values("large_client_header_buffers") == ["2 20k"]
    for server, hop in zip(servers_of(http, front), [HOP[front], "uwsgi"], strict=False):
        assert server.values(f"{hop}_buffer_size") == ["16k"]


@pytest.mark.parametrize("front", FRONTS)
def test_a_redirect_does_not_name_the_host_and_port_of_an_inner_server(rendered, front):
    for server in servers_of(rendered(app(front)), front):
        assert server.values("absolute_redirect") == ["off"]


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
# The variable in uwsgi_pass makes one of two names of upstreams, which have unix sockets: nothing is looked up.
NOT_FOR_US = "try_files_is_evil_too,missing_resolver"
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
    logs_and_limits = [("combined", {}), ("json", {"rate": "9r/s", "connections": 9}), ("off", {})]
    variants = itertools.product(FRONTS, ("", "/shop"), logs_and_limits)
    apps = [
        describe(name=f"a{index}", nginx={"front": front, "prefix": prefix, "log": log, "limit": limit, "routes": MANY_ROUTES})
        for index, (front, prefix, (log, limit)) in enumerate(variants)
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
    assert [server.values("listen") for server in catch_alls(http)] == [
        ["80 default_server", "[::]:80 default_server"],
        [f"{SOCKET} default_server"],
    ]
    assert [server for server in http.all("server") if "default_server" in str(server.all("listen"))] == catch_alls(http)


def test_the_catch_all_can_be_left_out(rendered):
    http = rendered(app("proxy"), nginx_site_catch_all=False)
    assert not [server for server in http.all("server") if "default_server" in str(server.all("listen"))]


def test_many_applications_share_what_is_there_once(rendered):
    apps = [describe(name=name, nginx={"front": front}) for name, front in (("a", "direct"), ("b", "proxy"), ("c", "proxy"))]
    http = rendered(*apps)
    assert [upstream.args[0] for upstream in http.all("upstream")] == [
        "flaskops_backend",
        *(upstream for name in "abc" for upstream in (f"flask_{name}.paused", f"flask_{name}")),
    ]
    assert len(http.all("server")) == 2 + 1 + 2 + 2


def test_an_application_without_code_can_have_a_site(rendered):
    http = rendered({"name": "shop", "nginx": {"server_names": ["shop.example.com"]}})
    assert location(front_of(http), "/").values("uwsgi_pass") == ["flask_shop$flask_shop_paused"]


def test_sites_are_enabled_by_links(tmp_path):
    files = nginx_files([app()])
    assert files["sites-enabled/shop.conf"] == "-> ../sites-available/shop.conf"
    assert files["sites-enabled/flaskops-catch-all.conf"] == "-> ../sites-available/flaskops-catch-all.conf"


def test_every_file_says_who_manages_it():
    assert [
        path
        for path, text in nginx_files([app()]).items()
        if not text.startswith("-> ") and "/pages/" not in path and text.splitlines()[1] != f"# {MANAGED}"
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
