# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Variables of the roles as -e, a survey and an inventory give them: converted, or refused with variable, value and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.role_variables import (
    VARIABLES,
    plain_listen,
    resolve_variables,
    without_ipv6,
)
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.tests.unit.render import describe

ROOT = Path(__file__).parents[5]
ROLES = ("flask_app", "uwsgi_service", "nginx_site", "flask_metrics", "flask_firewall")


def value(name: str, written: object) -> object:
    return resolve_variables({name: written})[name]


def refusal(**written) -> str:
    with pytest.raises(AppError) as caught:
        resolve_variables(written)
    (line,) = caught.value.problems
    assert "; " in line, "there is a remedy"
    assert line.endswith(".")
    return line


# --- conversion --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("81", ["81"]),
        ("80", ["80"]),
        (8080, ["8080"]),
        (["80"], ["80"]),
        ([80, "[::]:80"], ["80", "[::]:80"]),
        ("[::]:80", ["[::]:80"]),
        ("[::1]", ["[::1]"]),
        (" 81 ", ["81"]),
        ([" 81 "], ["81"]),
        ("443 ssl http2", ["443 ssl http2"]),
        (["443 ssl", "443 quic reuseport"], ["443 ssl", "443 quic reuseport"]),
        ("unix:/run/nginx.sock", ["unix:/run/nginx.sock"]),
        (["*:80", "localhost:81", "192.0.2.1"], ["*:80", "localhost:81", "192.0.2.1"]),
        (
            "80 proxy_protocol backlog=1024 rcvbuf=8k so_keepalive=30m::10",
            ["80 proxy_protocol backlog=1024 rcvbuf=8k so_keepalive=30m::10"],
        ),
        (None, ["80", "[::]:80"]),
    ],
)
def test_addresses_to_listen_at_are_a_list(written, wanted):
    assert value("nginx_site_listen", written) == wanted


@pytest.mark.parametrize("name", ["nginx_site_trusted_proxies", "nginx_site_front_addresses"])
@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("10.0.0.0/8", ["10.0.0.0/8"]),
        ("192.0.2.1", ["192.0.2.1"]),
        (["2001:db8::/32", "::1"], ["2001:db8::/32", "::1"]),
        ("192.0.2.10/28", ["192.0.2.10/28"]),
        ([], []),
        (None, []),
    ],
)
def test_networks_are_a_list(name, written, wanted):
    assert value(name, written) == wanted


BOOLEANS = [name for name, key in VARIABLES.items() if key.type == "bool"]
NUMBERS = [name for name, key in VARIABLES.items() if key.type == "int"]


@pytest.mark.parametrize("name", BOOLEANS)
@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        *((text, False) for text in ("false", "False", "no", "off", "0", "n", "f", False, 0)),
        *((text, True) for text in ("true", "True", "yes", "on", "1", "y", "t", True, 1)),
    ],
)
def test_a_switch_may_be_a_text(name, written, wanted):
    assert value(name, written) is wanted


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("written", ["555", 555, " 555 "])
def test_a_number_may_be_a_text(name, written):
    assert value(name, written) == 555


@pytest.mark.parametrize("written", ["127.0.0.1:8001", "0.0.0.0:8000", "[::1]:8000", "localhost:8000"])
def test_the_backend_is_an_address_and_a_port(written):
    assert value("nginx_site_backend_listen", written) == written


# --- refusals ----------------------------------------------------------------------------------------------------------------

