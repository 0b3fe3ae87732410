# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The file system of a directory of sockets: its unit, and when it is mounted."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app import run_mount
from ansible_collections.flaskops.stack.plugins.module_utils.app.layout import Layout
from ansible_collections.flaskops.stack.plugins.module_utils.host import systemd
from ansible_collections.flaskops.stack.plugins.module_utils.host.mount_unit import mount_unit_of
from ansible_collections.flaskops.stack.tests.unit.parse import unit
from ansible_collections.flaskops.stack.tests.unit.render import complete
from ansible_collections.flaskops.stack.tests.unit.roles.units import STREAMS, instance

NAMES = {
    "/run/flask/shop": "run-flask-shop.mount",
    "/run/flask/my-app_2": r"run-flask-my\x2dapp_2.mount",
    "/opt/a.b/x+y@z": r"opt-a.b-x\x2by\x40z.mount",
    "/.hidden/run": r"\x2ehidden-run.mount",
}


@pytest.mark.parametrize("path", NAMES)
def test_the_name_of_a_mount_unit_follows_from_its_path(path):
    assert mount_unit_of(path) == NAMES[path]


@pytest.mark.skipif(not shutil.which("systemd-escape"), reason="systemd-escape is not installed")
@pytest.mark.parametrize("path", NAMES)
def test_systemd_calls_it_the_same(path):
    done = subprocess.run(["systemd-escape", "--path", "--suffix=mount", path], check=True, stdout=subprocess.PIPE, text=True)
    assert done.stdout.strip() == mount_unit_of(path)


def test_the_file_system_is_small_and_nothing_on_it_is_run():
    found = unit(run_mount.text(Layout(complete())))
    mount = dict(found["Mount"])
    assert (mount["What"], mount["Type"], mount["Where"]) == ("tmpfs", "tmpfs", "/run/flask/shop")
    assert {"size=4M", "nr_inodes=1024", "nosuid", "nodev", "noexec", "mode=0751"} == set(mount["Options"].split(","))


def test_sockets_that_are_there_are_never_hidden(tmp_path, monkeypatch):
    assert dict(unit(run_mount.text(Layout(complete())))["Unit"])["ConditionDirectoryNotEmpty"] == "!/run/flask/shop"
    layout = Layout(complete(run_dir=str(tmp_path / "run")))
    os.makedirs(layout.own_dir)
    started: list[list[str]] = []
    monkeypatch.setattr(systemd, "daemon_reload", lambda: started.append(["read"]))
    monkeypatch.setattr(systemd, "start_now", started.append)
    run_mount.start([layout])
    assert started == []
    os.rmdir(layout.own_dir)
    run_mount.start([layout])
    assert started == [["read"], [layout.mount_unit]]


@pytest.mark.parametrize("part", ["unit", "stream_unit"])
def test_it_is_mounted_at_boot_before_an_instance_starts(part):
    settings = unit(instance(complete(name="my-app", **STREAMS))[part])["Unit"]
    assert ("Wants", r"run-flask-my\x2dapp.mount") in settings
    assert any(name == "After" and r"run-flask-my\x2dapp.mount" in value.split() for name, value in settings)
