# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From a description as it was written to a complete one."""

from __future__ import annotations

import copy
import re

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.checks import warnings
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.modes import MODES
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi.packages import DEFAULT_UWSGI, GEVENT
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.description.refused import problems
from ansible_collections.flaskops.stack.tests.unit.render import SMALLEST, complete, describe, resolve_app

# --- what is derived -----------------------------------------------------------------------------------------------------


# Every route has these where its description does not say otherwise.
_OPEN = {"allow": [], "deny": [], "public": False, "user_file": "", "visitor": "", "no_basic": False, "no_request": False}
_OF_ALL = {
    "match": "prefix",
    "extra": [],
    "rules": [],
    "access": _OPEN,
    "visitor": "",
    "guarded": False,
    "limit": {"burst": 20},
    "error_pages": True,
}


def test_three_keys_are_enough():
    app = resolve_app(SMALLEST)
    assert app["user"] == "flask-shop"
    assert (app["root"], app["config_dir"], app["run_dir"]) == ("/srv/flask/shop", "/etc/flask/shop", "/run/flask/shop")
    assert app["socket"] == "/run/flask/shop/uwsgi.sock"
    assert app["python"] == "python3"
    assert app["packages"] == ["python3-venv"]
    assert (app["env"], app["secrets"]) == ({}, {})
    assert (app["drain_timeout"], app["keep_releases"]) == (30, 3)
    assert (app["uwsgi"]["threads"], app["uwsgi"]["template"], app["uwsgi"]["package"]) == (2, "uwsgi.ini.j2", DEFAULT_UWSGI)
    assert "processes" not in app["uwsgi"], "the host tells how many processors it has"
    assert (app["uwsgi"]["stream"]["pool"], app["stream_socket"], app["uwsgi"]["gevent"]) == ("none", app["socket"], [])
    assert (app["strategy"], app["uwsgi"]["tasks_max"]) == ("switch", 1024)
    assert (app["health"]["path"], app["health"]["host"], app["health"]["timeout"]) == ("/", "shop", 30)
    assert app["nginx"]["server_names"] == ["shop"]
    assert app["nginx"]["template"] == "site_direct.conf.j2"
    plain = {"mode": "plain", **MODES["plain"].traits()}
    assert app["nginx"]["routes"] == [
        {**plain, **_OF_ALL, "zone": "flask_shop.0", "path": "/", "read_timeout": "60s", "probe": "/", "location": "/"}
    ]
    assert app["source"]["exclude"][:1] == [".git"]
    assert app["web_group"] == "www-data"
    # A missing default file means no requirements; so there is no name here to insist on.
    assert "requirements" not in app


@pytest.mark.parametrize(
    ("written", "derived"),
    [
        ({"run_dir": "/run/x"}, {"socket": "/run/x/uwsgi.sock"}),
        ({"name": "a-b"}, {"user": "flask-a-b", "root": "/srv/flask/a-b"}),
        ({"python": "python3.13"}, {"packages": ["python3.13-venv"]}),
        ({"python": "/opt/python/bin/python3"}, {"packages": []}),
        ({"uwsgi": {"package": "uwsgi==2.0.31"}}, {"packages": ["gcc", "libc6-dev", "python3-dev", "python3-venv"]}),
        ({"uwsgi": {"package": "uWSGI==2.0.31"}, "python": "/opt/py"}, {"packages": ["gcc", "libc6-dev"]}),
        ({"packages": ["libpq5", "gcc"]}, {"packages": ["gcc", "libpq5", "python3-venv"]}),
    ],
)
def test_one_key_follows_from_another(written, derived):
    app = complete(**written)
    assert {key: app[key] for key in derived} == derived


@pytest.mark.parametrize(("names", "host"), [(["a.example.com", "b"], "a.example.com"), (["*.example.com"], "www.example.com")])
def test_the_health_request_asks_for_a_host_the_site_has(names, host):
    assert complete(nginx={"server_names": names})["health"]["host"] == host


STREAM = {"nginx": {"routes": [{"path": "/"}, {"path": "/time/", "mode": "stream"}]}}
PREBUILT = {"prebuilt": "/opt/shop", "virtualenv": "/opt/v"}


