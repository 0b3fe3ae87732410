# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From a description to a complete one, or to one line for each problem that names application, key, value and remedy."""

from __future__ import annotations

import copy
import re

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.checks import warnings
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.keys import MODES
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_app, resolve_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi.packages import DEFAULT_UWSGI, GEVENT
from ansible_collections.flaskops.stack.tests.unit.render import SMALLEST, complete, describe


def problems(*apps, **more) -> list[str]:
    with pytest.raises(AppError) as caught:
        resolve_apps(list(apps), **more)
    assert str(caught.value).split("\n") == caught.value.problems, "one line each"
    return caught.value.problems


# --- what is derived -----------------------------------------------------------------------------------------------------


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
        {**plain, "path": "/", "match": "prefix", "read_timeout": "60s", "extra": [], "probe": "/", "location": "/"}
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
        "path": "/",
        "match": "prefix",
        "mode": "plain",
        "read_timeout": "60s",
        "extra": [],
        "probe": "/",
        "location": "/",
        **MODES["plain"].traits(),
    }
    assert cache["valid"] == {"200": "10m"}
    assert cache["bypass_cookies"] == ["session", "remember_token"]
    assert stream == {
        "path": "/time/",
        "match": "prefix",
        "mode": "stream",
        "read_timeout": "1h",
        "extra": [],
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
    routes = [{"path": "/"}, {"path": "/api", "mode": "cache"}]
    (said,) = warnings([complete(nginx={"front": "proxy", "backends": ["192.0.2.1:80"], "routes": routes})])
    assert "/api is cached before backends" in said
    assert warnings([complete(nginx={"front": "proxy", "routes": routes})]) == []


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


# --- what is refused -----------------------------------------------------------------------------------------------------

# A description, and the beginning of the one line about it.
REFUSED = [
    # Wrong keys.
    ({"nginx": {"server_name": ["x"]}}, "shop.nginx.server_name is not a key of the description; did you mean 'server_names'."),
    ({"uwsgi": {"proceses": 3}}, "shop.uwsgi.proceses is not a key of the description; did you mean 'processes'."),
    ({"sorce": {}}, "shop.sorce is not a key of the description; did you mean 'source'."),
    ({"health": {"zzz": 1}}, "shop.health.zzz is not a key of the description; known are "),
    ({"source": {"url": "x"}}, "shop.source.url is not a key of the description; known are archive, "),
    ({"nginx": {"routes": [{"path": "/", "pth": "/"}]}}, "shop.nginx.routes[0].pth is not a key of the description; did you mean 'path'."),
    # Missing keys.
    ({"wsgi": None}, "shop.wsgi is missing; write it: entry point"),
    ({"source": None}, "shop.source is missing; write it: source of the code"),
    ({"nginx": {"routes": [{"mode": "plain"}]}}, "shop.nginx.routes[0].path is missing; write it: URL path"),
    # Wrong types.
    ({"uwsgi": "4"}, "shop.uwsgi is '4', but must be a mapping; write {key: value} or one key a line."),
    ({"uwsgi": {"processes": "many"}}, "shop.uwsgi.processes is 'many', but must be a whole number; write digits without a unit."),
    ({"uwsgi": {"processes": 2.5}}, "shop.uwsgi.processes is 2.5, but must be a whole number; "),
    ({"uwsgi": {"processes": True}}, "shop.uwsgi.processes is True, but must be a whole number; "),
    ({"drain_timeout": "30s"}, "shop.drain_timeout is '30s', but must be a whole number; write digits without a unit."),
    ({"packages": "libpq5"}, "shop.packages is 'libpq5', but must be a list; write [...] or one item a line with a dash."),
    ({"nginx": {"server_names": "x"}}, "shop.nginx.server_names is 'x', but must be a list; "),
    ({"nginx": {"routes": {"/": "plain"}}}, "shop.nginx.routes is {'/': 'plain'}, but must be a list; "),
    ({"nginx": {"routes": ["/"]}}, "shop.nginx.routes[0] is '/', but must be a mapping; "),
    ({"env": ["A=b"]}, "shop.env must be a mapping of names to values; write {NAME: value}."),
    ({"python": ["python3"]}, "shop.python is ['python3'], but must be text; "),
    ({"user": True}, "shop.user is True, but must be text; "),
    ({"health": {"status": ["ok"]}}, "shop.health.status[0] is 'ok', but must be a whole number; "),
    ({"source": {"path": None, "git": "x", "version": 1.10}}, "shop.source.version is 1.1, but must be text; write a string, in quotes"),
    ({"health": {"status": []}}, "shop.health.status is empty; write at least one, or leave the key out."),
    # Wrong choices.
    ({"nginx": {"front": "prxy"}}, "shop.nginx.front is 'prxy', but must be one of direct, proxy; did you mean 'proxy'."),
    ({"nginx": {"routes": [{"path": "/", "mode": "cash"}]}}, "shop.nginx.routes[0].mode is 'cash', but must be one of plain, cache, "),
    ({"nginx": {"front": "edge"}}, "shop.nginx.front is 'edge', but must be one of direct, proxy; write one of them."),
    # Keys of another mode.
    (
        {"nginx": {"routes": [{"path": "/", "valid": {200: "1m"}}]}},
        "shop.nginx.routes[0].valid is for mode cache, and this one is plain; remove it or set mode: cache.",
    ),
    (
        {"nginx": {"routes": [{"path": "/", "mode": "stream", "bypass_cookies": []}]}},
        "shop.nginx.routes[0].bypass_cookies is for mode cache, and this one is stream; remove it or set mode: cache.",
    ),
    # Numbers out of range.
    ({"uwsgi": {"processes": 0}}, "shop.uwsgi.processes is 0, but must be from 1 to 1024; write a number in that range."),
    ({"keep_releases": 1}, "shop.keep_releases is 1, but must be from 2 to 100; "),
    ({"health": {"status": [99]}}, "shop.health.status[0] is 99, but must be from 100 to 599; "),
    # Names and places.
    ({"source": {"path": None, "prebuilt": "code", "virtualenv": "/v"}}, "shop.source.prebuilt is 'code', which cannot be used here; write an absolute path"),
    ({"root": "srv/flask"}, "shop.root is 'srv/flask', which cannot be used here; write an absolute path of plain characters, such as /srv/shop."),
    ({"user": "Shop"}, "shop.user is 'Shop', which cannot be used here; use up to "),
    ({"python": "python2"}, "shop.python is 'python2', which cannot be used here; write python3, python3.13 or an absolute path."),
    ({"wsgi": "shop/wsgi"}, "shop.wsgi is 'shop/wsgi', which cannot be used here; write it like "),
    ({"requirements": "/etc/requirements.txt"}, "shop.requirements is '/etc/requirements.txt', which cannot be used here; "),
    ({"source": {"subdir": "../x"}}, "shop.source.subdir is '../x', which cannot be used here; write a path relative to the source"),
    ({"uwsgi": {"package": "gunicorn"}}, "shop.uwsgi.package is 'gunicorn', which cannot be used here; write a requirement on pyuwsgi or uwsgi"),
    ({"nginx": {"max_body_size": "10 MB"}}, "shop.nginx.max_body_size is '10 MB', which cannot be used here; write a size such as 10m."),
    pytest.param(
        {"nginx": {"routes": [{"path": "api"}]}},
        "shop.nginx.routes[0].path is 'api', which is no path; write a path such as / or /api, or set match: regex.",
    ),
    ({"nginx": {"routes": [{"path": "^/a"}]}}, "shop.nginx.routes[0].path is '^/a', which is no path; write a path such as / or /api, or set match: regex."),
    ({"nginx": {"routes": [{"path": "/a$"}]}}, "shop.nginx.routes[0].path is '/a$', which is no path; write a path such as / or /api, or set match: regex."),
    ({"nginx": {"routes": [{"path": "^/(", "match": "regex"}]}}, "shop.nginx.routes[0].path is '^/(', which is no regular expression ("),
    ({"nginx": {"routes": [{"path": "/", "match": "glob"}]}}, "shop.nginx.routes[0].match is 'glob', but must be one of prefix, exact, regex; "),
    ({"nginx": {"routes": [{"path": "/a", "mode": "static", "directory": "a", "match": "exact"}]}}, "shop.nginx.routes[0].match is exact, but static"),
    ({"nginx": {"routes": [{"path": "/a", "mode": "static"}]}}, "shop.nginx.routes[0].directory is missing; write it: "),
    ({"nginx": {"routes": [{"path": "/a", "mode": "redirect"}]}}, "shop.nginx.routes[0].to is missing; write it: target of the redirect"),
    ({"nginx": {"routes": [{"path": "/a;"}]}}, "shop.nginx.routes[0].path is '/a;', which is no path; "),
    ({"nginx": {"routes": [{"path": "/a b"}]}}, "shop.nginx.routes[0].path is '/a b', which cannot be used here; "),
    ({"nginx": {"routes": [{"path": '^/"', "match": "regex"}]}}, "shop.nginx.routes[0].path is '^/\"', which cannot be used here; write "),
    ({"nginx": {"prefix": "/shop/"}}, "shop.nginx.prefix is '/shop/', which cannot be used here; write a path such as /shop, without a slash"),
    ({"nginx": {"prefix": "/a/../b"}}, "shop.nginx.prefix is '/a/../b', which cannot be used here; "),
    ({"nginx": {"backends": ["[::1]:80"]}}, "shop.nginx.backends is for front: proxy, and this one is direct; set front: proxy."),
    ({"nginx": {"front": "proxy", "backends": ["b:80"]}}, "shop.nginx.backends[0] is 'b:80', which cannot be used here; write address and port"),
    ({"nginx": {"routes": [{"path": "/a", "mode": "redirect", "to": "b"}]}}, "shop.nginx.routes[0].to is 'b', which cannot be used here; write a URL"),
    ({"nginx": {"routes": [{"path": "/a", "mode": "redirect", "to": "/", "status": 200}]}}, "shop.nginx.routes[0].status is '200', but must be one of 301"),
    ({"nginx": {"routes": [{"path": "/", "extra": ["gzip off"]}]}}, "shop.nginx.routes[0].extra[0] is 'gzip off', which cannot be used here; end it with"),
    ({"nginx": {"limit": {"rate": "10/s"}}}, "shop.nginx.limit.rate is '10/s', which cannot be used here; write a rate such as 10r/s"),
    ({"nginx": {"limit": {"connections": 0}}}, "shop.nginx.limit.connections is 0, but must be from 1 to 100000; "),
    ({"nginx": {"headers": {"X A": "b"}}}, "shop.nginx.headers.'X A' cannot be a name here; write {Name: value}"),
    ({"nginx": {"headers": {"X-A": 'b"'}}}, "shop.nginx.headers.X-A is 'b\"', which cannot be used here; write {Name: value}"),
    ({"nginx": {"server_names": []}}, "shop.nginx.server_names is empty; write at least one, or leave the key out."),
    ({"health": {"body": "("}}, "shop.health.body is '(', which is no regular expression ("),
    ({"health": {"successes": 5, "interval": 10}}, "shop.health.successes is 5, which 10 s apart take longer than the timeout of 30 s; "),
    ({"state": "gone"}, "shop.state is 'gone', but must be one of present, absent; write one of them."),
    ({"purge": "yes"}, "shop.purge is 'yes', but must be true or false; write one of them, without quotes."),
    ({"strategy": "switch", "uwsgi": {"http": "127.0.0.1:5000"}}, "shop.strategy is switch, but two instances cannot listen on the one port of uwsgi.http; "),
    ({"uwsgi": {"http": "0.0.0.0:5000"}}, "shop.uwsgi.http is '0.0.0.0:5000', which cannot be used here; write an address of the loopback with a port"),
    ({"uwsgi": {"http": ":5000"}}, "shop.uwsgi.http is ':5000', which cannot be used here; write an address of the loopback with a port"),
    ({"uwsgi": {"http": "1270.0.0.1:5000"}}, "shop.uwsgi.http is '1270.0.0.1:5000', which cannot be used here; "),
    ({"uwsgi": {"package": "uwsgi==2.0.20"}}, "shop.uwsgi.package is 'uwsgi==2.0.20', which is older than 2.0.21; take 2.0.21 or newer."),
    ({"uwsgi": {"greenlets": 100, "threads": 2}}, "shop.uwsgi.threads is 2, but greenlets take the place of threads; remove one of the two."),
    ({"uwsgi": {"cheaper": {"minimum": 2}}}, "shop.uwsgi.processes is missing; write it: with cheaper, it is the largest number of workers."),
    ({"uwsgi": {"cheaper": {"initial": 2}}}, "shop.uwsgi.cheaper.minimum is missing; write it: "),
    ({"uwsgi": {"processes": 4, "cheaper": {"minimum": 4}}}, "shop.uwsgi.cheaper.minimum is 4, with 4 processes; write less than processes."),
    ({"uwsgi": {"processes": 4, "cheaper": {"minimum": 2, "initial": 5}}}, "shop.uwsgi.cheaper.initial is 5, but must be from 2 to 4; "),
    ({"uwsgi": {"stream": {"pool": "prefork"}}}, "shop.uwsgi.stream.pool is 'prefork', but must be one of gevent, threads, none; "),
    ({"uwsgi": {"stream": {"options": {"A b": 1}}}}, "shop.uwsgi.stream.options.A b is not an option's name; "),
    ({"uwsgi": {"memory_max": "512"}}, "shop.uwsgi.memory_max is '512', which cannot be used here; write a size such as 512M."),
    ({"strategy": "reload"}, "shop.strategy is 'reload', but must be one of switch, restart; write one of them."),
    ({"hooks": {"build": "make"}}, "shop.hooks.build is 'make', but must be a list; "),
    ({"hooks": {"build": [" "]}}, "shop.hooks.build[0] is ' ', which cannot be used here; write a command."),
    ({"nginx": {"routes": [{"path": "/", "read_timeout": "1 minute"}]}}, "shop.nginx.routes[0].read_timeout is '1 minute', which cannot be used"),
    ({"nginx": {"routes": [{"path": "/", "mode": "cache", "valid": {200: "long"}}]}}, "shop.nginx.routes[0].valid.200 is 'long', which cannot"),
    # Sources.
    ({"source": {"git": "x"}}, "shop.source has path and git, but needs exactly one of path, git, archive, package, prebuilt; keep the one"),
    ({"source": {"path": None}}, "shop.source has none of them, but needs exactly one of path, git, "),
    ({"source": {"path": None, "archive": "https://x/y.zip"}}, "shop.source.sha256 is missing; write the checksum of the archive"),
    ({"source": {"path": None, "archive": "x.zip", "sha256": "abc"}}, "shop.source.sha256 is 'abc', which cannot be used here; write the 64"),
    ({"source": {"path": None, "package": "httpbin"}}, "shop.source.package is 'httpbin', which cannot be used here; pin one version"),
    ({"source": {"path": None, "package": "httpbin>=1"}}, "shop.source.package is 'httpbin>=1', which cannot be used here; pin one version"),
    ({"source": {"path": None, "prebuilt": "/srv/code"}}, "shop.source.virtualenv is missing; write the virtualenv on the host"),
    # Environment.
    ({"env": {"A-B": "c"}}, "shop.env.A-B cannot be the name of an environment variable here; "),
    ({"env": {"1A": "c"}}, "shop.env.1A cannot be the name of an environment variable here; "),
    ({"env": {"A B": "c"}}, "shop.env.A B cannot be the name of an environment variable here; "),
    ({"env": {"NOTIFY_SOCKET": "/x"}}, "shop.env.NOTIFY_SOCKET cannot be the name of an environment variable here; "),
    ({"env": {"UWSGI_HTTP": ":80"}}, "shop.env.UWSGI_HTTP cannot be the name of an environment variable here; "),
    ({"env": {"LD_PRELOAD": "x.so"}}, "shop.env.LD_PRELOAD cannot be the name of an environment variable here; "),
    ({"env": {"A": ["b"]}}, "shop.env.A must be text (['b']); write it in quotes."),
    ({"env": {"A": True}}, "shop.env.A must be text (True); write it in quotes."),
    ({"env": {"A": None}}, "shop.env.A must be text (None); write it in quotes."),
    ({"env": {"A": "b\0"}}, "shop.env.A contains control characters, which an environment file cannot hold; "),
    ({"env": {"A": "b"}, "secrets": {"A": "c"}}, "shop.env.A is also in secrets; write it in one of the two."),
    # Options of uWSGI.
    ({"uwsgi": {"options": {"Max Requests": 5}}}, "shop.uwsgi.options.Max Requests is not an option's name; "),
    ({"uwsgi": {"options": {"env": {"A": "b"}}}}, "shop.uwsgi.options.env is {'A': 'b'}, but must be a value or a list of values; "),
    ({"uwsgi": {"options": {"route": [["a"]]}}}, "shop.uwsgi.options.route is [['a']], but must be a value or a list of values; "),
    # Routes.
    ({"nginx": {"routes": [{"path": "/"}, {"path": "/"}]}}, "shop.nginx.routes[1].path is '/', as in routes[0]; keep one of the two."),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "begins"), REFUSED, ids=lambda value: value.partition(" ")[0] if isinstance(value, str) else "")
