# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The server behind the proxy believes its front about clients, so nobody else may reach it, and no front leads past a rule of the site."""

from __future__ import annotations

import re

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.flaskops.stack.plugins.module_utils.host.managed import HEADER
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.platform import DEBIAN
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.rules import rules
from ansible_collections.flaskops.stack.tests.unit import render as sites_render
from ansible_collections.flaskops.stack.tests.unit.parse import nginx
from ansible_collections.flaskops.stack.tests.unit.render import nginx_files, task_vars
from ansible_collections.flaskops.stack.tests.unit.roles.sites import (
    CACHE,
    HIDDEN,
    PLAIN,
    SOCKET,
    STREAM,
    app,
    backend_of,
    catch_alls,
    front_of,
    location,
    places,
)

FRONTS = ["192.0.2.9", "2001:db8::/64"]
TCP = "0.0.0.0:8000"


def variable(name: str) -> object:
    known = task_vars("nginx_site", flask_apps=[])
    return Templar(loader=DataLoader(), variables=known).template(known[name])


# --- one host ------------------------------------------------------------------------------------------------------------


def test_on_one_host_nothing_listens_at_an_address(rendered):
    http = rendered(app("proxy", PLAIN, CACHE, STREAM), nginx_site_backend_listen="127.0.0.1:8080")
    listening = {listen.split()[0] for server in http.all("server") for listen in server.values("listen")}
    assert listening == {"80", "[::]:80", SOCKET}
    assert http.one("upstream", "flaskops_backend").values("server") == [SOCKET]


def test_on_one_host_no_address_is_believed(rendered):
    http = rendered(app("proxy"))
    assert backend_of(http).values("set_real_ip_from") == ["unix:"]
    assert not [inner for inner in http.all("geo") if inner.args[1] == "$flaskops_front"]


def test_only_root_and_the_web_server_can_enter_the_directory_of_the_socket():
    directory = SOCKET.removeprefix("unix:").rpartition("/")[0]
    assert variable("__nginx_site_directories")[directory] == f"0750 {DEBIAN.web_group}"
    (tmpfiles,) = [text for path, text in variable("__nginx_site_system_files").items() if path.startswith("/etc/tmpfiles.d/")]
    assert f"d {directory} 0750 root {DEBIAN.web_group} -" in tmpfiles.splitlines()


def test_a_socket_of_a_killed_nginx_is_out_of_the_way_of_the_next_one():
    (settings,) = [text for path, text in variable("__nginx_site_system_files").items() if path.endswith("nginx.service.d/flaskops.conf")]
    assert f"ExecStartPre=-/bin/rm -f {SOCKET.removeprefix('unix:')}" in settings.splitlines()


def test_the_files_of_systemd_say_who_manages_them():
    assert [path for path, text in variable("__nginx_site_system_files").items() if not text.startswith(HEADER)] == []


def test_the_server_behind_the_proxy_repeats_no_rule_for_its_own_front(rendered):
    """Each request would count twice, and each header of `extra` would come twice."""
    limited = app("proxy", {**PLAIN, "extra": ["limit_req zone=mine;"]}, limit={"rate": "1r/s", "connections": 2}, extra=["deny 10.0.0.1;"])
    backend = backend_of(rendered(limited))
    assert not [name for name in backend.names() if re.search("limit_(req|conn|rate)$|deny", name)]


# --- front servers on other hosts ----------------------------------------------------------------------------------------


def test_only_the_named_fronts_are_allowed_and_believed(rendered):
    http = rendered(app("proxy"), nginx_site_front_addresses=FRONTS)
    assert backend_of(http, listen=TCP).values("set_real_ip_from") == ["unix:", *FRONTS]
    fronts = {inner.name: inner.args[0] for inner in http.one("geo", "$realip_remote_addr", "$flaskops_front").block}
    assert fronts == {"default": "0", **dict.fromkeys(FRONTS, "1")}
    (refusal,) = [found for found in backend_of(http, listen=TCP).all("if") if "$flaskops_front" in str(found.args)]
    assert refusal.values("return") == ["403"]
    assert not [found for found in backend_of(http).all("if") if "$flaskops_front" in str(found.args)]


def test_they_are_served_beside_the_front_of_this_host(rendered):
    http = rendered(app("proxy", PLAIN, CACHE, STREAM), nginx_site_front_addresses=FRONTS, nginx_site_backend_listen="192.0.2.1:8080")
    assert places(backend_of(http)) == places(backend_of(http, listen="192.0.2.1:8080"))
    assert [f"{SOCKET} default_server", "192.0.2.1:8080 default_server"] in [server.values("listen") for server in catch_alls(http)]


