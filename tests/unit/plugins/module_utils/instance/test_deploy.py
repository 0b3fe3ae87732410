# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whole runs on one host: what they leave, what a failure leaves, and what is left of a run that was killed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app import history
from ansible_collections.flaskops.stack.plugins.module_utils.host.as_user import CommandError
from ansible_collections.flaskops.stack.plugins.module_utils.host.files import read_link
from ansible_collections.flaskops.stack.plugins.module_utils.instance import attempt, rollback
from ansible_collections.flaskops.stack.plugins.module_utils.instance import deploy as deploy_module
from ansible_collections.flaskops.stack.plugins.module_utils.instance.deploy import deploy, last_built, migrate, new_releases
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import DeployError, known_ids, live_id, previous_id


@pytest.fixture
def run():
    """Deploy instances as one run."""

    def run(*wanted, absent=(), allow_rejected=False, check=False):
        return deploy(wanted, absent, "me@here", allow_rejected, check)

    return run


@pytest.fixture
def back():
    """Roll applications back as one run."""

    def back(*apps, release="", check=False):
        return rollback.rollback([(app, release) for app in apps], "me@here", check)

    return back


def serves(host, id_: str, release: str = "", name: str = "shop") -> None:
    """Assert that an instance serves, now and after a boot."""
    app = host.app(name)
    unit = f"flask-{name}@{id_}.service"
    assert read_link(f"{app['run_dir']}/uwsgi.sock") == f"{id_}.sock"
    assert read_link(f"{app['config_dir']}/live") == f"{id_}.ini"
    assert host.is_running(unit)
    assert unit in host.enabled()
    if release:
        assert read_link(f"{app['root']}/current") == f"releases/{release}"


# --- deploy ------------------------------------------------------------------------------------------------------------------


def test_a_first_deployment(host, run):
    outcome = run(host.candidate("one"))
    serves(host, "one", "r1")
    assert outcome.changed
    assert outcome.instances == {"shop": {"id": "one", "switched": True}}
    (diff,) = outcome.diff
    assert (diff["before"], diff["before_header"]) == ("", "flask-shop@one.service (nothing live)")
    assert "# one" in diff["after"]


def test_a_second_run_changes_nothing(host, run):
    one = host.candidate("one")
    run(one)
    before = host.tree()
    host.events.clear()
    outcome = run(one)
    assert outcome == attempt.Outcome(False, {"shop": {"id": "one", "switched": False}}, [], [], [])
    assert host.tree() == before
    assert host.events == []


def test_a_new_release_replaces_the_old_one(host, run):
    run(host.candidate("one", "r1"))
    outcome = run(host.candidate("two", "r2"))
    serves(host, "two", "r2")
    assert outcome.diff[0]["before_header"] == "flask-shop@one.service"
    assert "# one" in outcome.diff[0]["before"]
    host.elapse()
    serves(host, "two", "r2")
    assert not host.is_running("flask-shop@one.service")


def test_the_link_moves_after_the_gate_and_only_then(host, run, monkeypatch):
    run(host.candidate("one"))
    links = []
    ask = host._request
    monkeypatch.setattr(
        "ansible_collections.flaskops.stack.plugins.module_utils.instance.gate.request",
        lambda *args: links.append(host.candidate("x").live_id) or ask(*args),
    )
    host.behave("flask-shop@two.service", 503, 503, 200)
    run(host.candidate("two"))
    assert links == ["one"] * 3
    serves(host, "two")


def test_a_check_tells_and_changes_nothing(host, run):
    run(host.candidate("one", "r1"))
    two = host.candidate("two", "r2")
    before = host.tree()
    host.events.clear()
    outcome = run(two, check=True)
    assert host.tree() == before
    assert host.events == []
    assert outcome.changed
    assert outcome.instances == {"shop": {"id": "two", "switched": True}}
    assert "# two" in outcome.diff[0]["after"]


