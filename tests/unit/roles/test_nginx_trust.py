# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Headers that nginx believes, and those that no client can forge."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.tests.unit.roles.sites import (
    CACHE,
    FRONTS,
    PLAIN,
    STREAM,
    TRUSTED_HEADERS,
    app,
    backend_of,
    decide,
    front_of,
    location,
    mapping,
)


def test_no_client_can_forge_a_header_on_the_way_to_uwsgi(rendered):
    server = front_of(rendered(app("direct")))
    params = {inner.args[0]: inner.args[1:] for inner in server.all("uwsgi_param")}
    assert {f"HTTP_{name.upper().replace('-', '_')}" for name in TRUSTED_HEADERS} <= set(params)
    assert params["HTTP_X_FORWARDED_PROTO"] == ("$flaskops_scheme",)
    assert params["HTTP_X_FORWARDED_FOR"] == ("$remote_addr",)
    assert "QUERY_STRING" in params, "the standard parameters are part of the one set"


def test_no_client_can_forge_a_header_on_the_way_to_the_backend(rendered):
    http = rendered(app("proxy"))
    headers = {inner.args[0]: inner.args[1] for inner in front_of(http).all("proxy_set_header")}
    assert set(headers) >= TRUSTED_HEADERS
    assert not [value for value in headers.values() if value.startswith("$http_")]
    assert headers["Host"] == headers["X-Forwarded-Host"] == "$flaskops_host"
    # The backend believes the front about the address, and nobody else.
    backend = backend_of(http)
    assert backend.values("set_real_ip_from") == ["unix:"]
    params = {inner.args[0] for inner in backend.all("uwsgi_param")}
    assert {f"HTTP_{name.upper().replace('-', '_')}" for name in TRUSTED_HEADERS} <= params


@pytest.mark.parametrize("front", FRONTS)
def test_the_header_of_a_provider_is_believed_of_trusted_proxies_alone(rendered, front):
    """Applications take the address of the client from it, for limits and for what only some may do."""
    http = rendered(app(front))
    server = front_of(http)
    sent = {
        "direct": [inner.args[1] for inner in server.all("uwsgi_param", "HTTP_CF_CONNECTING_IP")],
        "proxy": [inner.args[1] for inner in server.all("proxy_set_header", "CF-Connecting-IP")],
    }
    assert sent[front] == ["$flaskops_cf_connecting_ip"]
    told = mapping(http, "$flaskops_cf_connecting_ip")
    assert {trusted: decide(told, trusted) for trusted in ("0", "1")} == {"0": "", "1": "$http_cf_connecting_ip"}
    if front == "proxy":
        assert not backend_of(http).all("uwsgi_param", "HTTP_CF_CONNECTING_IP"), "the front has replaced it"


@pytest.mark.parametrize("front", FRONTS)
def test_nothing_below_a_server_drops_its_parameters(rendered, front):
    # uwsgi_param and proxy_set_header of a location replace those of its server, all of them.
    http = rendered(app(front, PLAIN, CACHE, STREAM))
    for server in http.all("server"):
        for place in server.all("location"):
            assert not place.all("uwsgi_param")
            assert not place.all("proxy_set_header")


def test_only_proxies_that_are_known_are_believed(rendered):
    http = rendered(app("direct"))
    assert not http.all("set_real_ip_from")
    assert not http.all("real_ip_header")
    http = rendered(app("direct"), nginx_site_trusted_proxies=["192.0.2.1", "2001:db8::/32"])
    assert http.values("set_real_ip_from") == ["192.0.2.1", "2001:db8::/32"]
    trusted = {inner.name: inner.args[0] for inner in http.one("geo", "$realip_remote_addr", "$flaskops_trusted").block}
    assert trusted == {"default": "0", "192.0.2.1": "1", "2001:db8::/32": "1"}
    assert mapping(http, "$flaskops_scheme") == {"default": "$scheme", "1 http": "http", "1 https": "https"}


@pytest.mark.parametrize(
    ("asked", "port"), [("shop.example.com:8080", "8080"), ("shop.example.com:18080", ""), ("shop.example.com", ""), ("8080", "")]
)
def test_a_port_that_leads_to_nginx_is_believed_and_no_other(rendered, asked, port):
    http = rendered(app("direct"), nginx_site_forwarded_ports=[8080, 8443])
    lines = mapping(http, "$flaskops_asked_port")
    assert decide(lines, asked) == ("$flaskops_forwarded_port" if port else "$server_port")
    assert mapping(http, "$flaskops_port")["default"] == "$flaskops_asked_port"


def test_without_such_ports_no_host_header_says_a_port(rendered):
    http = rendered(app("direct"))
    assert not [inner for inner in http.all("map") if inner.args[0] == "$http_host"]
    assert mapping(http, "$flaskops_port")["default"] == "$server_port"


@pytest.mark.parametrize("directive", ["uwsgi_param REMOTE_USER $remote_user;", "proxy_set_header X-User $remote_user;"])
@pytest.mark.parametrize("front", FRONTS)
def test_a_route_with_a_parameter_of_its_own_passes_all_others(rendered, front, directive):
    """nginx: "These directives are inherited from the previous configuration level if and only if there are none on the current level"."""
    server = front_of(rendered(app(front, {"path": "/", "extra": [directive]}, prefix="/shop")))
    mount = location(server, "^~", "/shop/")
    place = location(mount, "/shop/")
    name = "uwsgi_param" if front == "direct" else "proxy_set_header"
    of_site = {inner.args for inner in mount.all(name)}
    assert of_site
    assert of_site <= {inner.args for inner in place.all(name)}
    own = directive.removesuffix(";").split()
    assert tuple(own[1:]) in {inner.args for inner in place.all(own[0])}, "and the user's own"


def test_behind_the_proxy_protocol_no_header_of_a_client_is_believed(rendered):
    listen = {"nginx_site_listen": ["80 proxy_protocol", "127.0.0.1:8081"], "nginx_site_trusted_proxies": ["192.0.2.1"]}
    http = rendered(app("direct"), **listen)
    assert http.values("real_ip_header") == ["proxy_protocol"]
    assert http.values("set_real_ip_from") == ["192.0.2.1"], "an address of the protocol counts from a trusted proxy alone"
    trusted = {inner.name: inner.args[0] for inner in http.one("geo", "$realip_remote_addr", "$flaskops_trusted").block}
    assert trusted == {"default": "0"}, "a balancer of connections passes on X-Forwarded-Proto from anybody"
    for server in [server for server in http.all("server") if "80 proxy_protocol" in " ".join(server.values("listen"))]:
        assert len([value for value in server.values("listen") if "proxy_protocol" in value]) == 1


def test_the_front_server_alone_sends_files_that_an_application_names(rendered):
    http = rendered(app("proxy"))
    for directive in ("uwsgi_ignore_headers", "uwsgi_pass_header"):
        assert backend_of(http).values(directive) == ["X-Accel-Redirect"]
        assert front_of(http).values(directive.replace("uwsgi", "proxy")) == []
