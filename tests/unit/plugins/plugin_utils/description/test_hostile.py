# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A value that passes the check is one value in nginx's files, the ini, the unit and the environment, and never two."""

from __future__ import annotations

import copy
import typing as t
from collections.abc import Iterator

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError, Validator
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.app import APP
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.key import Key
from ansible_collections.flaskops.stack.tests.unit.parse import nginx, unit, uwsgi_ini
from ansible_collections.flaskops.stack.tests.unit.render import RELEASE, complete, describe, instance, nginx_files

# Texts that end a value, begin another or are replaced in one language or another.
HOSTILE = [
    *("\0", "\x01", "\t", "\n", "\r", "\x7f", " ", "\x85", "\u00a0", "\u2028"),
    *(";", "{", "}", '"', "'", "\\", "#", "$", "%", "`", "|", "&", "<", ">", "(", ")", "*", "~", "\u0663", "\u00e9"),
    *("$x", "${x}", "$(id)", "`id`", "@(/etc/passwd)", "%h", "%%", "/..", "/../..", "//"),
    *("\nmaster = false", "\n[Service]\nUser=root", "; include /etc/passwd; #", "{{ 7 * 7 }}", "{% raw %}"),
]

Place = tuple[str | int, ...]

# Values of keys that reach a file or a command on the host.
FULL = describe(
    source={"path": None, "prebuilt": "/srv/code", "virtualenv": "/srv/venv", "version": "v1", "subdir": "src"},
    python="/usr/bin/python3",
    requirements="requirements.txt",
    user="shopper",
    root="/srv/flask/shop",
    config_dir="/etc/flask/shop",
    run_dir="/run/flask/shop",
    socket="/run/flask/shop/uwsgi.sock",
    health={"path": "/healthz"},
    packages=["libpq5"],
    uwsgi={"package": "pyuwsgi==2.0.30"},
    nginx={
        "server_names": ["shop.example.com"],
        "max_body_size": "10m",
        "cache_size": "10m",
        "routes": [
            {"path": "/", "read_timeout": "60s"},
            {
                "path": "/api",
                "mode": "cache",
                "valid": {"200": "10m"},
                "bypass_cookies": ["session"],
                "bypass_headers": ["X-Key"],
                "probe": "/api",
            },
            {"path": "/static/", "mode": "static", "directory": "web/static", "max_age": "1h"},
            {"path": "/old", "mode": "redirect", "to": "/new"},
        ],
        "headers": {"X-A": "b"},
        "limit": {"rate": "10r/s"},
    },
)


def at(app: t.Any, place: Place) -> t.Any:
    for step in place:
        app = app[step]
    return app


def variants(value: str) -> Iterator[str]:
    """Yield the value with hostile text at its end and in it."""
    for text in HOSTILE:
        yield from (value + text, f"{value[:1]}{text}{value[1:]}")


def accepted(place: Place) -> list[str]:
    """Return the hostile variants of a value that pass the check."""
    found = []
    for value in variants(str(at(FULL, place))):
        # The part of the whole description that the value stands in.
        app = {**describe(), place[0]: copy.deepcopy(FULL[place[0]])}
        at(app, place[:-1])[place[-1]] = value
        try:
            resolve_apps([app])
        except AppError:
            continue
        found.append(value)
    return found


# Words that may stand anywhere: nothing but these characters is in them.
WORDS: dict[Place, str] = {
    ("name",): "-_",
    ("user",): "-_",
    ("root",): "/._@+-",
    ("config_dir",): "/._@+-",
    ("run_dir",): "/._@+-",
    ("socket",): "/._@+-",
    ("source", "prebuilt"): "/._@+-",
    ("source", "virtualenv"): "/._@+-",
    ("python",): "/._@+-",
    ("nginx", "server_names", 0): ".-_*[]:",
    ("nginx", "max_body_size"): "",
    ("nginx", "cache_size"): "",
    ("nginx", "routes", 0, "read_timeout"): "",
    ("nginx", "routes", 1, "valid", "200"): "",
    ("nginx", "routes", 1, "bypass_cookies", 0): "_.%-*",
    ("nginx", "routes", 1, "bypass_headers", 0): "-",
    ("nginx", "routes", 2, "max_age"): "",
    ("nginx", "limit", "rate"): "/",
}