def test_bad_input_gives_one_line(changes, begins):
    (line,) = problems(describe(**changes))
    assert line.startswith(begins)
    assert "; " in line, "there is a remedy"
    assert line.endswith(".")


@pytest.mark.parametrize(
    ("apps", "line"),
    [
        ("shop", "flask_apps is 'shop', but must be a list of applications; write one item a line with a dash."),
        (None, "flask_apps is None, but must be a list of applications; write one item a line with a dash."),
        ([{"wsgi": "app.py", "source": {"path": "x"}}], "flask_apps[0].name is missing; write it: name of the application; "),
        (["shop"], "flask_apps[0] is 'shop', but must be a mapping; write {key: value} or one key a line."),
        ([{**SMALLEST, "name": 7}], "flask_apps[0].name is '7', which cannot be used here; use up to 25 of a-z, 0-9, - and _, beginning with a letter"),
        ([{**SMALLEST, "name": "Shop"}], "Shop.name is 'Shop', which cannot be used here; use up to 25 of a-z, 0-9, - and _, beginning with a letter"),
    ],
)  # fmt: skip
def test_an_application_without_a_name_is_told_by_its_place(apps, line):
    with pytest.raises(AppError) as caught:
        resolve_apps(apps)
    (problem,) = caught.value.problems
    assert problem.startswith(line)