@pytest.mark.parametrize(
    "behaviour", [{"ActiveState": "failed"}, {"ActiveState": "activating"}, {"answers": [500]}, {"answers": [ConnectionRefusedError("no")]}]
)
def test_a_bad_candidate_changes_nothing_that_is_live(host, run, behaviour):
    run(host.candidate("one", "r1"))
    before = host.tree("history.jsonl")
    units = dict(host.units)
    two = host.candidate("two", "r2", unit="unit 2")
    host.behave(two.unit, *behaviour.pop("answers", []), **behaviour)
    with pytest.raises(DeployError, match="^shop: the candidate two .* The live instance was not touched"):
        run(two)
    assert host.tree("history.jsonl") == before
    assert {unit: state for unit, state in host.units.items() if unit != two.unit} == units
    serves(host, "one", "r1")


def test_a_bad_first_candidate_leaves_nothing(host, run):
    one = host.candidate("one")
    host.behave(one.unit, 500)
    with pytest.raises(DeployError):
        run(one)
    assert host.tree("history.jsonl") == {}


def test_the_next_run_after_a_bad_one_can_be_good(host, run):
    two = host.candidate("two", "r2")
    host.behave(two.unit, 500)
    with pytest.raises(DeployError):
        run(two)
    host.behave(two.unit, 200)
    run(host.candidate("two", "r2"))
    serves(host, "two", "r2")


def test_one_bad_application_keeps_all_as_they_are(host, run):
    run(host.candidate("one"), host.candidate("one", name="blog"))
    before = host.tree("history.jsonl")
    host.behave("flask-blog@two.service", 500)
    with pytest.raises(DeployError) as caught:
        run(host.candidate("two", "r2"), host.candidate("two", "r2", name="blog"))
    assert str(caught.value).startswith("blog: ")
    assert host.tree("history.jsonl") == before
    serves(host, "one")
    serves(host, "one", name="blog")
    assert "another application of the run failed" in Path(host.app()["root"], "history.jsonl").read_text()


def test_all_bad_applications_are_told(host, run):
    for name in ("shop", "blog"):
        host.behave(f"flask-{name}@two.service", 500)
    with pytest.raises(DeployError, match=r"(?s)shop: the candidate.*blog: the candidate"):
        run(host.candidate("two"), host.candidate("two", name="blog"))


def test_only_what_changes_is_started(host, run):
    run(host.candidate("one"), host.candidate("one", name="blog"))
    host.events.clear()
    outcome = run(host.candidate("two", "r2"), host.candidate("one", name="blog"))
    assert not [event for event in host.events if "blog" in event]
    assert outcome.instances == {"shop": {"id": "two", "switched": True}, "blog": {"id": "one", "switched": False}}


def test_an_instance_that_was_stopped_by_hand_comes_back(host, run):
    one = host.candidate("one")
    run(one)
    host._stop([one.unit])
    assert run(one).changed
    serves(host, "one", "r1")


def test_a_live_instance_that_crashed_meanwhile_is_settled(host, run):
    one = host.candidate("one")
    run(one)
    host.units[one.unit]["NRestarts"] = "3"
    assert not run(one).changed
    # And with something to mend, it is not taken for a bad candidate.
    (host.unit_dir / "flask-shop@.service").write_text("by hand")
    assert run(one).changed
    serves(host, "one", "r1")


def test_what_was_changed_by_hand_is_put_right(host, run):
    one = host.candidate("one")
    run(one)
    before = host.tree("history.jsonl")
    Path(one.config_dir, "one.ini").write_text("[uwsgi]\n")
    assert run(one).changed
    assert host.tree("history.jsonl") == before


def test_an_old_instance_can_be_deployed_again_while_it_drains(host, run):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2"))
    run(host.candidate("one", "r1"))
    host.elapse()
    serves(host, "one", "r1")


STATIC = {"nginx": {"routes": [{"path": "/"}, {"path": "/static/", "mode": "static", "directory": "web"}]}}


