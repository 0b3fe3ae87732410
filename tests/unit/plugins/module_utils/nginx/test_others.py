# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""others: what files of somebody else would do to sites, although nginx accepts them."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.others import Findings, inspect

_OURS = """map $scheme $flaskops_host { default a; }
map $http_upgrade $flaskops_upgrade { default ""; "~(?<flaskops_word>.+)" $flaskops_word; }
server { listen 80; listen [::]:80; listen unix:/run/x.sock; server_name shop.test; }
"""


def look(theirs: str, main: str = "include mime.types; ", first: bool = False, warned: str = "", ours: str = _OURS) -> Findings:
    """Inspect our file beside one of somebody else, which comes after it, or before."""
    names = ["a-theirs", "ours"] if first else ["ours", "z-theirs"]
    files = {
        "/etc/nginx/nginx.conf": f"http {{ {main}include conf.d/*; }}",
        "/etc/nginx/mime.types": "types { text/css css; }",
        **{f"/etc/nginx/conf.d/{name}": ours if name == "ours" else theirs for name in names},
    }
    dump = warned + "".join(f"# configuration file {path}:\n{text}\n" for path, text in files.items())
    return inspect(dump, lambda path: path.endswith("/ours"))


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    "definition",
    [
        "map $uri $flaskops_host { default b; }",
        "geo $flaskops_host { default b; }",
        "geo $remote_addr $flaskops_host { default b; }",
        "split_clients $uri $flaskops_host { * b; }",
        "js_set $flaskops_host main.host;",
        "server { listen 81; server_name ~^(?<flaskops_host>.+)$; }",
        "server { listen 81; location ~ ^/(?P<flaskops_host>x) { return 200; } }",
        "map $uri $other { ~(?<flaskops_host>.) b; }",
        "map $uri $flaskops_word { default b; }",
    ],
)
def test_a_variable_of_ours_that_somebody_else_defines_is_a_problem(definition, first):
    (problem,) = look(f"\n{definition}", first=first).problems
    assert problem.startswith(f"/etc/nginx/conf.d/{'a' if first else 'z'}-theirs:2 defines $flaskops_")
    assert "/etc/nginx/conf.d/ours:" in problem
    assert problem.endswith("give the variable another name there")


def test_a_variable_that_nginx_makes_and_ours_need_is_one_too():
    (problem,) = look("map $uri $http_upgrade { default websocket; }").problems
    assert "defines $http_upgrade, which nginx makes out of the request" in problem


@pytest.mark.parametrize(
    "definition",
    [
        "map $scheme $flaskops_host { default a; }",  # the very same
        "server { listen 81; set $flaskops_host b; }",  # in that server alone
        "map $http_upgrade $connection_upgrade { default upgrade; }",
        "map $uri $http_x_other { default b; }",
        "server { listen 81; server_name ~^(?<flaskops_word>.+)$; }",  # each request has its own
        "server { listen 81; location ~ (?<=a)b { return 200; } }",
    ],
)
def test_other_definitions_are_none(definition):
    assert look(definition) == Findings([], [])


def test_a_server_name_of_ours_is_a_problem_where_nginx_ignores_one_of_both():
    theirs = "server { listen 80;\n server_name www.test shop.test; }"
    warned = 'nginx: [warn] conflicting server name "shop.test" on 0.0.0.0:80, ignored\n'
    (problem,) = look(theirs, warned=warned).problems
    assert problem.startswith("/etc/nginx/conf.d/z-theirs:2 has the server name shop.test")
    assert look(theirs.replace("80", "81")) == Findings([], [])


@pytest.mark.parametrize(("written", "warned"), [("Shop.Test", "shop.test"), (".shop.test", ".shop.test"), (".shop.test", "shop.test")])
def test_a_server_name_is_found_however_it_is_written(written, warned):
    theirs = f"server {{ listen 80;\n server_name {written}; }}"
    (problem,) = look(theirs, warned=f'nginx: [warn] conflicting server name "{warned}" on 0.0.0.0:80, ignored\n').problems
    assert problem.startswith("/etc/nginx/conf.d/z-theirs:2 has the server name shop.test")


def test_a_conflict_of_two_files_of_somebody_else_is_none_of_our_business():
    warned = 'nginx: [warn] conflicting server name "old.test" on 0.0.0.0:80, ignored\n'
    assert look("server { listen 80; server_name old.test; } server { listen 80; server_name old.test; }", warned=warned) == Findings(
        [], []
    )


@pytest.mark.parametrize("listen", ["192.0.2.1:80", "192.0.2.1", "127.0.0.1:80 default_server", "[2001:db8::1]:80", "localhost"])
def test_an_address_that_is_taken_from_ours_is_told(listen):
    (warning,) = look(f"server {{ listen {listen}; }}").warnings
    assert "listens at" in warning
    assert "to nginx_site_listen" in warning


@pytest.mark.parametrize("listen", ["80", "*:80", "[::]:80", "192.0.2.1:81", "unix:/run/other.sock", "8080"])
def test_other_addresses_are_not(listen):
    assert look(f"server {{ listen {listen}; }}") == Findings([], [])


@pytest.mark.parametrize(
    "directive", ["auth_basic closed;", "deny all;", "limit_req zone=x;", "auth_request /x;", "limit_rate 1k;", "ssl_verify_client on;"]
)
def test_a_directive_that_sites_inherit_is_told(directive):
    (warning,) = look(directive).warnings
    assert warning.startswith(f"/etc/nginx/conf.d/z-theirs:1 has {directive.split()[0]} for all servers, so")
    assert look(f"server {{ listen 81; {directive} }}") == Findings([], [])


def test_one_that_is_off_is_not():
    assert look("auth_basic off;") == Findings([], [])


def test_types_that_nobody_knows_are_told():
    (warning,) = look("", main="").warnings
    assert "include /etc/nginx/mime.types;" in warning


def test_without_a_file_of_ours_there_is_nothing_to_find():
    dump = "# configuration file /etc/nginx/nginx.conf:\nhttp { deny all; }\n"
    assert inspect(dump, lambda _path: False) == Findings([], [])