AS_JSON = "write a list, on the command line as JSON:"
LISTEN = "write a port, or an address with a port, such as 80, 192.0.2.1:8080 or [::]:80."


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("80,8081", f'nginx_site_listen is the text \'80,8081\', but must be a list; {AS_JSON} -e \'{{"nginx_site_listen": ["80", "8081"]}}\'.'),
        ("80, [::]:80", '-e \'{"nginx_site_listen": ["80", "[::]:80"]}\'.'),
        ("[::1]:80,[::2]", '-e \'{"nginx_site_listen": ["[::1]:80", "[::2]"]}\'.'),
        ("[80]", f'nginx_site_listen is the text \'[80]\', but must be a list; {AS_JSON} -e \'{{"nginx_site_listen": ["80"]}}\'.'),
        ("['80', '81']", '-e \'{"nginx_site_listen": ["80", "81"]}\'.'),
        ("[[::]:80]", '-e \'{"nginx_site_listen": ["[::]:80"]}\'.'),
        ("[]", "-e '{\"nginx_site_listen\": []}'."),
        ("8o", f"nginx_site_listen is '8o', which cannot be used here; {LISTEN}"),
        ("", f"nginx_site_listen is '', which cannot be used here; {LISTEN}"),
        (["80", "8o"], f"nginx_site_listen[1] is '8o', which cannot be used here; {LISTEN}"),
        (["80,81"], "nginx_site_listen[0] is '80,81', which cannot be used here; write each address as an item of its own."),
        ("80 81", "nginx_site_listen is '80 81', which cannot be used here; write each address as an item of its own."),
        ("0", LISTEN),
        (65536, LISTEN),
        (-80, LISTEN),
        ("192.0.2.256:80", LISTEN),
        ("192.0.2.1:", LISTEN),
        ("192.0.2.1:http", LISTEN),
        (":80", LISTEN),
        ("www.example.com:80", LISTEN),
        ("8000-8010", LISTEN),
        ("80;", LISTEN),
        ("unix:run/x", LISTEN),
        ("unix:/run/x;", LISTEN),
        ("::1", "write an IPv6 address in brackets and a port, [::1]:80."),
        ("443 sll", "remove 'sll', which is no parameter of nginx's listen."),
        ("80;\ninclude /etc/passwd", LISTEN),
        ([], "nginx_site_listen is empty; write at least one"),
        (True, "nginx_site_listen is True, but must be a list; write [...]"),
        (80.5, "nginx_site_listen is 80.5, but must be a list; "),
        ({"a": 80}, "nginx_site_listen is {'a': 80}, but must be a list; "),
        ([[80]], "nginx_site_listen[0] is [80], but must be text; "),
        ([None], "nginx_site_listen[0] is None, but must be text; "),
        ([True], "nginx_site_listen[0] is True, but must be text; "),
        (["80", "81", "80"], "nginx_site_listen[2] is '80', where another item listens already; keep one of the two."),
        (["80", "0.0.0.0:80"], "nginx_site_listen[1] is '0.0.0.0:80', where another item listens already; "),
    ],
)  # fmt: skip
def test_what_nginx_would_not_listen_at_is_one_line(written, line):
    told = refusal(nginx_site_listen=written)
    assert told.startswith("nginx_site_listen")
    assert line in told


@pytest.mark.parametrize("name", ["nginx_site_trusted_proxies", "nginx_site_front_addresses"])
@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("10.0.0.0/8,192.0.2.1", '-e \'{"NAME": ["10.0.0.0/8", "192.0.2.1"]}\'.'),
        ("10.0.0.0/33", "NAME is '10.0.0.0/33', which cannot be used here; write an address or a network, such as 192.0.2.10 or 10.0.0.0/8."),
        (["::1", "10.0.0"], "NAME[1] is '10.0.0', which cannot be used here; "),
        ("proxy.example.com", "write an address or a network"),
        ("10.0.0.0/255.0.0.0", "write an address or a network"),
        ("fe80::1%eth0", "write an address or a network"),
        ("unix:", "write an address or a network"),
        ("[::1]", "write it without brackets, ::1."),
        ("10.0.0.1 10.0.0.2", "write each address as an item of its own."),
        ("", "write an address or a network"),
        (True, "NAME is True, but must be a list; "),
        (10, "write an address or a network"),
    ],
)  # fmt: skip
def test_what_is_no_network_is_one_line(name, written, line):
    assert line.replace("NAME", name) in refusal(**{name: written})


@pytest.mark.parametrize(
    "written", ["8000", 8000, "127.0.0.1", "*:8000", "unix:/run/x", "b.example.com:8000", "127.0.0.1:0", ["x"], "127.0.0.1:8000;", ""]
)
def test_what_the_front_could_not_connect_to_is_one_line(written):
    assert refusal(nginx_site_backend_listen=written).startswith("nginx_site_backend_listen is ")