def test_static_files_come_with_the_switch_and_those_of_before_stay(host, run):
    run(host.candidate("one", "r1", **STATIC))
    run(host.candidate("two", "r2", **STATIC))
    public = Path(host.app()["root"], "public")
    assert (public / "current/static/style.css").read_text() == "r2"
    assert (public / "previous/static/style.css").read_text() == "r1"


def test_static_files_that_are_not_there_are_told_before_anything_starts(host, run):
    run(host.candidate("one", "r1"))
    before = host.tree("history.jsonl", "public")
    two = host.candidate("two", "r2", nginx={"routes": [{"path": "/static/", "mode": "static", "directory": "nothing"}]})
    host.events.clear()
    with pytest.raises(DeployError, match="^shop.nginx.routes: 'nothing' of the route /static/ is not a directory of the release; correct"):
        run(two)
    assert host.tree("history.jsonl", "public") == before
    assert not [event for event in host.events if event.startswith(("start", "enable"))]
    serves(host, "one", "r1")


def test_an_old_instance_that_would_start_at_boot_is_seen(host, run):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2"))
    host.elapse()
    host._enable("flask-shop@one.service")
    assert run(host.candidate("two", "r2")).changed
    assert host.enabled() == {"flask-shop@two.service"}
    assert not run(host.candidate("two", "r2")).changed


def test_an_old_instance_that_nobody_stops_is_seen(host, run):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2"))
    host.elapse()
    host._start(["flask-shop@one.service"])
    assert run(host.candidate("two", "r2")).changed
    host.elapse()
    assert not host.is_running("flask-shop@one.service")
    serves(host, "two", "r2")


def test_what_was_built_last_is_found(host):
    app = host.app()
    with pytest.raises(DeployError, match=rf"^shop: no release stands in {app['root']}; run the role flask_app before, or point"):
        last_built(app)
    host.build(app, "r1")
    host.build(app, "r2")
    assert last_built(app) == {
        "id": "r2",
        "path": f"{app['root']}/releases/r2",
        "virtualenv": f"{app['root']}/venvs/v-r2",
        "callable": "",
        "revision": "rev r2",
    }


def test_hooks_run_after_the_switch(host, run, monkeypatch):
    ran = []
    monkeypatch.setattr(
        deploy_module, "run_hooks", lambda kind, app, path, venv: ran.append((kind, path, venv, host.candidate("x").live_id))
    )
    one = host.candidate("one")
    run(one)
    assert ran == [("after_switch", one.release["path"], one.release["virtualenv"], "one")]
    run(one)
    assert len(ran) == 1


def test_a_hook_that_fails_leaves_the_switch(host, run, monkeypatch):
    monkeypatch.setattr(
        deploy_module, "run_hooks", lambda *_args: (_ for _ in ()).throw(CommandError("the after_switch hook 'x' ended with 1:\nno"))
    )
    with pytest.raises(DeployError, match="^shop: the switch to one was made, but the after_switch hook 'x' ended with 1"):
        run(host.candidate("one"))
    serves(host, "one", "r1")


def test_a_run_is_written_down(host, run):
    run(host.candidate("one", "r1"))
    two = host.candidate("two", "r2")
    host.behave(two.unit, 500)
    with pytest.raises(DeployError):
        run(two)
    newest, first = history.read(two.root, 10)
    assert {key: first[key] for key in ("action", "instance", "release", "revision", "previous", "who", "result", "reason")} == {
        "action": "deploy",
        "instance": "one",
        "release": "r1",
        "revision": "rev r1",
        "previous": "",
        "who": "me@here",
        "result": "live",
        "reason": "",
    }
    assert (newest["instance"], newest["previous"], newest["result"]) == ("two", "one", "failed")
    assert "answered 500" in newest["reason"]
    assert set(first["seconds"]) == {"gate", "switch"}
    assert all(0 <= seconds < 60 for seconds in first["seconds"].values())