def test_the_variable_of_the_role_is_named():
    assert problems("x", variable="nginx_site_apps")[0].startswith("nginx_site_apps[0] is 'x'")


def test_long_values_are_shortened():
    (line,) = problems(describe(root="x" * 500))
    assert len(line) < 200
    assert "..." in line


def test_problems_of_all_applications_are_told_at_once():
    lines = problems(
        describe(uwsgi={"processes": 0}, drain_timeout=-1, colour="red"),
        describe(name="blog", nginx={"front": "none", "routes": [{"path": "x", "mode": "y"}]}),
        "nonsense",
    )
    assert {line.partition(" ")[0] for line in lines} == {
        "shop.uwsgi.processes",
        "shop.drain_timeout",
        "shop.colour",
        "blog.nginx.front",
        "blog.nginx.routes[0].path",
        "blog.nginx.routes[0].mode",
        "flask_apps[2]",
    }


def test_problems_beyond_types_are_told_at_once_too():
    lines = problems(
        describe(
            source={"git": "x"},
            env={"A-B": "1", "C": "2"},
            secrets={"C": "3"},
            uwsgi={"options": {"X": 1}},
            nginx={"routes": [{"path": "/"}, {"path": "/"}]},
        )
    )
    assert [line.split(" ")[0] for line in lines] == [
        "shop.source",
        "shop.env.A-B",
        "shop.env.C",
        "shop.uwsgi.options.X",
        "shop.nginx.routes[1].path",
    ]


