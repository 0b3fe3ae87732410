# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs that listen where another one is to listen, as this machine's own kernel tells."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import listeners
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


def listening(tmp_path, *lines: str) -> str:
    """A proc(5) whose tcp6 has sockets of no process of this machine."""
    (tmp_path / "net").mkdir()
    (tmp_path / "net/tcp6").write_text("".join(f"{line}\n" for line in ("  sl  local_address rem_address", *lines)))
    return str(tmp_path)


EVERYWHERE = "   0: 00000000000000000000000000000000:{:04X} {:032X}:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1"
MAPPED = "   0: 0000000000000000FFFF00000100007F:{:04X} {:032X}:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1"


@pytest.mark.parametrize("wanted", ["{}", "127.0.0.1:{}", "[::]:{}"])
def test_a_program_that_takes_ipv4_at_all_addresses_of_ipv6_is_in_the_way(port, tmp_path, wanted):
    """The socket of the fixture stands for the half of the other one that takes IPv4."""
    found = in_the_way([wanted.format(port)], "nginx", listening(tmp_path, EVERYWHERE.format(port, 0)))
    assert found == [("::", port, "another program")]


def test_a_program_that_takes_ipv6_alone_is_in_the_way_of_ipv6_alone(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    proc = listening(tmp_path, EVERYWHERE.format(port, 0))
    assert in_the_way([str(port)], "nginx", proc) == []
    assert in_the_way([f"[::]:{port}"], "nginx", proc) == [("::", port, "another program")]


def test_an_address_of_ipv4_that_is_written_as_one_of_ipv6_is_in_the_way_of_ipv4(tmp_path):
    proc = listening(tmp_path, MAPPED.format(80, 0))
    assert in_the_way(["80"], "nginx", proc) == [("127.0.0.1", 80, "another program")]
    assert in_the_way(["[::]:80"], "nginx", proc) == []


def test_beside_a_socket_of_ipv4_of_the_program_itself_another_one_takes_ipv6_alone(port, tmp_path, monkeypatch):
    tcp6 = listening(tmp_path, EVERYWHERE.format(port, 0))
    real = listeners._sockets
    monkeypatch.setattr(listeners, "_sockets", lambda path: real(f"{tcp6}/net/tcp6" if path.endswith("tcp6") else path))
    assert in_the_way([str(port)], OWN) == []
    assert in_the_way([str(port)], "nginx") == [("127.0.0.1", port, OWN), ("::", port, "another program")]


def test_an_address_of_ipv6_is_read():
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no ::1, so no program can listen there")
    with server:
        port = server.getsockname()[1]
        assert in_the_way([f"[::]:{port}"], "nginx") == [("::1", port, OWN)]
        assert in_the_way([str(port)], "nginx") == []


def test_a_kernel_without_ipv6_makes_no_such_socket(monkeypatch):
    def refused(family, *_more):
        raise OSError(97, "Address family not supported by protocol")

    assert listeners.has_ipv6() in (True, False)
    monkeypatch.setattr(listeners.socket, "socket", refused)
    assert listeners.has_ipv6() is False


def test_the_ports_of_a_program_are_those_that_other_hosts_can_use(port):
    with socket.create_server(("", 0)) as server, socket.create_server(("::", 0), family=socket.AF_INET6) as other:
        wanted = {server.getsockname()[1], other.getsockname()[1]}
        assert wanted <= set(listeners.ports_of(OWN))
        assert port not in listeners.ports_of(OWN)
        assert not wanted & set(listeners.ports_of("nginx"))


@pytest.mark.parametrize(("users", "ports"), [("0 0 0 0", [4444]), ("998 998 998 998", []), ("998 0 0 0", []), ("0 998 998 998", [])])
def test_only_a_program_of_root_has_its_name(tmp_path, users, ports):
    """Every process may call itself sshd, and the firewall would open its port to all."""
    proc = listening(tmp_path, EVERYWHERE.format(4444, 0))
    (tmp_path / "71/fd").mkdir(parents=True)
    (tmp_path / "71/fd/3").symlink_to("socket:[12345]")
    (tmp_path / "71/comm").write_text("sshd\n")
    (tmp_path / "71/status").write_text(f"Name:\tsshd\nState:\tS (sleeping)\nUid:\t{users}\n")
    assert listeners.ports_of("sshd", proc) == ports