def test_migrations_run_in_the_new_release(host, monkeypatch):
    ran = []
    monkeypatch.setattr(deploy_module, "run_hooks", lambda kind, app, path, venv: ran.append((kind, path, venv)))
    two = host.candidate("two", "r2")
    migrate([two], "me@here")
    assert ran == [("migrate", two.release["path"], two.release["virtualenv"])]


def test_a_migration_that_fails_leaves_no_release_and_a_line_in_the_history(host, run, monkeypatch):
    run(host.candidate("one", "r1"))
    before = host.tree("history.jsonl")
    two = host.candidate("two", "r2")
    monkeypatch.setattr(
        deploy_module, "run_hooks", lambda *_args: (_ for _ in ()).throw(CommandError("the migrate hook 'x' ended with 1:\nno table"))
    )
    with pytest.raises(DeployError, match="^shop: the migrate hook 'x' ended with 1:\nno table\nNothing was switched"):
        migrate([two], "me@here")
    assert host.tree("history.jsonl") == before
    newest = history.read(two.root, 1)[0]
    assert (newest["result"], newest["release"], newest["previous"]) == ("failed", "r2", "one")
    serves(host, "one", "r1")


def test_migrations_are_due_for_another_release_and_not_for_other_settings(host, run):
    run(host.candidate("one", "r1"))
    due = lambda *wanted: new_releases(wanted, allow_rejected=False)  # noqa: E731
    assert due(host.candidate("two", "r1")) == []
    assert due(host.candidate("two", "r2"), host.candidate("one", name="blog")) == ["shop", "blog"]


def test_prebuilt_code_that_is_live_is_not_migrated_again(host, run):
    one = host.candidate("one", release="")
    run(one)
    assert new_releases([one], allow_rejected=False) == []


# --- roll back ---------------------------------------------------------------------------------------------------------------


def test_going_back_to_the_instance_before(host, run, back):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2"))
    outcome = back(host.app())
    serves(host, "one", "r1")
    assert outcome.changed
    assert outcome.instances == {"shop": {"id": "one", "release": "r1", "switched": True}}
    host.elapse()
    serves(host, "one", "r1")


def test_going_back_after_it_has_ended(host, run, back):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2"))
    host.elapse()
    back(host.app())
    serves(host, "one", "r1")


def test_going_back_twice_goes_back_twice(host, run, back):
    for name, release in (("one", "r1"), ("two", "r2"), ("three", "r3")):
        run(host.candidate(name, release))
    back(host.app())
    serves(host, "two", "r2")
    back(host.app())
    serves(host, "one", "r1")
    with pytest.raises(DeployError, match="^shop: there is no earlier instance on this host to go back to"):
        back(host.app())


def test_going_back_to_a_release_by_its_name(host, run, back):
    for name, release in (("one", "r1"), ("two", "r2"), ("three", "r3")):
        run(host.candidate(name, release))
    back(host.app(), release="r1")
    serves(host, "one", "r1")


@pytest.mark.parametrize(
    ("release", "says"),
    [
        ("r2", "shop: release r2 is live already"),
        ("r9", "shop: release r9 is not on this host: it was pruned or never deployed; there are r1"),
        ("r8", "shop: release r8 was never healthy on this host; there are r1"),
    ],
)
def test_a_release_one_cannot_go_back_to(host, run, back, release, says):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2"))
    os.mkdir(f"{host.app()['root']}/releases/r8")
    before = host.tree()
    with pytest.raises(DeployError) as caught:
        back(host.app(), release=release)
    assert str(caught.value).startswith(says)
    assert host.tree() == before


def test_where_nothing_is_live_there_is_nothing_to_go_back_from(host, back):
    with pytest.raises(DeployError, match="^shop: no instance is live"):
        back(host.app())


def test_one_application_that_cannot_go_back_keeps_all(host, run, back):
    run(host.candidate("one", "r1"), host.candidate("one", name="blog"))
    run(host.candidate("two", "r2"), host.candidate("one", name="blog"))
    before = host.tree()
    with pytest.raises(DeployError, match="^blog: "):
        back(host.app(), host.app("blog"))
    assert host.tree() == before