@pytest.mark.parametrize("name", BOOLEANS)
@pytest.mark.parametrize("written", ["maybe", "", 2, [True], {}, 0.0])
def test_what_is_no_switch_is_one_line(name, written):
    assert "but must be true or false; write one of them" in refusal(**{name: written})


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("written", ["many", "", "5s", 5.5, "-1", -1, [5], True, 10**12])
def test_what_is_no_number_is_one_line(name, written):
    assert refusal(**{name: written}).startswith(f"{name} is ")


@pytest.mark.parametrize(("written", "seen"), [("shop", "'shop'"), ("{}", "'{}'"), (["shop"], "a list"), (5, "5")])
def test_releases_that_are_no_mapping_are_one_line(written, seen):
    assert refusal(uwsgi_service_releases=written).startswith(f"uwsgi_service_releases is {seen}, but must be a mapping; ")


@pytest.mark.parametrize("written", ["", " ", ["x"], 5.5])
def test_a_directory_that_is_none_is_one_line(written):
    assert refusal(flask_app_cache_dir=written).startswith("flask_app_cache_dir is ")


def test_every_problem_is_told_at_once():
    with pytest.raises(AppError) as caught:
        resolve_variables({"nginx_site_listen": ["x", "80", "y"], "nginx_site_probe": "maybe", "nginx_site_worker_connections": "many"})
    assert [line.partition(" ")[0] for line in caught.value.problems] == [
        "nginx_site_listen[0]",
        "nginx_site_listen[2]",
        "nginx_site_probe",
        "nginx_site_worker_connections",
    ]


def test_the_server_for_other_hosts_is_the_only_default_one():
    told = refusal(nginx_site_listen="80 default_server", nginx_site_catch_all="yes")
    assert told.startswith("nginx_site_listen[0] is '80 default_server', but with nginx_site_catch_all the default server is ")
    resolve_variables({"nginx_site_listen": "80 default_server", "nginx_site_catch_all": "no"})


def test_the_backend_has_an_address_of_its_own():
    written = {"nginx_site_listen": ["80", "127.0.0.1:8000"], "nginx_site_backend_listen": "127.0.0.1:8000"}
    resolve_variables({**written, "nginx_site_front_addresses": []})
    assert refusal(**written, nginx_site_front_addresses="192.0.2.10").startswith(
        "nginx_site_listen[1] is '127.0.0.1:8000', where the server of nginx_site_backend_listen listens; "
    )


def test_tls_has_addresses_of_its_own():
    told = refusal(nginx_site_tls_listen=["443", "0.0.0.0:443"])
    assert told.startswith("nginx_site_tls_listen[1] is '0.0.0.0:443', where another item listens already; ")
    both = {"nginx_site_listen": ["80", "443 ssl"], "nginx_site_tls_listen": ["443"]}
    resolve_variables(both)
    with pytest.raises(
        AppError, match=r"nginx_site_tls_listen\[0\] is '443', where an item of nginx_site_listen listens already, and a site has"
    ):
        resolve_variables(both, with_tls=True)
    assert "nginx_site_backend_listen" in refusal(
        nginx_site_tls_listen="8000", nginx_site_backend_listen="0.0.0.0:8000", nginx_site_front_addresses="192.0.2.10"
    )


@pytest.mark.parametrize("backend", ["192.0.2.256:80", "192.0.2.1:65536", "192.0.2.1:0"])
def test_addresses_in_a_description_are_addresses(backend):
    with pytest.raises(AppError, match="write address and port, such as"):
        resolve_apps([describe(nginx={"front": "proxy", "backends": [backend]})])
    with pytest.raises(AppError, match="write an address of the loopback with a port"):
        resolve_apps([describe(uwsgi={"http": backend.replace("192.0.2", "127.0.0")})])