@pytest.mark.parametrize("place", WORDS, ids=lambda place: ".".join(map(str, place)))
def test_a_word_has_no_character_that_means_something(place):
    allowed = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" + WORDS[place])
    assert [value for value in accepted(place) if not set(value) <= allowed] == []


@pytest.mark.parametrize("key", ["root", "config_dir", "run_dir", "socket", "python"])
@pytest.mark.parametrize("path", ["/srv/../etc", "/srv/./x", "/srv//x", "/srv/x/", "/"])
def test_a_path_has_one_spelling(key, path):
    # Directories are compared, and are given owners and modes, by their text.
    with pytest.raises(AppError):
        resolve_apps([describe(**{key: path})])


@pytest.mark.parametrize("key", ["root", "config_dir", "run_dir"])
@pytest.mark.parametrize("path", ["/etc", "/srv", "/run"])
def test_a_directory_of_the_system_is_not_given_away(key, path):
    # Its owner and mode would become the application's.
    with pytest.raises(AppError):
        resolve_apps([describe(**{key: path})])


@pytest.mark.parametrize(
    "place", [("source", "subdir"), ("requirements",), ("wsgi",), ("nginx", "routes", 2, "directory")], ids=lambda place: place[-1]
)
@pytest.mark.parametrize("value", ["../x.py", "/etc/x.py", "a/../../x.py", "a b.py", "x.py\n"])
def test_what_is_inside_the_source_stays_there(place, value):
    app = copy.deepcopy(FULL)
    at(app, place[:-1])[place[-1]] = value
    with pytest.raises(AppError):
        resolve_apps([app])


@pytest.mark.parametrize("kind", ["path", "git", "archive"])
@pytest.mark.parametrize("value", ["", "--upload-pack=id:x", "a\nb", "a\0"])
def test_a_source_is_a_place(kind, value):
    # An empty path would be the inventory's directory, with all its secrets.
    with pytest.raises(AppError):
        resolve_apps([{**describe(), "source": {kind: value}}])


@pytest.mark.parametrize("value", [".", "..", "../shop", "~/shop", "a b", "caf\u00e9"])
def test_a_place_may_have_any_name(value):
    complete(source={"path": value})


@pytest.mark.parametrize("path", ["/..", "/../x", "/a/../../etc/cron.d", "/a/.."])
@pytest.mark.parametrize("route", [{"mode": "plain"}, {"mode": "static", "directory": "web"}, {"match": "exact"}])
def test_the_path_of_a_route_does_not_climb(path, route):
    # Below it the files of a static route are published.
    with pytest.raises(AppError):
        resolve_apps([describe(nginx={"routes": [{"path": path, **route}]})])


@pytest.mark.parametrize("path", ["/a..b", "/...", "/.well-known/x", "/a/..b"])
def test_the_path_of_a_route_may_have_dots(path):
    complete(nginx={"routes": [{"path": path}]})


def test_no_application_runs_as_root():
    with pytest.raises(AppError):
        resolve_apps([describe(user="root")])
    assert complete(user="rooted")["user"] == "rooted"


@pytest.mark.parametrize("place", [("source", "version"), ("health", "path"), ("nginx", "routes", 1, "probe")], ids=lambda place: place[-1])
def test_a_request_or_a_label_is_one_word(place):
    assert [value for value in accepted(place) if not value.isprintable() or " " in value] == []


def test_the_path_of_a_route_is_one_argument(tmp_path):
    paths = sorted(set(accepted(("nginx", "routes", 0, "path"))))
    assert paths, "some are harmless"
    http = nginx(nginx_files([describe(nginx={"front": "proxy", "routes": [{"path": path} for path in paths]})]), tmp_path)
    for server in [server for server in http.all("server") if server.one("server_name").args == ("shop",)]:
        assert {place.args for place in server.all("location") if len(place.args) == 1} == {("/",), *((path,) for path in paths)}