def test_what_one_goes_back_to_passes_the_gate(host, run, back):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2"))
    host.elapse()
    host.behave("flask-shop@one.service", 500)
    before = host.tree("history.jsonl")
    with pytest.raises(DeployError, match="answered 500"):
        back(host.app())
    serves(host, "two", "r2")
    assert host.tree("history.jsonl") == before


def test_a_check_of_going_back_changes_nothing(host, run, back):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2"))
    before = host.tree()
    assert back(host.app(), check=True).instances == {"shop": {"id": "one", "release": "r1", "switched": True}}
    assert host.tree() == before


def test_what_was_taken_back_is_not_deployed_again(host, run, back):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2"))
    back(host.app())
    outcome = run(host.candidate("two", "r2"))
    serves(host, "one", "r1")
    assert not outcome.changed
    assert outcome.instances == {"shop": {"id": "one", "switched": False}}
    (notice,) = outcome.notices
    assert notice.startswith("shop: r2 was rolled back by me@here at ")
    # Nor with other settings: it is the release that was bad.
    assert not run(host.candidate("two b", "r2")).changed
    assert run(host.candidate("two", "r2"), allow_rejected=True).changed
    serves(host, "two", "r2")
    assert run(host.candidate("two", "r2")).notices == [], "that was its pardon"


def test_settings_that_were_taken_back_do_not_reject_the_release(host, run, back):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r1"))
    back(host.app())
    assert not run(host.candidate("two", "r1")).changed
    assert run(host.candidate("three", "r1")).changed


def test_a_new_release_is_deployed_after_going_back(host, run, back):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2"))
    back(host.app())
    assert run(host.candidate("three", "r3")).changed
    serves(host, "three", "r3")


# --- applications that go away -------------------------------------------------------------------------------------------------


def absent(host, name: str = "blog", purge: bool = False):
    return {**host.app(name), "purge": purge}


def test_an_application_goes_away_and_others_stay(host, run):
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


def test_what_the_users_put_there_outlives_the_application(host, run):
    run(host.candidate("one", name="blog"))
    shared = Path(host.app("blog")["root"], "shared")
    shared.mkdir()
    (shared / "upload").touch()
    run(absent=[absent(host)])
    assert (shared / "upload").exists()
    run(absent=[absent(host, purge=True)])
    assert not shared.exists()


def test_a_bad_candidate_keeps_the_application_that_should_go(host, run):
    run(host.candidate("one"), host.candidate("one", name="blog"))
    host.behave("flask-shop@two.service", 500)
    with pytest.raises(DeployError):
        run(host.candidate("two", "r2"), absent=[absent(host)])
    serves(host, "one", name="blog")


def test_a_check_of_going_away_changes_nothing(host, run):
    run(host.candidate("one", name="blog"))
    before = host.tree()
    assert run(absent=[absent(host)], check=True).removed
    assert host.tree() == before


# --- killed anywhere -----------------------------------------------------------------------------------------------------------


def serving(host) -> str:
    """Return the instance that serves; there must be one, now and after a boot."""
    app = host.app()
    live = live_id(app)
    assert host.is_running(f"flask-shop@{live}.service")
    at_boot = read_link(f"{app['config_dir']}/live").removesuffix(".ini")
    assert f"flask-shop@{at_boot}.service" in host.enabled()
    return live


def test_wherever_a_run_is_killed_the_site_serves(killed, run):
    def prepare(host):
        run(host.candidate("one", "r1"))
        two = host.candidate("two", "r2")
        return lambda: run(two)

    seen = set()
    for _place, host in killed(prepare):
        seen.add(serving(host))
        run(host.candidate("two", "r2"))
        serves(host, "two", "r2")
        host.elapse()
        serves(host, "two", "r2")
    assert seen == {"one", "two"}


