# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hosts that no site has: they get no answer, or the one site that is for every host."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.tests.unit.parse import Directive
from ansible_collections.flaskops.stack.tests.unit.render import describe, nginx_files
from ansible_collections.flaskops.stack.tests.unit.roles.sites import FRONTS, SOCKET

OTHER = describe(name="blog", nginx={"server_names": ["blog.example.com"], "front": "proxy"})
REMOTE = ["192.0.2.9"]
TCP = "0.0.0.0:8000"


def every_host(front: str = "direct", **nginx_keys: object) -> dict:
    return describe(nginx={"server_names": ["_"], "front": front, **nginx_keys})


def defaults(http: Directive) -> dict[str, str]:
    """Return the first name of the default server of each address; two of them would be refused by nginx."""
    found = [
        (listen.removesuffix(" default_server"), " ".join(server.one("server_name").args) + ("" if server.all("location") else " closes"))
        for server in http.all("server")
        for listen in server.values("listen")
        if listen.endswith(" default_server")
    ]
    assert len(dict(found)) == len(found)
    return dict(found)


@pytest.mark.parametrize("variables", [{}, {"nginx_site_catch_all": False}])
@pytest.mark.parametrize("front", FRONTS)
def test_a_site_for_every_host_is_the_default_where_sites_listen(rendered, front, variables):
    found = defaults(rendered(every_host(front), OTHER, **variables))
    assert (found["80"], found["[::]:80"]) == ("_", "_")
    if front == "proxy":
        assert found[SOCKET] == "_", "its front passes the visitor's host on"
    else:
        assert found.get(SOCKET) == ("_ closes" if not variables else None)


def test_front_servers_on_other_hosts_pass_every_host_on(rendered):
    assert defaults(rendered(every_host("proxy"), nginx_site_front_addresses=REMOTE)) == dict.fromkeys(("80", "[::]:80", SOCKET, TCP), "_")
    found = defaults(rendered(every_host("direct"), nginx_site_front_addresses=REMOTE))
    assert (found[SOCKET], found[TCP]) == ("_ closes", "_ closes")


def test_with_backends_on_other_hosts_only_the_front_is_for_every_host(rendered):
    found = defaults(rendered(every_host("proxy", backends=["192.0.2.1:8000"]), OTHER))
    assert (found["80"], found[SOCKET]) == ("_", "_ closes")


def test_a_default_server_of_the_addresses_is_named_once(rendered):
    http = rendered(every_host(), nginx_site_listen=["80 default_server"], nginx_site_catch_all=False)
    assert defaults(http) == {"80": "_"}


def test_the_server_that_closes_is_gone_where_it_has_nothing_to_listen_at():
    assert "sites-enabled/flaskops-catch-all.conf" not in nginx_files([every_host("proxy")])
    assert "sites-enabled/flaskops-catch-all.conf" in nginx_files([every_host("direct")])
    assert "sites-enabled/flaskops-catch-all.conf" in nginx_files([{**every_host("proxy"), "state": "absent"}])


@pytest.mark.parametrize("front", FRONTS)
def test_the_host_of_a_visitor_passes_and_is_checked(rendered, front):
    """Every host leads to this site, so what an application writes into its links is the visitor's word; it is a host at least."""
    http = rendered(every_host(front))
    (site,) = [server for server in http.all("server") if "80 default_server" in server.values("listen")]
    assert [found.values("return") for found in site.all("if") if "$flaskops_odd_host" in str(found.args)] == [["400"]]
