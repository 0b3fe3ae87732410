# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs on a host in a directory."""

from __future__ import annotations

import math
import socket
import threading
from collections.abc import Callable

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.instance import deploy, instance_files, rollback, switch
from ansible_collections.flaskops.stack.plugins.module_utils.instance import instance as instances
from ansible_collections.flaskops.stack.plugins.module_utils.instance.failures import Failures
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import DeployError
from ansible_collections.flaskops.stack.tests.unit.runs import killed_hosts


@pytest.fixture(scope="session")
def run():
    """Deploy instances as one run."""

    def run(*wanted, absent=(), allow_rejected=False, check=False):
        return successful(deploy.deploy(wanted, absent, "me@here", allow_rejected, check, Failures()))

    return run


@pytest.fixture(scope="session")
def outcome():
    """Deploy instances as one run, and return its result whatever fails."""

    def outcome(*wanted, absent=()):
        return deploy.deploy(wanted, absent, "me@here", False, False, Failures())

    return outcome


@pytest.fixture(scope="session")
def back():
    """Roll applications back as one run."""

    def back(*apps, release="", check=False):
        return successful(rollback.rollback([(app, release) for app in apps], "me@here", check))

    return back


def successful(result):
    """Return the result of a run, or fail with the messages of all applications as the task does."""
    if result.failures:
        raise DeployError("\n".join(result.failures.values()))
    return result


@pytest.fixture
def bring(host):
    """Bring an instance up and switch to it, as a run does."""

    def bring(id_: str, *args, **more):
        candidate = host.candidate(id_, *args, **more)
        candidate.publish()
        candidate.write()
        switch.start([candidate])
        switch.switch(candidate)
        switch.drain(candidate)
        return candidate

    return bring


@pytest.fixture
def begun(host, monkeypatch):
    """The units that have begun since a file was changed, which a test adds."""
    units: set[str] = set()
    show = instance_files.systemd.show

    def with_processes(names):
        return {name: {**found, "MainPID": "7" if name in units else "8"} for name, found in show(names).items()}

    monkeypatch.setattr(instance_files.systemd, "show", with_processes)
    monkeypatch.setattr(instances, "writes_to", lambda *_: True)
    monkeypatch.setattr(instance_files, "begun_since", lambda process, moment: process == 7 and moment < math.inf)
    return units


@pytest.fixture
def killed(memory, monkeypatch):
    """Make a run on a new host for each step before which it can be killed; yield what it leaves.

    `prepare(host)` makes a host ready and returns the run.
    """
    return lambda prepare: killed_hosts(memory, prepare, monkeypatch)


@pytest.fixture
def server(tmp_path):
    """A server on a unix socket: `server(handle)` lets `handle(connection)` answer one connection."""
    threads: list[threading.Thread] = []

    def serve(handle: Callable[[socket.socket], None]) -> str:
        path = str(tmp_path / "uwsgi.sock")
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(path)
        listening.listen()
        listening.settimeout(60)

        def run() -> None:
            with listening:
                connection, _address = listening.accept()
            with connection:
                connection.settimeout(60)
                try:
                    handle(connection)
                except OSError:
                    return

        threads.append(threading.Thread(target=run))
        threads[0].start()
        return path

    yield serve
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