def test_a_wrong_key_does_not_hide_what_is_wrong_beyond_types():
    lines = problems(describe(colour="red", env={"A-B": "1"}))
    assert [line.split(" ")[0] for line in lines] == ["shop.colour", "shop.env.A-B"]


def test_a_wrong_key_does_not_hide_that_two_applications_have_one_name():
    lines = problems(describe(colour="red"), describe())
    assert [line.split(" ")[0] for line in lines] == ["shop.colour", "flask_apps:"]


def test_what_goes_away_needs_no_more_than_its_name():
    app = resolve_app({"name": "shop", "state": "absent"})
    assert (app["state"], app["purge"], app["user"]) == ("absent", False, "flask-shop")
    other = describe(name="blog", nginx={"server_names": ["shop"]})
    assert len(resolve_apps([{"name": "shop", "state": "absent"}, other])) == 2, "its server name is free"


# --- what two applications cannot share ----------------------------------------------------------------------------------

TOGETHER = [
    ({}, {"name": "shop"}, "flask_apps: the name 'shop' is used by 'shop' twice; give each application its own."),
    ({}, {"name": "blog", "nginx": {"server_names": ["shop"]}}, "flask_apps: the server name 'shop' is used by 'shop' and 'blog'; give each"),
    (
        {"nginx": {"server_names": ["Shop.Example.com"]}},
        {"name": "blog", "nginx": {"server_names": ["blog.example.com", "shop.example.COM"]}},
        "flask_apps: the server name 'shop.example.com' is used by 'shop' and 'blog'; give each application its own.",
    ),
    ({}, {"name": "blog", "user": "flask-shop"}, "flask_apps: the user 'flask-shop' is used by 'shop' and 'blog'; "),
    ({}, {"name": "blog", "root": "/srv/flask/shop"}, "flask_apps: the root '/srv/flask/shop' is used by 'shop' and 'blog'; "),
    ({}, {"name": "blog", "config_dir": "/etc/flask/shop"}, "flask_apps: the config_dir '/etc/flask/shop' is used by 'shop' and 'blog'; "),
    ({}, {"name": "blog", "run_dir": "/run/flask/shop"}, "flask_apps: the run_dir '/run/flask/shop' is used by 'shop' and 'blog'; "),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "begins"), TOGETHER)