@pytest.mark.parametrize(
    ("written", "pool", "socket"),
    [
        ({}, "none", "uwsgi"),
        (STREAM, "gevent", "stream"),
        ({**STREAM, "uwsgi": {"stream": {"pool": "threads"}}}, "threads", "stream"),
        ({**STREAM, "uwsgi": {"stream": {"pool": "none"}}}, "none", "uwsgi"),
        ({"uwsgi": {"stream": {"pool": "gevent"}}}, "none", "uwsgi"),
    ],
)
def test_streams_have_a_pool(written, pool, socket):
    app = complete(**written)
    assert (app["uwsgi"]["stream"]["pool"], app["stream_socket"]) == (pool, f"/run/flask/shop/{socket}.sock")
    assert app["uwsgi"]["gevent"] == (list(GEVENT) if pool == "gevent" else [])


def test_a_virtualenv_that_is_not_ours_may_have_no_gevent():
    app = resolve_app({"name": "shop", "source": PREBUILT, "wsgi": "shop", **STREAM})
    assert app["uwsgi"]["stream"]["pool"] == "threads"


def test_who_names_the_socket_has_somebody_else_answer():
    app = complete(socket="/run/other.sock", **STREAM)
    assert (app["uwsgi"]["stream"]["pool"], app["stream_socket"]) == ("none", "/run/other.sock")
    app = complete(socket="/run/other.sock", stream_socket="/run/streams.sock", **STREAM)
    assert (app["socket"], app["stream_socket"]) == ("/run/other.sock", "/run/streams.sock")


def test_greenlets_bring_gevent():
    app = complete(uwsgi={"greenlets": 100})
    assert (app["uwsgi"]["gevent"], app["uwsgi"]["threads"]) == (list(GEVENT), 1)


def test_tasks_leave_room_for_all_threads():
    assert complete(uwsgi={"processes": 100, "threads": 20})["uwsgi"]["tasks_max"] == 4000
    assert complete(uwsgi={"processes": 100, "threads": 20, "tasks_max": 50})["uwsgi"]["tasks_max"] == 50
    assert complete(uwsgi={"stream": {"threads": 2000}})["uwsgi"]["stream"]["tasks_max"] == 4000


@pytest.mark.parametrize(
    ("package", "version"),
    [
        ("uwsgi==2.0.21", [2, 0, 21]),
        ("pyuwsgi==2.0.28.post1", [2, 0, 28]),
        ("uWSGI == 2.0.31", [2, 0, 31]),
        ("uwsgi>=2.0.29", []),
        ("pyuwsgi", []),
    ],
)
def test_the_version_of_uwsgi_is_known_where_it_is_pinned(package, version):
    assert complete(uwsgi={"package": package})["uwsgi"]["version"] == version


def test_with_http_an_instance_makes_room_for_the_next():
    app = complete(uwsgi={"http": "127.0.0.1:5000"})
    assert app["strategy"] == "restart"
    (warning,) = warnings([app])
    assert "shop.uwsgi.http" in warning
    assert "127.0.0.1:5000" in warning
    assert warnings([complete()]) == []


def test_routes_get_the_defaults_of_their_mode():
    plain, cache, stream = complete(
        nginx={"routes": [{"path": "/"}, {"path": "/api", "mode": "cache"}, {"path": "/time/", "mode": "stream", "probe": ""}]}
    )["nginx"]["routes"]
    assert plain == {
        **_OF_ALL,
        "zone": "flask_shop.0",
        "path": "/",
        "mode": "plain",
        "read_timeout": "60s",
        "probe": "/",
        "location": "/",
        **MODES["plain"].traits(),
    }
    assert cache["valid"] == {"200": "10m"}
    assert not {"bypass_cookies", "ignore_cookies"} & set(cache), "every cookie makes a request personal"
    assert stream == {
        **_OF_ALL,
        "zone": "flask_shop.2",
        "path": "/time/",
        "mode": "stream",
        "read_timeout": "1h",
        "probe": "",
        "location": "/time/",
        **MODES["stream"].traits(),
    }


