# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The SSH connection of a run is found, also from below sudo; and its port, with those of sshd, is always open."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.firewall import ssh
from ansible_collections.flaskops.stack.plugins.module_utils.firewall.login import Login, login
from ansible_collections.flaskops.stack.plugins.module_utils.firewall.ssh import ssh_opening

TOLD = "SSH_CONNECTION=192.0.2.9 50000 198.51.100.1 2200"
LOGIN = Login("192.0.2.9", 50000, "198.51.100.1", 2200)


def process(proc: Path, number: int, parent: int, *environment: str) -> None:
    place = proc / str(number)
    place.mkdir()
    (place / "environ").write_bytes(b"".join(f"{variable}\0".encode() for variable in environment))
    # A name may look like the end of itself.
    (place / "stat").write_text(f"{number} (a) b (1)) S {parent} 1 1 0 -1")


def test_it_is_found_above_sudo_which_has_taken_it_away(tmp_path):
    process(tmp_path, 30, 20, "PATH=/bin", "SUDO_USER=ann")
    process(tmp_path, 20, 10, "PATH=/bin")
    process(tmp_path, 10, 5, "HOME=/", TOLD)
    process(tmp_path, 5, 1, "SSH_CONNECTION=203.0.113.1 1 203.0.113.2 2")
    assert login(str(tmp_path), 30) == LOGIN
    assert str(LOGIN) == TOLD.partition("=")[2]


@pytest.mark.parametrize("told", ["SSH_CONNECTION=", "SSH_CONNECTION=a b c", "SSH_CONNECTION=a b c d", "XSSH_CONNECTION=1 2 3 4"])
def test_a_run_that_came_another_way_has_none(tmp_path, told):
    process(tmp_path, 30, 1, told)
    process(tmp_path, 1, 0)
    assert login(str(tmp_path), 30) is None
    assert login(str(tmp_path), 99) is None


@pytest.fixture
def sshd(monkeypatch):
    """The ports of sshd, for a test to fill."""
    ports: list[int] = []
    monkeypatch.setattr(ssh, "ports_of", lambda program, _proc: ports if program == "sshd" else [])
    return ports


def test_each_way_to_sshd_stays_open(sshd):
    sshd += [22, 2222]
    assert ssh_opening([8022], [], LOGIN).ports == ["22", "2200", "2222", "8022"]


def test_a_host_that_tells_nothing_of_ssh_keeps_its_usual_port(sshd):
    assert sshd == []
    assert ssh_opening([], [], None).ports == ["22"]


def test_networks_that_leave_out_the_running_connection_are_refused(sshd):
    assert ssh_opening([], ["192.0.2.0/24"], LOGIN).sources == ["192.0.2.0/24"]
    assert ssh_opening([], ["192.0.2.0/24"], None).sources == ["192.0.2.0/24"]
    with pytest.raises(OSError, match=r"flask_firewall_ssh_from leaves out 192\.0\.2\.9.*nothing was changed.*Add 192\.0\.2\.9"):
        ssh_opening([], ["198.51.100.0/24", "2001:db8::/32"], LOGIN)
    link_local = LOGIN._replace(client="fe80::1%eth0")
    assert ssh_opening([], ["fe80::/10"], link_local).sources == ["fe80::/10"]
