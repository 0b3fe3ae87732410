# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Limits for each client: who is one, and how many of the places for streams it may take."""

from __future__ import annotations

import re

import pytest
from ansible_collections.flaskops.stack.tests.unit.render import complete
from ansible_collections.flaskops.stack.tests.unit.roles.sites import FRONTS, PLAIN, STREAM, app, backend_of, front_of, location, mapping


@pytest.mark.parametrize("front", FRONTS)
def test_no_client_takes_all_places_of_the_pool(rendered, front):
    http = rendered(app(front, PLAIN, STREAM))
    assert http.values("limit_conn_zone") == ["$flaskops_client zone=flask_shop_streams:10m"]
    assert location(front_of(http), "/time/").values("limit_conn") == ["flask_shop_streams 120"]
    assert location(front_of(http), "/time/").values("limit_conn_status") == ["429"]
    assert not location(front_of(http), "/").all("limit_conn")
    if front == "proxy":
        assert not location(backend_of(http), "/time/").all("limit_conn"), "the front has counted the stream"


@pytest.mark.parametrize("front", FRONTS)
def test_a_limit_of_the_site_holds_for_streams_too(rendered, front):
    streaming = location(front_of(rendered(app(front, PLAIN, STREAM, limit={"connections": 8, "streams": 3}))), "/time/")
    assert streaming.values("limit_conn") == ["flask_shop_streams 3", "flask_shop_connections 8"]


@pytest.mark.parametrize("front", FRONTS)
def test_streams_can_be_without_a_limit(rendered, front):
    http = rendered(app(front, PLAIN, STREAM, limit={"streams": 0}))
    assert not [name for name in http.names() if name in ("limit_conn", "limit_conn_zone")]
    site = app(front, PLAIN, STREAM, limit={"connections": 8, "streams": 0})
    assert not location(front_of(rendered(site)), "/time/").all("limit_conn"), "that of the site is inherited"


def test_front_servers_on_other_hosts_lead_past_no_limit_of_streams(rendered):
    http = rendered(app("proxy", STREAM, limit={"connections": 8}), nginx_site_front_addresses=["192.0.2.9"])
    streaming = location(backend_of(http, listen="0.0.0.0:8000"), "/time/")
    assert streaming.values("limit_conn") == ["flask_shop_streams 120", "flask_shop_connections 8"]


@pytest.mark.parametrize(
    ("written", "streams"),
    [
        ({}, 120),
        ({"uwsgi": {"stream": {"greenlets": 100}}}, 10),
        ({"uwsgi": {"stream": {"greenlets": 12}}}, 6),
        ({"uwsgi": {"stream": {"processes": 2}}}, 240),
        ({"uwsgi": {"stream": {"pool": "threads"}}}, 10),
        ({"uwsgi": {"stream": {"pool": "none"}}}, 2),
        ({"uwsgi": {"stream": {"pool": "none"}, "processes": 1, "threads": 1}}, 1),
        ({"uwsgi": {"stream": {"pool": "none"}, "processes": 2, "greenlets": 500}}, 100),
        ({"socket": "/run/other.sock"}, 100),
        ({"nginx": {"limit": {"streams": 7}, "routes": [STREAM]}}, 7),
    ],
)
def test_a_client_may_have_a_tenth_of_the_places(written, streams):
    assert complete(**{"nginx": {"routes": [STREAM]}, **written})["nginx"]["limit"]["streams"] == streams


@pytest.mark.parametrize(
    ("addresses", "alike"),
    [
        (("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::9"), True),
        (("2001:db8:1:2:3:4:5:6", "2001:db8:1:3:3:4:5:6"), False),
        (("2001:db8::1", "2001:db8::a:b:c:d"), True),
        (("192.0.2.1", "192.0.2.2"), False),
        (("192.0.2.1", "192.0.2.1"), True),
        (("::1", "::ffff:192.0.2.1"), False),
    ],
)
def test_a_network_of_64_bits_is_one_client(rendered, addresses, alike):
    ((default, binary), (pattern, _network)) = mapping(rendered(app()), "$flaskops_client").items()
    assert (default, binary) == ("default", "$binary_remote_addr")
    key = re.compile(pattern.removeprefix("~").replace("(?<", "(?P<"))
    found = [match.group() if (match := key.search(address)) else address for address in addresses]
    assert (found[0] == found[1]) == alike


@pytest.mark.parametrize("front", FRONTS)
def test_a_route_counts_for_itself(rendered, front):
    few = {"path": "/few", "limit": {"rate": "2r/s", "burst": 5, "connections": 3}}
    http = rendered(app(front, PLAIN, few, limit={"rate": "9r/s"}), nginx_site_front_addresses=["192.0.2.9"])
    assert {"$flaskops_client zone=flask_shop.1_rate:10m rate=2r/s", "$flaskops_client zone=flask_shop_rate:10m rate=9r/s"} == set(
        http.values("limit_req_zone")
    )
    servers = [front_of(http), *([backend_of(http, listen="0.0.0.0:8000")] if front == "proxy" else [])]
    for server in servers:
        place = location(server, "/few")
        assert place.values("limit_req") == ["zone=flask_shop.1_rate burst=5 nodelay"]
        assert place.values("limit_conn") == ["flask_shop.1_connections 3"]
        assert not location(server, "/").all("limit_req"), "that of the site is inherited"
    if front == "proxy":
        assert not location(backend_of(http), "/few").all("limit_req"), "the front has counted the request"


@pytest.mark.parametrize("front", FRONTS)
def test_a_limit_of_a_route_of_streams_takes_the_place_of_the_sites(rendered, front):
    site = app(front, PLAIN, {**STREAM, "limit": {"connections": 2}}, limit={"connections": 8, "streams": 3})
    streaming = location(front_of(rendered(site)), "/time/")
    assert streaming.values("limit_conn") == ["flask_shop.1_connections 2", "flask_shop_streams 3"]
    assert streaming.values("limit_conn_status") == ["429"]