def test_the_target_of_a_redirect_is_one_argument(tmp_path):
    targets = sorted(set(accepted(("nginx", "routes", 3, "to"))))
    assert targets, "some are harmless"
    routes = [{"path": f"/{index}", "mode": "redirect", "to": target} for index, target in enumerate(targets)]
    http = nginx(nginx_files([describe(nginx={"routes": routes})]), tmp_path)
    (server,) = [server for server in http.all("server") if server.one("server_name").args == ("shop",)]
    for index, target in enumerate(targets):
        assert server.one("location", f"/{index}").one("return").args == ("301", target)


def test_the_value_of_a_header_is_one_argument(tmp_path):
    values = sorted(set(accepted(("nginx", "headers", "X-A"))))
    assert values, "some are harmless"
    http = nginx(nginx_files([describe(nginx={"headers": {f"X-{index}": value for index, value in enumerate(values)}})]), tmp_path)
    for index, value in enumerate(values):
        (mapped,) = http.one("map", f"$upstream_http_x_{index}").block
        assert mapped.args == (value,)


@pytest.mark.parametrize("name", ["X A", "X:A", "X\nA", "X_A", "", "X;", "X\u00e9"])
def test_the_name_of_a_header_is_one(name):
    for key in ("nginx", "health"):
        with pytest.raises(AppError):
            resolve_apps([describe(**{key: {"headers": {name: "x"}}})])


@pytest.mark.parametrize("path", ["/\0", "/a\x01b", "/\x7f"])
def test_the_path_of_a_route_has_no_control_characters(path):
    with pytest.raises(AppError):
        resolve_apps([describe(nginx={"routes": [{"path": path}]})])


@pytest.mark.parametrize("status", ["200 1m; include /etc/passwd; #", "200\n", "all", "20", "2000", "99", "any any", "2\u06630"])
def test_the_status_of_a_cached_answer_is_a_status(status):
    with pytest.raises(AppError):
        resolve_apps([describe(nginx={"routes": [{"path": "/", "mode": "cache", "valid": {status: "1m"}}]})])


@pytest.mark.parametrize("status", [200, "200", "any", 404])
def test_statuses_of_cached_answers_are_taken(status):
    complete(nginx={"routes": [{"path": "/", "mode": "cache", "valid": {status: "1m"}}]})


@pytest.mark.parametrize("time", ["60", "60s", "5m", "1h", "30d", "2w"])
@pytest.mark.parametrize("mode", ["plain", "cache", "stream"])
def test_times_that_every_directive_of_nginx_takes(mode, time):
    complete(nginx={"routes": [{"path": "/", "mode": mode, "read_timeout": time}, {"path": "/c", "mode": "cache", "valid": {200: time}}]})


@pytest.mark.parametrize(
    ("key", "time"),
    [("read_timeout", "1M"), ("read_timeout", "1y"), ("valid", "500ms"), ("valid", "9" * 30), ("read_timeout", "9" * 30 + "s")],
)
def test_times_that_nginx_refuses_there(key, time):
    # Timeouts have no months and years, the times of a cache no milliseconds (ngx_parse_time).
    value = {200: time} if key == "valid" else time
    with pytest.raises(AppError):
        resolve_apps([describe(nginx={"routes": [{"path": "/", "mode": "cache", key: value}]})])


@pytest.mark.parametrize("size", ["9" * 30, "9999999999g", "1.5m", "-1"])
def test_sizes_that_nginx_refuses(size):
    with pytest.raises(AppError):
        resolve_apps([describe(nginx={"max_body_size": size})])


@pytest.mark.parametrize("name", ["a..b", ".a", "a.", "*", "*.*.a", "a.*", "~^a$", "__", "*.a..b", "http://a", "a:80", "a/b", ""])
def test_server_names_that_nginx_refuses_or_reads_otherwise(name):
    with pytest.raises(AppError):
        resolve_apps([describe(nginx={"server_names": [name]})])


@pytest.mark.parametrize("name", ["localhost", "a.example.com", "*.example.com", "a-b.c_d", "xn--bcher-kva.example", "[::1]", "192.0.2.1"])
def test_server_names_that_are_taken(name):
    complete(nginx={"server_names": [name]})


def test_a_site_has_a_server_name():
    with pytest.raises(AppError):
        resolve_apps([describe(nginx={"server_names": []})])


def test_a_long_server_name_has_room(tmp_path):
    http = nginx(nginx_files([describe(nginx={"server_names": ["shop-pr-1234.review.eu-central-1.staging.example.com"]})]), tmp_path)
    assert int(http.one("server_names_hash_bucket_size").args[0]) >= 128