@pytest.mark.parametrize(
    ("route", "location"),
    [
        ({"path": "/a"}, "/a"),
        ({"path": "/a", "match": "exact"}, "= /a"),
        ({"path": "/a", "mode": "static", "directory": "a"}, "^~ /a"),
        ({"path": r"\.php$", "match": "regex"}, r'~ "\.php$"'),
        ({"path": "^/[0-9]{2};'$", "match": "regex"}, '~ "^/[0-9]{2};\'$"'),
    ],
)
def test_a_route_knows_its_location(route, location):
    assert complete(nginx={"routes": [route]})["nginx"]["routes"][0]["location"] == location


def as_nginx_reads(text: str) -> str:
    """Return what nginx takes a text in double quotes for (ngx_conf_file.c, ngx_conf_read_token)."""
    assert text.startswith('"')
    assert text.endswith('"')
    replaced = {**{char: char for char in "\"'\\"}, "t": "\t", "r": "\r", "n": "\n"}
    return re.sub(r"\\(.)", lambda found: replaced.get(found.group(1), found.group(0)), text[1:-1])


@pytest.mark.parametrize(
    "pattern", [r"^/\d+$", r"^/a\tb", r"^/\\", r"^/\\n", r"^/\n\r\.", r"^/\\\\d", r"^/\'", "^/(?P<year>[0-9]{4})/", r"^/\\\t"]
)
def test_nginx_reads_a_regular_expression_as_it_was_written(pattern):
    location = complete(nginx={"routes": [{"path": pattern, "match": "regex"}]})["nginx"]["routes"][0]["location"]
    assert as_nginx_reads(location.removeprefix("~ ")) == pattern


def test_a_prefix_goes_before_routes_and_probes():
    routes = [
        {"path": "/"},
        {"path": "/a", "probe": "/a/1"},
        {"path": "/s/", "mode": "static", "directory": "s"},
        {"path": "^/shop/x", "match": "regex"},
    ]
    app = complete(nginx={"prefix": "/shop", "routes": routes})
    assert [route["path"] for route in app["nginx"]["routes"]] == ["/shop/", "/shop/a", "/shop/s/", "^/shop/x"]
    assert [route["probe"] for route in app["nginx"]["routes"]] == ["/shop/", "/shop/a/1", "", ""]
    # Health is asked of the application itself, which is told where it is mounted.
    assert (app["health"]["path"], app["health"]["prefix"]) == ("/", "/shop")


def test_a_cache_before_other_hosts_is_warned_of():
    routes = [{"path": "/"}, {"path": "/api", "mode": "cache", "ignore_cookies": []}]
    (said,) = warnings([complete(nginx={"front": "proxy", "backends": ["192.0.2.1:80"], "routes": routes})])
    assert "/api is cached before backends" in said
    assert warnings([complete(nginx={"front": "proxy", "routes": routes})]) == []


def test_a_cache_that_says_nothing_of_cookies_is_warned_of():
    (said,) = warnings([complete(nginx={"routes": [{"path": "/api", "mode": "cache"}]})])
    assert said.startswith("shop.nginx.routes: /api is cached, but no request with a cookie is answered from the cache; ")
    for key in ("ignore_cookies", "bypass_cookies"):
        assert warnings([complete(nginx={"routes": [{"path": "/api", "mode": "cache", key: ["a"]}]})]) == []


@pytest.mark.parametrize(
    ("route", "probe"),
    [
        ({"path": "/a"}, "/a"),
        ({"path": "/a", "match": "exact"}, "/a"),
        ({"path": "^/a[0-9]", "match": "regex"}, ""),
        ({"path": "/s/", "mode": "static", "directory": "s"}, ""),
        ({"path": "/a", "mode": "deny"}, "/a"),
        ({"path": "/s/", "mode": "static", "directory": "s", "probe": "/s/x.css"}, "/s/x.css"),
    ],
)
def test_what_can_be_asked_for_is_asked_for(route, probe):
    assert complete(nginx={"routes": [route]})["nginx"]["routes"][0]["probe"] == probe


@pytest.mark.parametrize("key", ["source", "wsgi"])
def test_one_description_needs_what_all_need(key):
    with pytest.raises(AppError, match=f"^shop.{key} is missing; "):
        resolve_app({name: value for name, value in SMALLEST.items() if name != key})


