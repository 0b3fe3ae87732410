# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs that listen where another one is to listen, as this machine's own kernel tells."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.listeners import in_the_way

# The name of the process that runs these tests, whose sockets they find.
OWN = Path("/proc/self/comm").read_text().strip()


@pytest.fixture
def port():
    """The port of a socket of this process at 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("wanted", ["{}", "127.0.0.1:{}", "0.0.0.0:{} reuseport", "*:{}"])
def test_a_program_at_the_same_address_is_in_the_way(port, wanted):
    (found,) = in_the_way([wanted.format(port)], "nginx")
    assert found == ("127.0.0.1", port, OWN)


@pytest.mark.parametrize("wanted", ["127.0.0.2:{}", "[::]:{}", "[::1]:{}", "unix:/run/{}.sock", "localhost:{}"])
def test_a_program_at_another_address_is_not(port, wanted):
    assert in_the_way([wanted.format(port)], "nginx") == []


def test_the_program_itself_is_not_in_its_own_way(port):
    assert in_the_way([str(port)], OWN) == []


def test_a_socket_that_nobody_listens_on_any_more_is_not(port):
    assert in_the_way(["1"], "nginx") == []
    assert in_the_way([], "nginx") == []


def test_an_address_of_ipv6_is_read():
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no ::1, so no program can listen there")
    with server:
        port = server.getsockname()[1]
        assert in_the_way([f"[::]:{port}"], "nginx") == [("::1", port, OWN)]
        assert in_the_way([str(port)], "nginx") == []
