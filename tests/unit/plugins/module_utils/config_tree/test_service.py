# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""config_tree: did the service take it?"""

from __future__ import annotations

import os
import subprocess

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree import service
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError, CommandResult

# The main process of nginx, which is 77 here, writes this before such a message.
EMERGENCY = "2026/11/29 18:17:00 [emerg] 77#77: "


class Systemd:
    """Answers as systemctl and journalctl do."""

    def __init__(self) -> None:
        self.state = "active"
        self.reload_status = 0
        self.on_reload = lambda: None

    def __call__(self, argv, accepted=(0,), together=False) -> CommandResult:
        return self.answer(argv).require(argv, accepted)

    def answer(self, argv: list[str]) -> CommandResult:
        if argv[:2] == ["systemctl", "is-active"]:
            return CommandResult(0 if self.state == "active" else 3, f"{self.state}\n")
        if argv[:2] == ["systemctl", "reload"]:
            self.on_reload()
            return CommandResult(self.reload_status, errors="Job failed.\n" if self.reload_status else "")
        if argv[0] == "journalctl":
            return CommandResult(0, "from the journal\n")
        assert argv[:2] == ["systemctl", "show"]
        return CommandResult(0, "Id=nginx.service\nMainPID=77\n")


@pytest.fixture
def systemd() -> Systemd:
    return Systemd()


def nginx(systemd, monkeypatch, workers, log="", timeout=60, takes_connections=lambda _pid: False):
    """A service whose children are what `workers` gives, call by call, the last for ever."""
    left = list(workers)
    monkeypatch.setattr(service, "takes_connections", takes_connections)
    monkeypatch.setattr(service, "children", lambda pid: (left.pop(0) if len(left) > 1 else left[0]) if pid == 77 else set())
    return service.Service("nginx", "workers", str(log), timeout, systemd)


def test_no_service_is_not_active(systemd):
    assert not service.Service("", runner=systemd).is_active()


@pytest.mark.parametrize(("state", "active"), [("active", True), ("reloading", True), ("failed", False)])
def test_active(systemd, state, active):
    systemd.state = state
    assert service.Service("nginx", runner=systemd).is_active() is active


def test_without_systemd_nothing_is_active():
    def missing(argv, *_how, **_more):
        raise CommandError("cannot run systemctl")

    assert not service.Service("nginx", runner=missing).is_active()


def test_new_workers_mean_it_took(systemd, monkeypatch):
    one, two = (11, 5), (12, 9)
    assert nginx(systemd, monkeypatch, [{one}, {one}, {one, two}]).reload() == ""


def test_a_reused_pid_is_a_new_worker(systemd, monkeypatch):
    assert nginx(systemd, monkeypatch, [{(11, 5)}, {(11, 9)}]).reload() == ""


def test_the_same_workers_mean_it_did_not(systemd, monkeypatch):
    assert "no new worker" in nginx(systemd, monkeypatch, [{(11, 5)}], timeout=0).reload()


def test_the_log_ends_the_waiting(systemd, monkeypatch, tmp_path):
    log = tmp_path / "error.log"
    old, one, two = (f"{EMERGENCY}{says}" for says in ("an old one", "bind() to x failed", "still could not bind()"))
    log.write_text(f"{old}\n")
    systemd.on_reload = lambda: log.write_text(f"{old}\n{one}\n{two}\n")
    waited = nginx(systemd, monkeypatch, [{(11, 5)}], log)
    assert "no new worker" in waited.reload()
    assert waited.said() == [one, two]


@pytest.mark.parametrize(
    "line",
    [
        '2026/11/29 18:17:01 [error] 78#78: *5 open() "/srv/[emerg]" failed (2: No such file or directory), request: "GET /[emerg] HTTP/1.1"',
        '2026/11/29 18:17:01 [error] 78#78: *5 access forbidden by rule, referrer: "2026/11/29 18:17:01 [emerg] 77#77: no"',
        # A path with a decoded line break, on a site of somebody else.
        "2026/11/29 18:17:01 [emerg] 1#1: no",
    ],
)
def test_no_visitor_ends_the_waiting(systemd, monkeypatch, tmp_path, line):
    """The run would take the configuration for refused, and put the former one back."""
    log = tmp_path / "error.log"
    systemd.on_reload = lambda: log.write_text(f"{line}\n")
    assert nginx(systemd, monkeypatch, [{(1, 1)}, {(1, 1)}, {(1, 1)}, {(2, 2)}], log).reload() == ""


def test_one_port_that_cannot_be_bound_yet_is_waited_for(systemd, monkeypatch, tmp_path):
    log = tmp_path / "error.log"
    systemd.on_reload = lambda: log.write_text(f"{EMERGENCY}bind() to 0.0.0.0:80 failed (98: in use)\n")
    assert nginx(systemd, monkeypatch, [{(1, 1)}, {(1, 1)}, {(1, 1)}, {(2, 2)}], log).reload() == ""


def test_a_rotated_log_is_read_from_its_start(systemd, tmp_path):
    log = tmp_path / "error.log"
    log.write_text("long, long ago\n")
    systemd.on_reload = lambda: log.write_text("new\n")
    reloaded = service.Service("nginx", log=str(log), runner=systemd)
    assert reloaded.reload() == ""
    assert reloaded.said() == ["new"]


def test_without_a_log_the_journal_speaks(systemd):
    reloaded = service.Service("nginx", runner=systemd)
    assert reloaded.reload() == ""
    assert reloaded.said() == ["from the journal"]


def test_a_failing_reload_is_told(systemd):
    systemd.reload_status = 1
    assert "Job failed." in service.Service("nginx", runner=systemd).reload()


def test_dead_after_the_reload_is_told(systemd):
    systemd.on_reload = lambda: setattr(systemd, "state", "failed")
    assert "not running" in service.Service("nginx", runner=systemd).reload()


def test_children_of_a_process():
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            assert process.pid in {pid for pid, _start in service.children(os.getpid())}
        finally:
            process.kill()
    assert service.children(0) == set()


@pytest.mark.parametrize(
    ("title", "takes"),
    [(b"nginx: worker process\0", True), (b"nginx: worker process is shutting down\0", False), (b"nginx: cache manager process\0", True)],
)
def test_a_worker_tells_that_it_takes_no_more_connections(tmp_path, title, takes):
    (tmp_path / "7").mkdir()
    (tmp_path / "7/cmdline").write_bytes(title)
    assert service.takes_connections(7, str(tmp_path)) is takes
    assert not service.takes_connections(8, str(tmp_path)), "it has ended"


def test_the_old_workers_are_waited_for(systemd, monkeypatch):
    asked = []

    def takes_connections(pid):
        asked.append(pid)
        return len(asked) < 3

    assert nginx(systemd, monkeypatch, [{(1, 1)}, {(1, 1), (2, 2)}], takes_connections=takes_connections).reload() == ""
    assert asked == [1, 1, 1]