# --- where plain HTTP is spoken -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("81", ["81"]),
        (80, ["80"]),
        (None, ["80", "[::]:80"]),
        (["192.0.2.1"], ["192.0.2.1:80"]),
        (["[::1]"], ["[::1]:80"]),
        (["*:8080 reuseport"], ["8080"]),
        (["443 ssl", "443 quic", "unix:/run/x.sock", "81 proxy_protocol"], []),
        (["443  ssl", "localhost:82 deferred"], ["localhost:82"]),
    ],
)
def test_where_a_site_can_be_asked(written, found):
    assert plain_listen(written) == found


# --- every variable of every role ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_every_variable_is_checked_as_its_role_specifies_it(role):
    specified = yaml.safe_load((ROOT / f"roles/{role}/meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    # Applications are checked by their own schema, and the key for secrets is any text and not to be shown.
    names = [name for name in specified if not name.endswith(("_apps", "_secrets_key"))]
    types = {"path": "str", "dict": "map"}
    assert {name: types.get(specified[name]["type"], specified[name]["type"]) for name in names} == {
        name: VARIABLES[name].type for name in VARIABLES if name.startswith(f"{role}_")
    }
    for name in names:
        default = VARIABLES[name].default
        assert specified[name].get("default", {}) == (list(default) if isinstance(default, tuple) else default), name


@pytest.mark.parametrize("role", ROLES)
def test_a_role_checks_its_variables_first(role):
    (task, *_more) = yaml.safe_load((ROOT / f"roles/{role}/tasks/main.yml").read_text())
    assert task["flaskops.stack.check_apps"]["roles"] == [role]
    assert task["tags"] == "always"


def test_a_host_that_was_not_looked_at_has_every_variable_of_nginx_too():
    given = yaml.safe_load((ROOT / "roles/nginx_site/vars/main.yml").read_text())["__nginx_site_given"]
    assert given == {name: f"{{{{ {name} }}}}" for name in VARIABLES if name.startswith("nginx_site_")}


def test_the_shipped_playbook_checks_all_of_them_before_the_first_role_begins():
    (play,) = yaml.safe_load((ROOT / "playbooks/site.yml").read_text())
    assert play["pre_tasks"][0]["ansible.builtin.import_tasks"] == "tasks/check.yml"
    (task,) = yaml.safe_load((ROOT / "playbooks/tasks/check.yml").read_text())
    assert task["flaskops.stack.check_apps"]["roles"] == [role for role in ROLES if role not in ("flask_metrics", "flask_firewall")]
    assert task["tags"] == "always"
    cache_dir = yaml.safe_load((ROOT / "roles/flask_app/defaults/main.yml").read_text())["flask_app_cache_dir"]
    assert f"'{cache_dir}'" in task["flaskops.stack.check_apps"]["cache_dir"], "the default of the role"


@pytest.mark.parametrize("playbook", ["metrics", "firewall"])
def test_a_playbook_of_one_role_checks_those_of_its_role(playbook):
    (play,) = yaml.safe_load((ROOT / f"playbooks/{playbook}.yml").read_text())
    task = play["pre_tasks"][0]
    assert task["flaskops.stack.check_apps"]["roles"] == [f"flask_{playbook}"]
    assert task["tags"] == "always"


def test_the_proxy_protocol_needs_a_proxy_that_is_trusted():
    given = {"nginx_site_listen": ["80 proxy_protocol"], "nginx_site_trusted_proxies": []}
    with pytest.raises(
        AppError, match=r"nginx_site_listen\[0\] is '80 proxy_protocol', and no proxy is trusted.*nginx_site_trusted_proxies"
    ):
        resolve_variables(given)
    assert resolve_variables({**given, "nginx_site_trusted_proxies": ["192.0.2.1"]})


def test_a_host_without_ipv6_gets_the_other_addresses():
    given = {
        "nginx_site_listen": ["80", "[::]:80 backlog=9", "[2001:db8::1]:80"],
        "nginx_site_tls_listen": ["[::]:443"],
        "nginx_site_probe": True,
    }
    left = without_ipv6(resolve_variables(given))
    assert left["nginx_site_listen"] == ["80", "[2001:db8::1]:80"], "an address that somebody has written himself is for nginx to refuse"
    assert left["nginx_site_tls_listen"] == ["[::]:443"], "a list is never empty"
    assert left["nginx_site_probe"] is True
