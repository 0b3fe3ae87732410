# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Clients that a site or a route answers, on each server that a request can come to, and the size of a body."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.description.refused import problems
from ansible_collections.flaskops.stack.tests.unit.render import complete
from ansible_collections.flaskops.stack.tests.unit.roles.sites import FRONTS, app, backend_of, front_of, location

OFFICE = ["192.0.2.0/24", "2001:db8::/32"]
REMOTE, TCP = ["192.0.2.9"], "0.0.0.0:8000"


def rules(place) -> list[tuple[str, str]]:
    return [(inner.name, inner.args[0]) for inner in place.block if inner.name in ("allow", "deny")]


@pytest.mark.parametrize("front", FRONTS)
def test_a_site_answers_those_whom_it_allows(rendered, front):
    site = app(front, access={"deny": ["192.0.2.66"], "allow": OFFICE})
    wanted = [("deny", "192.0.2.66"), ("allow", OFFICE[0]), ("allow", OFFICE[1]), ("deny", "all")]
    assert rules(front_of(rendered(site))) == wanted
    assert rules(front_of(rendered(app(front)))) == []


def test_a_site_that_only_denies_answers_all_others(rendered):
    assert rules(front_of(rendered(app(access={"deny": OFFICE})))) == [("deny", address) for address in OFFICE]


@pytest.mark.parametrize("front", FRONTS)
def test_the_rules_of_a_route_take_the_place_of_the_sites(rendered, front):
    routes = [{"path": "/"}, {"path": "/hooks", "access": {"allow": ["all"]}}, {"path": "/admin", "access": {"allow": ["192.0.2.1"]}}]
    site = front_of(rendered(app(front, *routes, access={"allow": OFFICE})))
    assert rules(location(site, "/hooks")) == [("allow", "all")]
    assert rules(location(site, "/admin")) == [("allow", "192.0.2.1"), ("deny", "all")]
    assert rules(location(site, "/")) == [], "it has those of the site"


def test_no_front_server_on_another_host_leads_past_the_rules(rendered):
    site = app("proxy", {"path": "/"}, {"path": "/admin", "access": {"allow": ["192.0.2.1"]}}, access={"allow": OFFICE})
    http = rendered(site, nginx_site_front_addresses=REMOTE)
    assert rules(backend_of(http, listen=TCP)) == rules(front_of(http)) != []
    assert rules(location(backend_of(http, listen=TCP), "/admin")) == [("allow", "192.0.2.1"), ("deny", "all")]


@pytest.mark.parametrize("front", FRONTS)
def test_a_route_takes_larger_bodies_on_both_servers(rendered, front):
    http = rendered(app(front, {"path": "/"}, {"path": "/upload", "max_body_size": "2g"}))
    servers = [front_of(http)] + ([backend_of(http)] if front == "proxy" else [])
    assert [location(server, "/upload").values("client_max_body_size") for server in servers] == [["2g"]] * len(servers)
    assert location(servers[0], "/").values("client_max_body_size") == []


@pytest.mark.parametrize("address", ["office", "192.0.2.0/33", "10.0.0.1, 10.0.0.2", "all; return 200"])
def test_what_is_no_address_is_refused(address):
    (line,) = problems(app(access={"allow": [address]}))
    assert line.startswith(f"shop.nginx.access.allow[0] is '{address}', which cannot be used here; write ")


@pytest.mark.parametrize(
    ("site", "route", "proof"),
    [
        ({}, {}, "stream"),
        ({"deny": ["192.0.2.3"]}, {}, "stream"),
        ({"allow": OFFICE}, {}, "plain"),
        ({"allow": [*OFFICE, "127.0.0.0/8"]}, {}, "stream"),
        ({"deny": ["all"]}, {"allow": ["127.0.0.1"]}, "stream"),
        ({}, {"allow": OFFICE}, "plain"),
        ({}, {"deny": ["127.0.0.1"], "allow": ["all"]}, "plain"),
        ({"allow": OFFICE}, {"public": True}, "stream"),
    ],
)
def test_a_route_that_keeps_the_host_itself_out_is_proved_by_any_answer(site, route, proof):
    shop = complete(nginx={"access": site, "routes": [{"path": "/", "mode": "stream", "access": route}]})
    assert [route["proof"] for route in shop["site"]["routes"]] == [proof]
