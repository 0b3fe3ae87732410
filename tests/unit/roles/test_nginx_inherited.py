# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Settings that somebody's http block has for all servers of the host, and that sites do not take over."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.tests.unit.roles.sites import (
    CACHE,
    FRONTS,
    HOP,
    PLAIN,
    app,
    backend_of,
    catch_alls,
    location,
    servers_of,
)

_EVERYWHERE = {"satisfy": "all", "open_file_cache": "off", "disable_symlinks": "off", "ssi": "off", "expires": "off", "mirror": "off"}
_PASSING = {"buffering": "on", "request_buffering": "on", "cache": "off", "store": "off", "intercept_errors": "off", "bind": "off"}


@pytest.mark.parametrize("prefix", ["", "/shop"])
@pytest.mark.parametrize("front", FRONTS)
def test_every_server_of_a_site_has_its_own(rendered, front, prefix):
    servers = servers_of(rendered(app(front, prefix=prefix)), front)
    for server, hop in zip(servers, [HOP[front], "uwsgi"], strict=False):
        assert {name: server.one(name).args[0] for name in _EVERYWHERE} == _EVERYWHERE
        level = location(server, "^~", f"{prefix}/") if prefix else server
        assert {name: level.one(f"{hop}_{name}").args[0] for name in _PASSING} == _PASSING
        if hop == "uwsgi":
            assert level.values("uwsgi_modifier1") == ["0"]


@pytest.mark.parametrize("front", FRONTS)
def test_a_description_may_have_another_one(rendered, front):
    own = ["satisfy any;", "expires 1h;", f"{HOP[front]}_buffering off;"]
    server = servers_of(rendered(app(front, extra=own)), front)[0]
    assert [server.values(name) for name in ("satisfy", "expires", f"{HOP[front]}_buffering")] == [["any"], ["1h"], ["off"]]


@pytest.mark.parametrize("front", FRONTS)
def test_a_route_that_is_cached_may_have_another_one(rendered, front):
    hop = HOP[front]
    server = servers_of(
        rendered(app(front, PLAIN, {**CACHE, "extra": [f"{hop}_ignore_headers Expires;", f"{hop}_cache_min_uses 3;"]})), front
    )[0]
    cached = location(server, "/api")
    assert cached.values(f"{hop}_ignore_headers") == ["Expires"]
    assert cached.values(f"{hop}_cache_min_uses") == ["3"]


def test_a_proxy_to_other_hosts_may_have_an_address_to_come_from(rendered):
    server = servers_of(rendered(app("proxy", backends=["192.0.2.7:8000"])), "direct")[0]
    assert not server.values("proxy_bind")


def test_the_server_behind_the_proxy_takes_no_second_spelling_of_a_header(rendered):
    """nginx reads headers by the default server of the socket, which is the first one where there is no other."""
    http = rendered(app("proxy"))
    for server in (backend_of(http), catch_alls(http)[-1]):
        assert server.values("underscores_in_headers") == ["off"]
        assert server.values("ignore_invalid_headers") == ["on"]
    assert not catch_alls(http)[0].values("underscores_in_headers"), "the host decides about clients"
