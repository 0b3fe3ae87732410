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


def test_an_instance_that_was_killed_leaves_no_socket(host):
    one = host.candidate("one")
    for name in ("one.sock", "one.stats", "two.sock"):
        Path(one.run_dir, name).touch()
    instances.remove_instance(one.app, "one")
    assert os.listdir(one.run_dir) == ["two.sock"]


def test_the_record_has_no_secret(host):
    one = host.candidate("one")
    one.write()
    record = instances.instance_record(one.app, "one")
    assert record["release"]["id"] == "r1"
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
def test_a_change_by_hand_is_seen(host, name, change):
    one = host.candidate("one")
    one.write()
    path = host.place / name
    path.write_text("edited") if change == "edit" else path.unlink()
    assert one.stale_files() == [str(path)]
    assert instances.changed_by_hand(one.app, "one") == [str(path)]
    one.write()
    assert one.stale_files() == instances.changed_by_hand(one.app, "one") == []


def test_who_is_live_and_who_was(host):
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
def test_a_foreign_link_is_nobody_of_ours(host, target):
    one = host.candidate("one")
    if target:
        os.symlink(target, f"{one.run_dir}/uwsgi.sock")
    assert one.live_id == ""


def test_what_is_no_instance_is_not_one(host):
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
    return candidate.is_settled(host._show(candidate.units))


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
    assert instances.instance_record(host.app(), "unknown")["release"]["id"] == ""


# --- public files ------------------------------------------------------------------------------------------------------------

ROUTES = {
    "nginx": {
        "routes": [
            {"path": "/static/", "mode": "static", "directory": "web"},
            {"path": "/deep/er", "mode": "static", "directory": "web/img/"},
        ]
    }
}


@pytest.fixture
def published(host):
    """Publish files of a release; return the directory that nginx serves."""

    def published(files=("web/style.css", "web/img/a.png", "app.py"), **changes) -> Path:
        one = host.candidate("one", **{**ROUTES, **changes})
        for name in files:
            path = Path(one.release["path"], name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        one.publish()
        return Path(one.root, "public/one")

    return published


def names(place: Path) -> set[str]:
    return {str(path.relative_to(place)) for path in place.rglob("*") if not path.is_dir()}


def test_static_files_stand_under_their_urls_and_nothing_else(published):
    assert names(published()) == {"static/style.css", "static/img/a.png", "deep/er/a.png"}


def test_without_static_routes_there_is_nothing_public(published):
    public = published(nginx={"routes": [{"path": "/"}]})
    assert public.is_dir()
    assert names(public) == set()


def test_links_of_a_release_are_not_public(host, published):
    one = host.candidate("one")
    (Path(one.release["path"], "web") / "passwd").symlink_to("/etc/passwd")
    (Path(one.release["path"], "web") / "code").symlink_to("..")
    assert names(published()) == {"static/style.css", "static/img/a.png", "deep/er/a.png"}


def test_public_files_take_no_space(host, published):
    public = published()
    assert (public / "static/style.css").stat().st_ino == (Path(host.app()["root"]) / "releases/r1/web/style.css").stat().st_ino


def test_code_on_another_file_system_is_copied(published, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_args, **_more: (_ for _ in ()).throw(OSError(18, "cross-device")))
    public = published()
    assert (public / "static/style.css").read_text() == "web/style.css"
    assert mode(str(public / "static/style.css")) == 0o644


def test_publishing_again_begins_anew(published):
    (published() / "static/left").touch()
    assert "static/left" not in names(published())


def test_public_directories_are_public_whatever_the_umask(published):
    before = os.umask(0o077)
    try:
        public = published()
    finally:
        os.umask(before)
    assert mode(str(public / "static")) == mode(str(public)) == 0o755


def test_hidden_files_are_not_public(published):
    assert names(published(files=("web/style.css", "web/.env", "web/.git/config", "web/img/x"))) == {
        "static/style.css",
        "static/img/x",
        "deep/er/x",
    }
