# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whole runs on hosts in directories: what serves after one, and what is left of one that was killed."""

from __future__ import annotations

import itertools
import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.files import read_link
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import live_id
from ansible_collections.flaskops.stack.tests.unit.host import Host, Killed

Prepare = t.Callable[[Host], t.Callable[[], t.Any]]


def killed_hosts(place: Path, prepare: Prepare, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Host]:
    """Make a run on a new host for each step before which it can be killed; yield what it leaves.

    :param prepare: makes a host ready and returns the run
    """
    for step in itertools.count():
        monkeypatch.undo()
        (place / f"{step}").mkdir(parents=True)
        host = Host(place / f"{step}", monkeypatch)
        run = prepare(host)
        host.kill_in(step)
        try:
            run()
        except Killed:
            host.kill_in(-1)
        else:
            assert step > 10, "there are steps"
            return
        yield host


class KilledRuns:
    """The hosts of `killed_hosts`, kept: the run is made once, and each test gets the hosts as it left them."""

    def __init__(self, place: Path, prepare: Prepare) -> None:
        self.hosts: list[Host] = []
        with pytest.MonkeyPatch.context() as monkeypatch:
            for host in killed_hosts(place, prepare, monkeypatch):
                host.keep()
                self.hosts.append(host)

    def again(self, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Host]:
        for host in self.hosts:
            monkeypatch.undo()
            host.revive(monkeypatch)
            yield host


def serves(host: Host, id_: str, release: str = "", name: str = "shop") -> None:
    """Assert that an instance serves, now and after a boot."""
    app = host.app(name)
    unit = f"flask-{name}@{id_}.service"
    assert read_link(f"{app['run_dir']}/uwsgi.sock") == f"{id_}.sock"
    assert read_link(f"{app['config_dir']}/live") == f"{id_}.ini"
    assert host.is_running(unit)
    assert unit in host.enabled()
    if release:
        assert read_link(f"{app['root']}/current") == f"releases/{release}"


def serving(host: Host) -> str:
    """Return the instance that serves; there must be one, now and after a boot."""
    app = host.app()
    live = live_id(app)
    assert host.is_running(f"flask-shop@{live}.service")
    at_boot = read_link(f"{app['config_dir']}/live").removesuffix(".ini")
    assert f"flask-shop@{at_boot}.service" in host.enabled()
    return live


def entries(directory: str) -> list[str]:
    """Return the names in a directory of releases or virtualenvs, without records."""
    return sorted(name for name in os.listdir(directory) if not name.endswith(".json"))