def test_wherever_a_run_is_killed_the_next_one_converges(killed, run, back):
    def prepare(host):
        run(host.candidate("one", "r1"))
        two = host.candidate("two", "r2")
        return lambda: run(two)

    for _place, host in killed(prepare):
        run(host.candidate("two", "r2"))
        assert host.enabled() == {"flask-shop@two.service"}
        host.elapse()
        assert not host.is_running("flask-shop@one.service")
        assert not run(host.candidate("two", "r2")).changed
        back(host.app())
        assert serving(host) == "one"


def test_wherever_a_run_is_killed_another_release_leaves_nothing_of_it(killed, run):
    def prepare(host):
        run(host.candidate("one", "r1"))
        two = host.candidate("two", "r2")
        return lambda: run(two)

    seen = set()
    for _place, host in killed(prepare):
        live = serving(host)
        seen.add(live)
        three = host.candidate("three", "r3")
        run(three)
        serves(host, "three", "r3")
        assert previous_id(host.app()) == live
        if live == "one":
            assert not host.is_running("flask-shop@two.service")
            assert "two" not in known_ids(host.app())
    assert seen == {"one", "two"}


def test_wherever_a_run_is_killed_the_same_release_leaves_what_an_undisturbed_run_does(killed, run):
    def deploy(host, number):
        run(host.candidate(f"{number}", f"r{number}", keep_releases=2))

    def prepare(host):
        for number in (1, 2):
            deploy(host, number)
            host.elapse()
        three = host.candidate("3", "r3", keep_releases=2)
        return lambda: run(three)

    def left(host):
        return {path for path in host.tree("history.jsonl") if not path.endswith((".timer", ".service"))}

    trees = []
    for _place, host in killed(prepare):
        deploy(host, 3)
        host.elapse()
        trees.append(left(host))
    assert [sorted(tree ^ trees[0]) for tree in trees if tree != trees[0]] == []
    assert not [path for path in trees[0] if "r1" in path or "unfinished" in path]


def test_a_hook_that_was_killed_is_run_again_and_one_that_failed_is_not(host, run, monkeypatch):
    run(host.candidate("one", "r1"))
    calls = []

    def hooks(kind, *_args):
        calls.append(kind)
        if len(calls) < 3:
            raise [KeyboardInterrupt, CommandError("it ended with 3")][len(calls) - 1]

    monkeypatch.setattr(deploy_module, "run_hooks", hooks)
    with monkeypatch.context() as dead:
        for module in (deploy_module, attempt):
            dead.setattr(module, "finish", lambda _pending: None)
        with pytest.raises(KeyboardInterrupt):
            run(host.candidate("two", "r2"))
    with pytest.raises(DeployError, match="it ended with 3"):
        run(host.candidate("two", "r2"))
    assert not run(host.candidate("two", "r2")).changed
    assert len(calls) == 2


def test_what_was_never_completed_goes_with_the_next_run(host, run):
    """Killed before its configuration has a name, an instance is known by nothing."""
    run(host.candidate("one", "r1"))
    app, root = host.app(), Path(host.app()["root"])
    for place, name in (
        (app["config_dir"], ".two.ini"),
        (app["config_dir"], ".three.env"),
        (root, ".current"),
        (root / "public", ".previous"),
    ):
        Path(place, f"{name}.partial").touch()
    Path(app["run_dir"], ".uwsgi.sock.partial").symlink_to("two.sock")
    (root / "public/two/static").mkdir(parents=True)
    (root / ".env").touch()
    run(host.candidate("four", "r4"))
    serves(host, "four", "r4")
    assert not [path for path in host.tree() if ".partial" in path or "/two" in path]
    assert sorted(path.name for path in (root / "public").iterdir()) == ["current", "four", "one", "previous"]
    assert (root / ".env").exists(), "it is somebody's own"