def test_applications_do_not_get_into_each_others_way(one, other, begins):
    assert any(line.startswith(begins) for line in problems(describe(**one), describe(**other)))


def test_applications_with_similar_names_do_not_share_a_cache_zone():
    one, other = resolve_apps([describe(name="a-b"), describe(name="a_b")])
    assert one["nginx"]["cache_zone"] != other["nginx"]["cache_zone"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"root": "/srv/a/x"}, {"root": "/srv/a"}),
        ({"root": "/srv/a"}, {"config_dir": "/srv/a"}),
        ({"socket": "/run/x.sock"}, {"socket": "/run/x.sock"}),
    ],
)
def test_applications_do_not_live_in_each_others_directories(one, other):
    assert problems(describe(**one), describe(name="blog", **other))


@pytest.mark.parametrize("name", ["nginx_site", "flaskops-catch-all"])
def test_no_application_has_the_name_of_what_the_role_puts_there(name):
    assert problems(describe(name=name))


def test_one_application_cannot_have_a_server_name_twice():
    (line,) = problems(describe(nginx={"server_names": ["a", "A"]}))
    assert line.startswith("flask_apps: the server name 'a' is used by 'shop' twice; ")


# --- secrets -------------------------------------------------------------------------------------------------------------

SECRET = "hunter2"


