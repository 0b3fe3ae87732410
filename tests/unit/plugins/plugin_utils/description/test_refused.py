# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A description that is wrong gives one line for each problem, with application, key, value and remedy, and quotes no secret."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.description.refused import problems
from ansible_collections.flaskops.stack.tests.unit.render import SMALLEST, describe, resolve_app

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
    # Characters that look like others, or like nothing, as from a text processor or a web page.
    ({"nginx ": {}}, "shop.nginx  is not a key of the description (it has a blank at an end); did you mean 'nginx'."),
    ({"wsg\u0456": "x"}, "shop.wsg\u0456 is not a key of the description (it has U+0456 CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I); did you"),
    ({"wsgi": "app.py\u00a0"}, r"shop.wsgi is 'app.py\xa0', which cannot be used here (it has U+00A0 NO-BREAK SPACE); write it like"),
    ({"wsgi": "a\u200bpp.py"}, r"shop.wsgi is 'a\u200bpp.py', which cannot be used here (it has U+200B ZERO WIDTH SPACE); write it like"),
    ({"wsgi": "\u201capp.py\u201d"}, "shop.wsgi is '\u201capp.py\u201d', which cannot be used here (it has U+201C LEFT DOUBLE QUOTATION MARK, U+201D RIGHT"),
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
    ({"nginx": {"routes": [{"path": "/", "mode": ["cache"], "valid": {}}]}}, "shop.nginx.routes[0].mode is ['cache'], but must be text; write"),
    ({"nginx": {"headers_preset": "bassic"}}, "shop.nginx.headers_preset is 'bassic', but must be one of "),
    ({"nginx": {"front": "edge"}}, "shop.nginx.front is 'edge', but must be one of direct, proxy; write one of them."),
    # Keys of another mode.
    (
        {"nginx": {"routes": [{"path": "/", "valid": {200: "1m"}}]}},
        "shop.nginx.routes[0].valid is for mode cache, and this one is plain; remove it or set mode: cache.",
    ),
    (
        {"nginx": {"routes": [{"path": "/", "mode": "cache", "bypass_cookies": [], "ignore_cookies": []}]}},
        "shop.nginx.routes[0].bypass_cookies is there beside ignore_cookies; keep one of the two.",
    ),
    (
        {"nginx": {"routes": [{"path": "/", "mode": "cache", "ignore_cookies": ["a;b"]}]}},
        "shop.nginx.routes[0].ignore_cookies[0] is 'a;b', which cannot be used here; name cookies such as theme, or all with one beginning as _ga*.",
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
    ({"wsgi": "shop:create_app(mode)"}, "shop.wsgi is 'shop:create_app(mode)', which cannot be used here; give a factory constants only"),
    ({"wsgi": "shop:create_app(**{'a': 1})"}, "shop.wsgi is 'shop:create_app(**{'a': 1})', which cannot be used here; give a factory constants only"),
    ({"wsgi": "shop:create_app('a')('b')"}, "shop.wsgi is 'shop:create_app('a')('b')', which cannot be used here; give a factory constants only"),
    ({"wsgi": "shop:create_app('$(HOME)')"}, "shop.wsgi is 'shop:create_app('$(HOME)')', which cannot be used here; give a factory no text with $("),
    ({"extra_requirements": ["-r x"]}, "shop.extra_requirements[0] is '-r x', which cannot be used here; write a requirement such as"),
    ({"extra_requirements": ["psycopg 3"]}, "shop.extra_requirements[0] is 'psycopg 3', which cannot be used here; write a requirement such as"),
    ({"build_constraints": ["-c x"]}, "shop.build_constraints[0] is '-c x', which cannot be used here; write a package and its versions such as"),
    ({"build_constraints": ["setuptools"]}, "shop.build_constraints[0] is 'setuptools', which cannot be used here; write a package and its versions"),
    ({"build_constraints": ["cython[x]<3"]}, "shop.build_constraints[0] is 'cython[x]<3', which cannot be used here; write a package and its versions"),
    ({"extra_requirements": ["uWSGI==2.0.31"]}, "shop.extra_requirements[0] is 'uWSGI==2.0.31', which cannot be used here; remove it, as uwsgi.package"),
    ({"shared_paths": ["../x"]}, "shop.shared_paths[0] is '../x', which cannot be used here; write a path relative to the source"),
    ({"shared_paths": ["a/../b"]}, "shop.shared_paths[0] is 'a/../b', which cannot be used here"),
    ({"shared_paths": ["."]}, "shop.shared_paths[0] is '.', which cannot be used here"),
    ({"shared_paths": ["/x"]}, "shop.shared_paths[0] is '/x', which cannot be used here"),
    ({"shared_paths": ["data/db", "data/"]}, "shop.shared_paths[1] is 'data', which overlaps 'data/db'; keep the outer one."),
    ({"state_dirs": ["/var/lib/x"]}, "shop.state_dirs[0] is '/var/lib/x', which cannot be used here; write a name such as shop"),
    (
        {"state_dirs": ["nginx"]},
        "shop.state_dirs[0] is 'nginx', which cannot be used here; name a directory of the application's own, such as one called like it, since",
    ),
    ({"log_dirs": [".."]}, "shop.log_dirs[0] is '..', which cannot be used here"),
    ({"state_dirs": ["x", "x/y"]}, "flask_apps: shop.state_dirs '/var/lib/x/y' overlaps shop.state_dirs '/var/lib/x'; keep them apart."),
    ({"state_dirs": ["x", "x"]}, "flask_apps: the directory '/var/lib/x' is used by 'shop' twice; "),
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
    (
        {"nginx": {"front": "proxy", "backends": ["192.0.2.1:80"], "canary": {"backends": ["192.0.2.2:80"], "percent": 5}}},
        "shop.nginx.canary.backends has '192.0.2.2:80', which is not in nginx.backends; write addresses of that list.",
    ),
    (
        {"nginx": {"front": "proxy", "backends": ["192.0.2.1:80"], "canary": {"backends": ["192.0.2.1:80"], "percent": 5}}},
        "shop.nginx.canary.backends has all nginx.backends, so no other visitors are left; leave some of them out.",
    ),
    (
        {"nginx": {"front": "proxy", "backends": ["192.0.2.1:80"], "canary": {"cookie": "try"}}},
        "shop.nginx.canary.backends is empty, but percent or cookie is set; write some of nginx.backends, or take both out.",
    ),
    (
        {"nginx": {"front": "proxy", "backends": ["192.0.2.1:80", "192.0.2.2:80"], "canary": {"backends": ["192.0.2.1:80"], "cookie": "a-b"}}},
        "shop.nginx.canary.cookie is 'a-b', which cannot be used here; write a name of letters, digits and underscores",
    ),
    ({"nginx": {"backends": ["[::1]:80"]}}, "shop.nginx.backends is for front: proxy, and this one is direct; set front: proxy."),
    ({"nginx": {"front": "proxy", "backends": ["b:80"]}}, "shop.nginx.backends[0] is 'b:80', which cannot be used here; write address and port"),
    ({"nginx": {"routes": [{"path": "/a", "mode": "redirect", "to": "b"}]}}, "shop.nginx.routes[0].to is 'b', which cannot be used here; write a URL"),
    ({"nginx": {"routes": [{"path": "/a", "mode": "redirect", "to": "/", "status": 200}]}}, "shop.nginx.routes[0].status is '200', but must be one of 301"),
    ({"nginx": {"routes": [{"path": "/", "extra": ["gzip off"]}]}}, "shop.nginx.routes[0].extra[0] is 'gzip off', which cannot be used here; end it with"),
    ({"nginx": {"limit": {"rate": "10/s"}}}, "shop.nginx.limit.rate is '10/s', which cannot be used here; write a rate such as 10r/s"),
    ({"nginx": {"limit": {"connections": 0}}}, "shop.nginx.limit.connections is 0, but must be from 1 to 65535; "),
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
    ({"health": {"host": "shop\r\nX-Token: t"}}, r"shop.health.host is 'shop\r\nX-Token: t', which cannot be used here; write a host name "),
    ({"health": {"host": "a\0b"}}, r"shop.health.host is 'a\x00b', which has a control character; remove it."),
    ({"health": {"headers": {"X-Token": "\x1b[2J"}}}, r"shop.health.headers.X-Token is '\x1b[2J', which cannot be used here; write {Name: value} "),
    ({"requirements": "a\0.txt"}, r"shop.requirements is 'a\x00.txt', which has a control character; remove it."),
    ({"hooks": {"build": ["make\0"]}}, r"shop.hooks.build[0] is 'make\x00', which has a control character; remove it."),
    ({"env": {"A": "b\0"}}, "shop.env.A contains control characters, which an environment file cannot hold; "),
    ({"env": {"A": "b\uffff"}}, "shop.env.A contains the code point U+FFFF, which is no character and which systemd refuses; remove it"),
    ({"env": {"A": "x" * 131069 + "é"}}, "shop.env.A has 131,073 bytes with its name, and Linux starts no program with more than 131,071"),
    ({"env": {f"A{n}": "x" * 100_000 for n in range(7)}}, "shop.env has 700,084 bytes, and a program can be started with 699,050 of each"),
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


def test_a_key_that_is_a_number_is_told():
    assert problems({**SMALLEST, 5: "x"})[0].startswith("shop.5 is not a key of the description; known are ")


def test_a_list_or_mapping_in_place_of_another_is_told_in_words_of_yaml():
    class Tagged(dict):
        """As Ansible marks a mapping with where it was written."""

    assert problems([])[0].startswith("flask_apps[0] is a list, but must be a mapping")
    with pytest.raises(AppError, match="flask_apps is a mapping, but must be a list of applications"):
        resolve_apps(Tagged(name="shop"))


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
