# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ports of visitors follow from where nginx listens and from the applications."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.firewall import openings
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.role_variables import resolve_variables
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.tests.unit.render import complete

NAMES = ("nginx_site_listen", "nginx_site_tls_listen", "nginx_site_backend_listen", "nginx_site_front_addresses", "flask_firewall_open")


def opened(*apps, **written) -> list[tuple]:
    variables = resolve_variables({**dict.fromkeys(NAMES), **written})
    return [(each["protocol"], each["ports"], each["sources"]) for each in openings(variables, apps)]


def test_http_and_https_are_open_to_all():
    assert opened() == [("tcp", ["80", "443"], [])]


def test_http3_opens_udp_at_the_ports_of_tls():
    http3 = complete(nginx={"tls": {"self_signed": True, "http3": True}})
    plain = complete(nginx={"tls": {"self_signed": True}})
    assert opened(plain) == [("tcp", ["80", "443"], [])]
    assert opened(plain, http3, nginx_site_tls_listen=["8443", "[::]:8443"]) == [("tcp", ["80", "8443"], []), ("udp", ["8443"], [])]


def test_places_that_no_other_host_can_use_are_not_open():
    listen = ["127.0.0.1:8080", "[::1]:8081", "localhost:8082", "unix:/run/nginx.sock", "192.0.2.1:81", "*:82", "[2001:db8::1]:83"]
    assert opened(nginx_site_listen=listen, nginx_site_tls_listen=["127.0.0.1:443"]) == [("tcp", ["81", "82", "83"], [])]


def test_the_server_behind_the_proxy_is_open_to_front_servers_alone():
    fronts = ["192.0.2.1", "2001:db8::/64"]
    assert opened(nginx_site_front_addresses=fronts)[1:] == [("tcp", ["8000"], fronts)]
    assert opened(nginx_site_front_addresses=fronts, nginx_site_backend_listen="10.0.0.1:8001")[1:] == [("tcp", ["8001"], fronts)]
    assert opened(nginx_site_front_addresses=fronts, nginx_site_backend_listen="127.0.0.1:8001")[1:] == []


def test_what_somebody_lists_is_open():
    listed = [{"port": 9100, "from": ["192.0.2.7"]}, {"port": "60000-60100", "protocol": "udp"}]
    assert opened(flask_firewall_open=listed)[1:] == [("tcp", ["9100"], ["192.0.2.7"]), ("udp", ["60000-60100"], [])]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"port": 0}, r"flask_firewall_open\[0\]\.port is '0', which cannot be used here; write a port from 1 to 65535"),
        ({"port": "90-80"}, "two with a dash, the smaller one first"),
        ({"port": "80-"}, "is '80-'"),
        ({"port": "ssh"}, "is 'ssh'"),
        ({"port": "1-2-3"}, "is '1-2-3'"),
        ({}, r"flask_firewall_open\[0\]\.port is missing"),
        (9100, "is 9100, but must be a mapping"),
        ({"port": 1, "protocol": "icmp"}, "must be one of tcp, udp"),
        ({"port": 1, "from": ["example.org"]}, r"flask_firewall_open\[0\]\.from\[0\] is 'example.org'"),
        ({"port": 1, "source": []}, r"flask_firewall_open\[0\]\.source is not a key"),
    ],
)
def test_what_cannot_be_opened_is_refused(item, message):
    with pytest.raises(AppError, match=message):
        opened(flask_firewall_open=[item])