@pytest.mark.parametrize("apps", [{"secrets": {"T": SECRET}}, [[{"secrets": {"T": SECRET}}]]])
def test_what_stands_at_a_wrong_place_is_not_quoted_either(apps):
    with pytest.raises(AppError) as caught:
        resolve_apps(apps)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"secrets": {"TOKEN": [SECRET]}},
        {"secrets": {"TOKEN": {"a": SECRET}}},
        {"secrets": {"TOKEN": SECRET + "\0"}},
        {"secrets": {"A-B": SECRET}},
        {"secrets": {"LD_X": SECRET}},
        {"secrets": [SECRET]},
        {"secrets": f"TOKEN={SECRET}"},
        {"secrets": {"TOKEN": SECRET}, "env": {"TOKEN": "x"}},
        {"secrets": {"TOKEN": SECRET}, "wsgi": 7.5},
        {"secrets": {"TOKEN": SECRET}, "colour": "red"},
    ],
)
def test_no_message_quotes_a_secret(changes):
    assert SECRET not in "\n".join(problems(describe(**changes)))


# --- sandbox -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/srv/flask/shop", "overlaps its root '/srv/flask/shop'; it may write to /srv/flask/shop/shared."),
        ("/srv/flask/shop/releases", "overlaps its root"),
        ("/srv/flask/shop/shared/x", "it may write to /srv/flask/shop/shared."),
        ("/srv/flask", "overlaps its root"),
        ("/etc/flask/shop/x", "overlaps its config_dir"),
        ("/run/flask/shop", "overlaps its run_dir"),
        ("/home/shop", "do not see the host's /home; use a place such as /var/lib."),
        ("/tmp/shop", "do not see the host's /tmp"),
        ("/root/x", "do not see the host's /root"),
        ("/var", "cannot be used here; write an absolute path"),
        ("var/lib/shop", "cannot be used here; write an absolute path"),
        ("/var/lib/../shop", "cannot be used here; write an absolute path"),
        ("/var/lib/a b", "cannot be used here; write an absolute path"),
    ],
)
def test_nothing_is_writable_that_must_not_be_or_is_not_seen(path, says):
    (problem,) = problems(describe(sandbox={"write": ["/var/lib/fine", path]}))
    assert problem.startswith(f"shop.sandbox.write[1] is '{path}', ")
    assert says in problem


