# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Instances on a host: their files, and which of them is live."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.instance import instance as instances
from ansible_collections.flaskops.stack.plugins.module_utils.instance.switch import switch


def mode(path: str) -> int:
    return os.stat(path).st_mode & 0o777


def test_the_files_of_an_instance_and_who_reads_them(host):
    one = host.candidate("one")
    one.write()
    modes = {Path(path).name: mode(path) for path in Path(one.config_dir).glob("one.*")}
    assert modes == {"one.ini": 0o640, "one.env": 0o640, "one.secrets": 0o600, "one.json": 0o600}
    assert Path(one.config_dir, "one.secrets").read_text() == 'TOKEN="hunter2"\n'
    assert (host.unit_dir / "flask-shop@.service").read_text() == "unit 1"
    assert (host.unit_dir / "flask-shop@one.service.d/instance.conf").read_text() == "drop-in one"
    assert mode(f"{host.unit_dir}/flask-shop@.service") == 0o644
    assert one.stale_files() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_application_reads_its_files_and_not_its_secrets(host):
    user = next(user for user in pwd.getpwall() if user.pw_gid != 0)
    one = instances.Instance({**host.candidate("one").app, "user": user.pw_name})
    one.write()
    groups = {suffix: os.stat(f"{one.config_dir}/one.{suffix}").st_gid for suffix in ("ini", "env", "secrets", "json")}
    assert groups == {"ini": user.pw_gid, "env": user.pw_gid, "secrets": 0, "json": 0}
    assert {os.stat(f"{one.config_dir}/one.{suffix}").st_uid for suffix in groups} == {0}


def test_sockets_of_a_killed_instance_are_removed_with_it(host):
    one = host.candidate("one")
    own = Path(one.run_dir, "own")
    own.mkdir(exist_ok=True)
    # An application may have put something else into the place of its socket.
    (own / "one.stats/directory").mkdir(parents=True)
    for path in (own / "one.sock", own / "two.sock", own.parent / "one.sock", own.parent / "two.sock"):
        path.touch()
    instances.remove_instance(one.app, "one")
    assert os.listdir(own) == ["two.sock"]
    assert sorted(os.listdir(one.run_dir)) == ["own", "two.sock"]


def test_the_record_has_no_secret(host):
    one = host.candidate("one")
    one.write()
    record = instances.instance_record(one.app, "one")
    assert record.release.id == "r1"
    assert "hunter2" not in json.dumps(record)


@pytest.mark.parametrize(
    "name",
    [
        "config_dir/shop/one.ini",
        "config_dir/shop/one.secrets",
        "systemd/flask-shop@.service",
        "systemd/flask-shop@one.service.d/instance.conf",
    ],
)
@pytest.mark.parametrize("change", ["edit", "remove"])
def test_a_change_by_hand_is_found_and_overwritten(host, name, change):
    one = host.candidate("one")
    one.write()
    path = host.place / name
    path.write_text("edited") if change == "edit" else path.unlink()
    assert one.stale_files() == [str(path)]
    assert instances.changed_by_hand(one.app, "one") == [str(path)]
    one.write()
    assert one.stale_files() == instances.changed_by_hand(one.app, "one") == []


def test_links_say_which_instance_is_live_and_which_was(host):
    one, two = host.candidate("one"), host.candidate("two")
    assert (one.live_id, instances.previous_id(one.app)) == ("", "")
    for candidate in (one, two):
        candidate.publish()
        candidate.write()
        switch(candidate)
    assert one.live_id == two.live_id == "two"
    assert instances.previous_id(one.app) == "one"
    assert instances.known_ids(one.app) == ["one", "two"]


@pytest.mark.parametrize("target", ["elsewhere", "/run/other/x.socket", ""])
def test_a_foreign_socket_link_means_that_no_instance_is_live(host, target):
    one = host.candidate("one")
    if target:
        os.symlink(target, f"{one.run_dir}/uwsgi.sock")
    assert one.live_id == ""


def test_unfinished_files_are_not_taken_for_instances(host):
    one = host.candidate("one")
    one.write()
    for name in (".two.ini.partial", ".three.ini", "four.env"):
        Path(one.config_dir, name).touch()
    assert instances.known_ids(one.app) == ["one"]
    assert instances.known_ids({**one.app, "config_dir": "/nowhere"}) == []


@pytest.fixture
def settled(host):
    one = host.candidate("one")
    one.publish()
    one.write()
    host._start([one.unit])
    switch(one)
    return one


def is_settled(host, candidate) -> bool:
    return candidate.is_settled(host._show(candidate.wanted_units))


def test_an_instance_is_settled(host, settled):
    assert is_settled(host, settled)


@pytest.mark.parametrize(
    "unsettle",
    [
        lambda host, one: host._stop([one.unit]),
        lambda host, one: host.units[one.unit].update(ActiveState="failed"),
        lambda host, one: host._disable(one.unit),
        lambda host, one: os.unlink(f"{one.run_dir}/uwsgi.sock"),
        lambda host, one: os.unlink(f"{one.config_dir}/live"),
        lambda host, one: os.unlink(f"{one.root}/current"),
        lambda host, one: Path(f"{one.config_dir}/one.env").write_text("x"),
        lambda host, one: (host.unit_dir / "flask-shop@.service").write_text("x"),
    ],
)
def test_an_instance_is_not_settled_if_anything_is_missing(host, settled, unsettle):
    unsettle(host, settled)
    assert not is_settled(host, settled)


def test_prebuilt_code_has_no_release_to_point_to(host):
    one = host.candidate("one", release="")
    one.publish()
    one.write()
    host._start([one.unit])
    switch(one)
    assert is_settled(host, one)
    assert not os.path.lexists(f"{one.root}/current")


def test_an_instance_is_removed_without_a_trace(host, settled):
    two = host.candidate("two")
    before = host.tree("releases", "venvs", "root/shop/next")
    two.write()
    host._enable(two.unit)
    instances.remove_instance(two.app, "two")
    assert host.tree("releases", "venvs", "root/shop/next") == before
    instances.remove_instance(two.app, "two")


def test_an_instance_without_a_record_has_no_release(host):
    assert instances.instance_record(host.app(), "unknown") is None
    assert instances.release_id_of(host.app(), "unknown") == ""
