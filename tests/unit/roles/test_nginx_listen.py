# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Parameters of listen: those of the socket stand in one server, as nginx wants it, and all others in every server."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.role_variables import VARIABLES, resolve_variables, without_ipv6
from ansible_collections.flaskops.stack.tests.unit.render import describe
from ansible_collections.flaskops.stack.tests.unit.roles.sites import app

LISTEN = ["80 reuseport backlog=512", "[::]:80 ipv6only=on", "127.0.0.1:8443 ssl so_keepalive=on"]
BARE = ["80", "[::]:80", "127.0.0.1:8443 ssl"]


def listens(http, name: str) -> list[str]:
    (server,) = [server for server in http.all("server") if name in server.one("server_name").args and "80" in server.values("listen")[0]]
    return [value for value in server.values("listen") if not value.startswith("unix:")]


def test_the_server_for_unknown_hosts_has_them(rendered):
    http = rendered(app(), nginx_site_listen=LISTEN)
    assert listens(http, "_") == [f"{value} default_server" for value in LISTEN]
    assert listens(http, "shop.example.com") == BARE


def test_a_site_for_every_host_has_them(rendered):
    every = describe(name="every", nginx={"server_names": ["_"]})
    http = rendered(app(), every, nginx_site_listen=LISTEN)
    assert listens(http, "_") == [f"{value} default_server" for value in LISTEN]
    assert listens(http, "shop.example.com") == BARE


@pytest.mark.parametrize("default", ["", " default_server"])
def test_without_such_a_server_one_site_has_them(rendered, default):
    more = describe(name="more", nginx={"server_names": ["more.example.com"]})
    wanted = [f"{LISTEN[0]}{default}", *LISTEN[1:]]
    http = rendered(app(), more, nginx_site_listen=wanted, nginx_site_catch_all=False)
    assert listens(http, "shop.example.com") == wanted
    assert "reuseport" not in " ".join(listens(http, "more.example.com"))


def test_the_site_that_has_them_may_be_left_out(rendered):
    """nginx refuses them in a second server, and the files of the first one stay as they are."""
    more = describe(name="more", nginx={"server_names": ["more.example.com"]})
    http = rendered(app(), more, nginx_site_listen=LISTEN, nginx_site_catch_all=False, nginx_site_left_out={"shop": "it failed"})
    assert listens(http, "more.example.com") == BARE


def test_a_host_without_ipv6_listens_at_its_other_addresses(rendered):
    known = without_ipv6(resolve_variables(dict.fromkeys(name for name in VARIABLES if name.startswith("nginx_site_"))))
    http = rendered(app(tls={"self_signed": True}), __nginx_site_looked={"sites": {"nginx": "1.26.3", "variables": known}})
    listens = [value for server in http.all("server") for value in server.values("listen")]
    assert "80" in listens
    assert not [value for value in listens if value.startswith("[")]