@pytest.mark.parametrize("path", ["/var/lib/shop", "/srv/shop", "/srv/flask/shopping", "/homes/shop", "/opt/tmp/x"])
def test_what_only_looks_alike_may_be_written_to(path):
    assert complete(sandbox={"write": [path]})["sandbox"]["write"] == [path]


def test_one_application_does_not_write_to_another():
    blog = describe(name="blog", sandbox={"write": ["/srv/flask/shop/shared", "/var/lib/both"]})
    shop = describe(sandbox={"write": ["/var/lib/both"]})
    assert problems(shop, blog) == [
        "flask_apps: blog.sandbox.write '/srv/flask/shop/shared' overlaps shop.root '/srv/flask/shop'; share a directory outside of both."
    ]


@pytest.mark.parametrize(
    ("sandbox", "says"),
    [
        ({"network": "off"}, "shop.sandbox.network is 'off', but must be one of any, local, none"),
        ({"network": False}, "shop.sandbox.network is False, but must be text"),
        ({"devices": "yes"}, "shop.sandbox.devices is 'yes', but must be true or false"),
        ({"system_calls": ["@resources User=root"]}, "shop.sandbox.system_calls[0] is "),
        ({"system_calls": ["~@mount"]}, "shop.sandbox.system_calls[0] is '~@mount', which cannot be used here"),
        ({"writes": []}, "shop.sandbox.writes is not a key of the description; did you mean 'write'"),
    ],
)
def test_a_switch_that_is_none_is_refused(sandbox, says):
    (problem,) = problems(describe(sandbox=sandbox))
    assert problem.startswith(says)