def test_a_full_disk_leaves_what_serves_and_is_told(host, run, monkeypatch):
    run(host.candidate("one", "r1"))
    before = host.tree()
    two = host.candidate("two", "r2")
    monkeypatch.setattr(two, "write", lambda: (_ for _ in ()).throw(OSError(28, "No space left on device", "two.ini")))
    with pytest.raises(DeployError, match=r"^shop: \[Errno 28\] No space left on device: 'two.ini'\nNothing was switched"):
        run(two)
    serves(host, "one", "r1")
    after = host.tree()
    assert {path for path in after if "two" in path} == set()
    assert after.keys() == before.keys()


def test_wherever_a_run_is_killed_the_instance_before_is_known(killed, run):
    def prepare(host):
        run(host.candidate("one", "r1"))
        two = host.candidate("two", "r2")
        return lambda: run(two)

    for _place, host in killed(prepare):
        run(host.candidate("two", "r2"))
        assert previous_id(host.app()) == "one"
        assert read_link(f"{host.app()['root']}/public/previous") == "one"


def test_wherever_going_back_is_killed_the_site_serves(killed, run, back):
    def prepare(host):
        run(host.candidate("one", "r1"))
        run(host.candidate("two", "r2"))
        host.elapse()
        return lambda: back(host.app())

    for _place, host in killed(prepare):
        if serving(host) == "two":
            back(host.app())
        assert serving(host) == "one"


def test_wherever_going_back_is_killed_after_the_switch_it_is_not_undone(killed, run, back):
    def prepare(host):
        run(host.candidate("one", "r1"))
        run(host.candidate("two", "r2"))
        return lambda: back(host.app())

    for _place, host in killed(prepare):
        if serving(host) == "one":
            run(host.candidate("two", "r2"))
            assert serving(host) == "one"


def test_wherever_going_back_is_killed_the_release_that_serves_is_told(killed, run, back):
    def prepare(host):
        run(host.candidate("one", "r1"))
        run(host.candidate("two", "r2"))
        return lambda: back(host.app())

    for _place, host in killed(prepare):
        run(host.candidate("two", "r2"))
        assert read_link(f"{host.app()['root']}/current") == {"one": "releases/r1", "two": "releases/r2"}[serving(host)]


def test_wherever_a_bad_run_is_killed_the_site_serves(killed, run):
    def prepare(host):
        run(host.candidate("one", "r1"))
        host.behave("flask-shop@two.service", 500)
        two = host.candidate("two", "r2", unit="unit 2")

        def act():
            with pytest.raises(DeployError):
                run(two)

        return act

    for _place, host in killed(prepare):
        assert serving(host) == "one"
        run(host.candidate("three", "r3"))
        serves(host, "three", "r3")
        host.elapse()
        run(host.candidate("four", "r4"))
        host.elapse()
        assert not host.is_running("flask-shop@two.service")


def test_wherever_an_application_is_killed_as_it_goes_the_next_run_finishes(killed, run):
    def prepare(host):
        run(host.candidate("one"), host.candidate("one", name="blog"))
        blog = absent(host)
        return lambda: run(absent=[blog])

    for _place, host in killed(prepare):
        blog = {**absent(host, "shop"), **{key: f"{host.place}/{key}/blog" for key in ("root", "config_dir", "run_dir")}, "name": "blog"}
        run(absent=[blog])
        assert run(absent=[blog]).changed is False
        assert not [name for name in host.tree() if "blog" in name and "service.d/" not in name]
        assert not [unit for unit in host.units if "blog" in unit and host.is_running(unit)]
        assert not [unit for unit in host.enabled() if "blog" in unit]
        serves(host, "one", "r1")


def test_wherever_pruning_is_killed_the_next_run_finishes(killed, run):
    def prepare(host):
        for name, release in (("one", "r1"), ("two", "r2")):
            run(host.candidate(name, release, keep_releases=2))
            host.elapse()
        three = host.candidate("three", "r3", keep_releases=2)
        return lambda: run(three)

    for _place, host in killed(prepare):
        for name, release in (("three", "r3"), ("four", "r4")):
            run(host.candidate(name, release, keep_releases=2))
            host.elapse()
        assert not [name for name in host.tree() if "one." in name]