def test_systemd_takes_the_name_of_the_longest_user():
    # systemd allows 31 characters, and sysusers.d refuses others.
    for length in range(20, 40):
        try:
            assert len(complete(name="a" * length)["user"]) <= 31
            complete(user="u" * length)
        except AppError:
            continue
        assert length <= 31


def test_the_unit_has_no_specifier_but_the_instance():
    made = instance(complete())
    for text in (made["unit"], made["drop_in"]):
        assert "%" not in text.replace("%i", "").replace("%%", "")


# --- values of any kind ------------------------------------------------------------------------------------------------------


def written_ini(**changes: t.Any) -> list[tuple[str, str]]:
    return uwsgi_ini(instance(complete(**changes))["files"]["ini"])


@pytest.mark.parametrize("text", HOSTILE)
def test_an_option_is_one_line_or_refused(text):
    try:
        value = complete(uwsgi={"options": {"procname": f"a{text}b"}})["uwsgi"]["options"]["procname"]
    except AppError:
        return
    assert ("procname", value) in written_ini(uwsgi={"options": {"procname": value}})


@pytest.mark.parametrize("value", ["100%", "a%%%", "a\0b"])
def test_an_option_that_cannot_be_printed_is_refused_before_anything_changes(value):
    with pytest.raises(AppError):
        complete(uwsgi={"options": {"procname": value}})


def test_a_revision_is_no_second_line_of_the_ini():
    revision = "v1 \\"
    options = uwsgi_ini(instance(complete(), {**RELEASE, "revision": revision})["files"]["ini"])
    assert [name for name, _value in options] == [name for name, _value in written_ini()]


@pytest.mark.parametrize("text", HOSTILE)
def test_jinja_in_a_value_stays_text(text):
    made = instance(complete(env={"A": f"x{text}y"} if text.isprintable() else {}, secrets={}))
    assert "49" not in made["files"]["env"]
    assert unit(made["unit"])


# --- every key has been thought about ----------------------------------------------------------------------------------------

# Keys whose text is free, and why that is harmless.
FREE = {
    "source.exclude[]": "is matched against file names",
    "health.body": "is matched against the answer",
    "nginx.template": "names a file of the controller",
    "uwsgi.template": "names a file of the controller",
    "requirements_refresh": "enters an id only",
    "hooks.build[]": "is a command of the user's",
    "hooks.migrate[]": "is a command of the user's",
    "hooks.after_switch[]": "is a command of the user's",
    "env": "is escaped, see test_environment.py",
    "secrets": "is escaped, see test_environment.py",
    "workers[].env": "is escaped, see test_worker_units.py",
    "build_env": "is escaped, see test_environment.py",
    "nginx.extra[]": "is nginx's language, for the user to write",
    "nginx.routes[].extra[]": "is nginx's language, for the user to write",
    "uwsgi.options": "is printed line by line, see above",
    "uwsgi.stream.options": "is printed line by line, see above",
    "health.headers": "travels in a packet with lengths",
}


def texts(key: Key = APP, path: str = "") -> Iterator[tuple[str, Key]]:
    """Yield the keys that hold text."""
    if key.type in ("str", "map"):
        yield path, key
    for name, sub in {**(key.keys or {}), **{name: sub for mode in (key.modes or {}).values() for name, sub in mode.items()}}.items():
        yield from texts(sub, f"{path}.{name}".lstrip("."))
    if key.elements:
        yield from texts(key.elements, f"{path}[]")


@pytest.mark.parametrize("path", [path for path, key in texts() if not key.pattern and not key.choices])
def test_a_key_without_a_pattern_is_free_for_a_reason(path):
    assert path in FREE


@pytest.mark.parametrize("character", ["\0", "\x1b", "\x7f", "\r"], ids=ascii)
@pytest.mark.parametrize(("path", "key"), [pytest.param(path, key, id=path) for path, key in texts() if key.type == "str"])
def test_no_text_has_a_control_character(path, key, character):
    validator = Validator()
    validator.check(path, key, f"/a{character}b;")
    assert len(validator.problems) == 1
    assert validator.problems[0].isprintable()