WRITTEN = {
    "user": "shopper",
    "root": "/opt/shop",
    "config_dir": "/opt/etc/shop",
    "run_dir": "/opt/run/shop",
    "socket": "/opt/run/shop.sock",
    "python": "/usr/bin/python3",
    "requirements": "requirements/live.txt",
    "drain_timeout": 0,
    "keep_releases": 2,
}


@pytest.mark.parametrize("key", WRITTEN)
def test_what_is_written_stays(key):
    assert complete(**{key: WRITTEN[key]})[key] == WRITTEN[key]


def test_what_is_written_in_nested_keys_stays():
    app = complete(
        source={"exclude": ["*.md"]},
        health={"host": "x", "path": "/h?a=b", "status": [418]},
        nginx={"template": "mine.conf.j2", "front": "proxy", "routes": []},
    )
    assert app["source"]["exclude"] == ["*.md"]
    assert (app["health"]["host"], app["health"]["path"], app["health"]["status"]) == ("x", "/h?a=b", [418])
    assert (app["nginx"]["template"], app["nginx"]["routes"]) == ("mine.conf.j2", [])


def test_values_as_yaml_and_jinja_give_them_are_understood():
    app = complete(
        drain_timeout="60",
        env={"PORT": 8080, "EMPTY": ""},
        uwsgi={"processes": "4"},
        nginx={"routes": [{"path": "/", "mode": "cache", "valid": {200: "30d", 404: 1}}]},
    )
    assert app["drain_timeout"] == 60
    assert app["env"] == {"PORT": "8080", "EMPTY": ""}
    assert app["uwsgi"]["processes"] == 4
    assert app["nginx"]["routes"][0]["valid"] == {"200": "30d", "404": 1}


def test_null_means_not_written():
    assert complete(root=None, health=None, uwsgi={"processes": None}) == complete()


def test_no_description_is_changed_and_nothing_is_shared():
    written = describe(env={"A": "b"}, nginx={"routes": [{"path": "/"}]})
    before = copy.deepcopy(written)
    one, other = resolve_apps([written, describe(name="blog")])
    assert written == before
    one["nginx"]["routes"].append("x")
    one["source"]["exclude"].append("x")
    one["env"]["x"] = "x"
    assert other == complete(name="blog") == resolve_apps([written, describe(name="blog")])[1]


def test_a_key_account_of_the_users_is_refused_like_any_other_unknown_key():
    # It was the sign of a complete description, so one who wrote it by mistake was believed.
    assert problems({**SMALLEST, "account": {}})[0].startswith("shop.account is not a key of the description")


def test_zones_of_caches_have_names_nginx_takes():
    assert complete(name="a-b")["nginx"]["cache_zone"] == "flask_a-b"


@pytest.mark.parametrize(
    ("require", "app"),
    [([], {"name": "shop"}), (["wsgi"], {"name": "shop", "wsgi": "app.py"})],
)
def test_a_role_alone_needs_less(require, app):
    assert resolve_app(app, require)["socket"] == "/run/flask/shop/uwsgi.sock"


@pytest.mark.parametrize(
    "source",
    [
        {"path": "../shop"},
        {"git": "https://git.example.com/shop.git", "version": "v1.2"},
        {"git": "git@example.com:shop.git"},
        {"archive": "shop.tar.gz"},
        {"archive": "https://example.com/shop.tar.gz", "sha256": "0" * 64},
        {"package": "httpbin==0.10.2"},
        {"package": "httpbin[mainapp]==0.10.2"},
        {"prebuilt": "/srv/code", "virtualenv": "/srv/venv"},
        {"path": "x", "subdir": "src/app"},
    ],
)
def test_every_kind_of_source_is_taken(source):
    resolved = resolve_app({**SMALLEST, "source": source})["source"]
    assert {key: resolved[key] for key in source} == source


@pytest.mark.parametrize("wsgi", ["shop.wsgi:app", "shop:create_app()", "shop", "app.py", "src/app.py", "app.py:api"])
def test_every_kind_of_entry_point_is_taken(wsgi):
    assert complete(wsgi=wsgi)["wsgi"] == wsgi