def test_they_lead_past_no_rule_of_the_site(rendered):
    routes = [
        *(PLAIN, {"path": "/admin", "mode": "deny"}, {"path": "/old", "mode": "redirect", "to": "/new"}),
        {"path": "/office", "extra": ["allow 10.0.0.0/8;", "deny all;", "add_header X-A b;"]},
    ]
    site = app("proxy", *routes, limit={"rate": "10r/s", "connections": 8}, extra=["auth_basic staff;", "add_header X-B c;"])
    backend = backend_of(rendered(site, nginx_site_front_addresses=FRONTS), listen=TCP)
    assert location(backend, "/admin").values("return") == ["403"]
    assert location(backend, "/old").values("return") == ["301 /new"]
    assert location(backend, *HIDDEN).values("return") == ["404"]
    assert (location(backend, "/office").values("allow"), location(backend, "/office").values("deny")) == (["10.0.0.0/8"], ["all"])
    assert backend.values("auth_basic") == ["staff"]
    assert backend.values("limit_req") == ["zone=flask_shop_rate burst=20 nodelay"]
    assert "flask_shop_connections 8" in backend.values("limit_conn")
    added = {header for place in [backend, *backend.all("location")] for header in place.values("add_header")}
    assert {header.split()[0] for header in added} == {"Retry-After", "Cache-Control"}, "the front adds the others"


@pytest.mark.parametrize(
    ("log", "written"), [("combined", "/var/log/nginx/shop.access.log flaskops_combined buffer=32k flush=1s"), ("off", "off")]
)
def test_their_requests_are_logged_here_too(rendered, log, written):
    """Their own log does not tell which of several servers has answered, and the playbook rollout watches each server."""
    http = rendered(app("proxy", log=log), nginx_site_front_addresses=FRONTS)
    assert backend_of(http, listen=TCP).values("access_log") == [written]
    assert backend_of(http).values("access_log") == ["off"]


def test_an_overlays_access_rules_hold_for_them(tmp_path):
    overlay = tmp_path / "closed.conf.j2"
    overlay.write_text('{% extends "site_proxy.conf.j2" %}\n{% block access %}\n    deny 198.51.100.1;\n{% endblock %}\n')
    site = app("proxy")
    site["nginx"]["template"] = str(overlay)
    text = nginx_files([site], nginx_site_front_addresses=FRONTS)["sites-available/shop.conf"]
    behind = text[text.index(f"listen {TCP};") :]
    assert behind.count("deny 198.51.100.1;") == 1
    assert text.count("deny 198.51.100.1;") == 2


@pytest.mark.parametrize(
    "kept", ["allow 10.0.0.0/8;", "deny all;", " return 403;", "if ($arg_x) { return 403; }", "limit_except GET { deny all; }"]
)
def test_a_directive_that_keeps_somebody_out_is_a_rule(kept):
    assert rules([kept]) == [kept]


@pytest.mark.parametrize(
    "left",
    ["add_header A b;", "\n  proxy_pass http://x;", "uwsgi_read_timeout 5m;", "listen 81;", "gzip off;", "expires 1h;", "rewrite ^ /x;"],
)
def test_a_directive_of_one_server_alone_is_none(left):
    assert rules([left]) == []


def test_the_front_of_this_host_has_what_it_had(rendered):
    site = app("proxy", PLAIN, CACHE)
    one, many = front_of(rendered(site)), front_of(rendered(site, nginx_site_front_addresses=FRONTS))
    # The pages of nginx lie below the directory of its configuration, which is another one for each test.
    assert re.sub(r"/nginx\d+/", "/nginx/", str(one)) == re.sub(r"/nginx\d+/", "/nginx/", str(many))


# --- the move from the address of a former release -----------------------------------------------------------------------


@pytest.fixture
def moving(monkeypatch):
    """Render as between the two reloads of a move."""

    def render(*apps, **variables):
        return nginx_files(apps, **variables)

    known = sites_render.task_vars

    def of_a_former_release(role, **given):
        return {**known(role, **given), "__nginx_site_former": "127.0.0.1:8000"}

    monkeypatch.setattr(sites_render, "task_vars", of_a_former_release)
    return render


def test_requests_that_are_under_way_find_the_server_behind_the_proxy_where_it_was(moving, tmp_path):
    site = app("proxy", {**PLAIN, "extra": ["deny 10.0.0.1;"]}, limit={"connections": 1})
    http = nginx(moving(site), tmp_path)
    assert http.one("upstream", "flaskops_backend").values("server") == [SOCKET], "new requests go to the socket"
    was, now = backend_of(http, listen="127.0.0.1:8000"), backend_of(http)
    assert places(was) == places(now)
    assert was.values("set_real_ip_from") == ["unix:", "127.0.0.1", "::1"]
    assert not [name for name in was.names() if re.search("limit_(req|conn|rate)$|deny", name)], "the front has counted the request already"
    assert "127.0.0.1:8000 default_server" in catch_alls(http)[-1].values("listen")


def test_front_servers_on_other_hosts_are_served_during_a_move(moving, tmp_path):
    http = nginx(moving(app("proxy"), nginx_site_front_addresses=FRONTS), tmp_path)
    fronts = {inner.name: inner.args[0] for inner in http.one("geo", "$realip_remote_addr", "$flaskops_front").block}
    assert fronts == {"default": "0", "127.0.0.1": "1", "::1": "1", **dict.fromkeys(FRONTS, "1")}
    assert [found.values("return") for found in backend_of(http, listen="127.0.0.1:8000").all("if")][0] == ["403"]
