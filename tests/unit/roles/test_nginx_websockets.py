# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Routes that open WebSockets: what passes to the application on each front, and which requests nginx refuses itself."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.tests.unit.render import complete
from ansible_collections.flaskops.stack.tests.unit.roles.sites import (
    FRONTS,
    HOP,
    PLAIN,
    STREAM,
    app,
    backend_of,
    decide,
    front_of,
    location,
    mapping,
)

CHAT = {"path": "/ws/", "mode": "websocket"}
HOSTS = ("shop.example.com", "shop.example.com:8443", "[2001:db8::1]:8080")


def route(rendered, front: str, **keys):
    return location(front_of(rendered(app(front, PLAIN, STREAM, {**CHAT, **keys}))), "/ws/")


def conditions(place) -> dict[str, object]:
    return {" ".join(found.args): found for found in place.all("if")}


@pytest.mark.parametrize("front", FRONTS)
def test_a_request_that_opens_none_is_told_what_to_do(rendered, front):
    refused = conditions(route(rendered, front))["$flaskops_upgrade = "]
    assert refused.one("return").args[0] == "426"
    assert refused.values("add_header") == ["Upgrade $flaskops_upgradable always", "Connection $flaskops_upgradable_by always"]
    assert "$flaskops_upgrade = " not in conditions(route(rendered, front, polling=True))


def test_http_2_has_no_such_headers(rendered):
    http = rendered(app("direct", CHAT))
    for protocol, header in [("HTTP/1.1", "websocket"), ("HTTP/2.0", "")]:
        assert decide(mapping(http, "$flaskops_upgradable"), protocol) == header
    assert mapping(http, "$flaskops_upgradable_by") == {"default": "", "websocket": "upgrade"}


@pytest.mark.parametrize("front", FRONTS)
def test_streams_and_sockets_share_the_pool_and_its_places(rendered, front):
    place = route(rendered, front, read_timeout="20m")
    assert place.values(f"{HOP[front]}_read_timeout") == ["20m"]
    assert place.values("limit_conn") == ["flask_shop_streams 120"]
    if front == "direct":
        assert place.values("uwsgi_pass") == ["flask_shop.stream$flask_shop_paused"]
    else:
        behind = location(backend_of(rendered(app(front, PLAIN, CHAT))), "/ws/")
        assert behind.values("uwsgi_pass") == ["flask_shop.stream$flask_shop_paused"]


def test_a_proxy_asks_for_the_upgrade_in_such_routes_alone(rendered):
    """A location with a header of its own inherits none, so it has all of them, and each of them once."""
    server = front_of(rendered(app("proxy", PLAIN, STREAM, CHAT, {**CHAT, "path": "/own/", "extra": ["proxy_set_header X-Own 1;"]})))
    asks = ["Upgrade $flaskops_upgrade", "Connection $flaskops_connection"]
    assert set(asks) <= set(location(server, "/ws/").values("proxy_set_header"))
    assert not set(asks) & set(location(server, "/time/").values("proxy_set_header"))
    own = location(server, "/own/").values("proxy_set_header")
    filled = [header for header in own if not header.endswith(" ")]
    assert {*asks, "X-Own 1", "Host $flaskops_host"} <= set(filled)
    assert len(filled) == len(set(filled))


# --- who may open one ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", HOSTS)
def test_pages_of_the_host_itself_and_programs_may_open_one(rendered, host):
    foreign = mapping(rendered(app("direct", CHAT)), "$flaskops_foreign")
    name = host.rpartition(":")[0] if host.endswith(("8443", "8080")) else host
    for origin in ("", f"https://{host}", f"http://{name}", f"https://{name}:9000", f"https://{name.upper()}"):
        assert decide(foreign, f"websocket {host} {origin}") == "0", origin
    for origin in ("null", "https://evil.example", f"https://{name}.evil.example", f"https://evil.example/{name}", f"file://{name}"):
        assert decide(foreign, f"websocket {host} {origin}") == "1", origin
        assert decide(foreign, f" {host} {origin}") == "0", "a request for a page is not asked for its origin"


@pytest.mark.parametrize("front", FRONTS)
def test_origins_let_in_pages_of_other_sites(rendered, front):
    place = route(rendered, front, origins=["https://app.example.com", "http://localhost:3000"])
    found = conditions(place)
    assert place.values("set") == ["$flaskops_refused $flaskops_foreign"]
    for origin in ("https://app.example.com", "http://localhost:3000"):
        assert found[f"$http_origin = {origin}"].values("set") == ["$flaskops_refused 0"]
    assert found["$flaskops_refused"].one("return").args[0] == "403"
    assert "$flaskops_refused" not in conditions(route(rendered, front, origins=["*"]))


@pytest.mark.parametrize(
    "origin", ["app.example.com", "https://app.example.com/", "https://App.example.com", 'https://a"b', "https://*.example.com"]
)
def test_an_origin_that_no_browser_sends_is_refused(origin):
    with pytest.raises(AppError, match=r"shop.nginx.routes\[0\].origins\[0\] is .*; write scheme and host in small letters without a path"):
        complete(nginx={"routes": [{**CHAT, "origins": [origin]}]})


def test_without_the_pool_there_are_none():
    with pytest.raises(
        AppError, match=r"shop.nginx.routes\[0\].mode is websocket, but uwsgi.stream.pool is none, and only the stream pool"
    ):
        complete(uwsgi={"stream": {"pool": "none"}}, nginx={"routes": [CHAT]})
    assert complete(socket="/run/other.sock", nginx={"routes": [CHAT]})["uwsgi"]["stream"]["pool"] == "none", "another server has them"
