# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Applications that are removed: only their shared files stay, and other applications are not touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import systemd
from ansible_collections.flaskops.stack.plugins.module_utils.host.mount_unit import mount_unit_of
from ansible_collections.flaskops.stack.plugins.module_utils.instance import removal
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import DeployError
from ansible_collections.flaskops.stack.tests.unit.runs import serves


def absent(host, name: str = "blog", purge: bool = False):
    return {**host.app(name), "purge": purge, "own_dirs": []}


def test_an_application_is_removed_and_others_stay(host, run):
    shop = host.candidate("one")
    run(shop)
    before = host.tree("history.jsonl")
    run(shop, host.candidate("one", name="blog"))
    outcome = run(shop, absent=[absent(host)])
    assert outcome.changed
    assert outcome.removed
    (diff,) = outcome.diff
    assert (diff["before_header"], diff["after_header"], diff["after"]) == ("blog", "blog (absent)", "")
    assert diff["before"].splitlines() == outcome.removed
    assert host.tree("history.jsonl") == before
    assert not host.is_running("flask-blog@one.service")
    serves(host, "one", "r1")
    assert not run(shop, absent=[{**absent(host), "config_dir": "/nowhere", "run_dir": "/nowhere", "root": "/nowhere"}]).changed


def test_shared_files_stay_unless_the_application_is_purged(host, run):
    run(host.candidate("one", name="blog"))
    shared = Path(host.app("blog")["root"], "shared")
    shared.mkdir()
    (shared / "upload").touch()
    run(absent=[absent(host)])
    assert (shared / "upload").exists()
    run(absent=[absent(host, purge=True)])
    assert not shared.exists()


@pytest.mark.parametrize(("ours", "left"), [(True, False), (False, True)])
def test_directories_in_var_go_with_the_user_unless_they_are_somebody_elses(host, run, monkeypatch, tmp_path, ours, left):
    run(host.candidate("one", name="blog"))
    monkeypatch.setattr(removal.user, "is_of", lambda *_about: ours)
    state = tmp_path / "state"
    (state / "inner").mkdir(parents=True)
    run(absent=[{**absent(host), "own_dirs": [str(state)]}])
    assert state.exists(), "they stay without purge"
    run(absent=[{**absent(host, purge=True), "own_dirs": [str(state)]}])
    assert state.exists() is left


def test_a_bad_candidate_keeps_no_other_application_from_being_removed(host, run, outcome):
    run(host.candidate("one"), host.candidate("one", name="blog"))
    host.behave("flask-shop@two.service", 500)
    result = outcome(host.candidate("two", "r2"), absent=[absent(host)])
    assert list(result.failures) == ["shop"]
    assert host.app("blog")["root"] + "/releases" in result.removed
    assert not host.is_running("flask-blog@one.service")
    serves(host, "one")


def test_a_removal_that_fails_keeps_no_other_application_from_anything(host, run, outcome, monkeypatch):
    run(host.candidate("one"), host.candidate("one", name="blog"), host.candidate("one", name="wiki"))
    end_all_of = removal.user.remove

    def remove(user, name):
        if name == "blog":
            raise OSError("processes of flask-blog cannot be ended")
        end_all_of(user, name)

    monkeypatch.setattr(removal.user, "remove", remove)
    result = outcome(host.candidate("two", "r2"), absent=[absent(host, purge=True), absent(host, "wiki")])
    says = "blog: processes of flask-blog cannot be ended. What is live answers; the next run goes on from here."
    assert result.failures == {"blog": says}
    assert host.app("wiki")["root"] + "/releases" in result.removed
    assert not any("/blog" in path for path in result.removed), "what is there still is not told as removed"
    serves(host, "two", "r2")


def test_check_mode_reports_a_removal_and_changes_nothing(host, run):
    run(host.candidate("one", name="blog"))
    before = host.tree()
    assert run(absent=[absent(host)], check=True).removed
    assert host.tree() == before


def test_files_that_a_deployment_has_not_made_stay(host, run):
    run(host.candidate("one", name="blog"))
    root = Path(host.app("blog")["root"])
    (root / "shared").mkdir()
    (root / "notes").mkdir()
    (root / "notes/db.sqlite").write_text("somebody's own")
    blog = absent(host, purge=True)
    outcome = run(absent=[blog])
    assert str(root) not in outcome.removed
    assert [path.name for path in root.iterdir()] == ["notes"]
    assert (root / "notes/db.sqlite").read_text() == "somebody's own"
    assert not run(absent=[blog]).changed


def test_an_application_is_removed_with_trees_that_are_too_deep_for_others(host, run):
    run(host.candidate("one", name="blog"))
    before, app = os.getcwd(), host.app("blog")
    for place in (Path(app["root"], "shared"), Path(app["run_dir"], "own")):
        place.mkdir(exist_ok=True)
        os.chdir(place)
        for _level in range(3000):
            os.mkdir("d")
            os.chdir("d")
        os.chdir(before)
    run(absent=[absent(host, purge=True)])
    assert not any(os.path.lexists(app[key]) for key in ("root", "config_dir", "run_dir"))


@pytest.mark.parametrize(("place", "purge", "refused"), [("shared", True, True), ("shared", False, False), ("venvs", False, True)])
def test_a_mounted_file_system_is_not_emptied(host, run, monkeypatch, place, purge, refused):
    run(host.candidate("one", name="blog"))
    root = Path(host.app("blog")["root"])
    (root / place).mkdir(exist_ok=True)
    mount = root / place / "nfs"
    monkeypatch.setattr(removal, "mounts_at_or_below", lambda path: [str(mount)] if mount.is_relative_to(path) else [])
    before = host.tree()
    if not refused:
        run(absent=[absent(host, purge=purge)])
        assert (root / place).exists()
        return
    with pytest.raises(DeployError, match=f"^blog: {mount} is mounted in what would be removed, .* unmount it and run again"):
        run(absent=[absent(host, purge=purge)])
    assert host.tree() == before


def test_the_file_system_of_its_sockets_goes_with_an_application(host, run, monkeypatch):
    run(host.candidate("one", name="blog"))
    blog = host.app("blog")
    unit = host.unit_dir / mount_unit_of(blog["run_dir"])
    unit.touch()
    ended: list[str] = []
    stop = systemd.stop
    monkeypatch.setattr(systemd, "stop", lambda units, *rest: (ended.extend(units), stop(units, *rest)))
    mounts = [blog["run_dir"]]
    monkeypatch.setattr(removal, "mounts_at_or_below", lambda path: [mount for mount in mounts if f"{mount}/".startswith(f"{path}/")])
    run(absent=[absent(host)])
    assert unit.name == ended[-1], "when every instance has ended"
    assert not unit.exists()
    assert not os.path.lexists(blog["run_dir"])


@pytest.mark.parametrize("with_unit", [True, False])
def test_another_file_system_among_its_sockets_is_not_emptied(host, run, monkeypatch, with_unit):
    run(host.candidate("one", name="blog"))
    blog = host.app("blog")
    if with_unit:
        (host.unit_dir / mount_unit_of(blog["run_dir"])).touch()
    mount = f"{blog['run_dir']}/own" if with_unit else blog["run_dir"]
    monkeypatch.setattr(removal, "mounts_at_or_below", lambda path: [mount] if f"{mount}/".startswith(f"{path}/") else [])
    with pytest.raises(DeployError, match=f"^blog: {mount} is mounted in what would be removed"):
        run(absent=[absent(host)])
