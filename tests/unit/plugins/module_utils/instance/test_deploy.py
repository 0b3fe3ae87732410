# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Deployments: what a run leaves, and what is left of one that fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app import history
from ansible_collections.flaskops.stack.plugins.module_utils.instance.attempt import RunResult
from ansible_collections.flaskops.stack.plugins.module_utils.instance.deploy import last_built
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import DeployError
from ansible_collections.flaskops.stack.tests.unit.runs import serves


def test_a_first_deployment_serves_the_instance(host, run):
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
    assert outcome == RunResult(False, {"shop": {"id": "one", "switched": False}}, [], [], [], {})
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


def test_the_socket_link_moves_only_after_the_gate(host, run, monkeypatch):
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


def test_check_mode_reports_the_switch_and_changes_nothing(host, run):
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
def test_a_bad_candidate_leaves_the_live_instance_untouched(host, run, behaviour):
    run(host.candidate("one", "r1"))
    before = host.tree("history.jsonl")
    units = dict(host.units)
    two = host.candidate("two", "r2", unit="unit 2")
    host.behave(two.unit, *behaviour.pop("answers", []), **behaviour)
    with pytest.raises(DeployError, match=r"(?i)^shop: .*(\n)?the candidate two .* The live instance was not touched"):
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


def test_the_same_candidate_can_be_deployed_after_it_was_refused(host, run):
    two = host.candidate("two", "r2")
    host.behave(two.unit, 500)
    with pytest.raises(DeployError):
        run(two)
    host.behave(two.unit, 200)
    run(host.candidate("two", "r2"))
    serves(host, "two", "r2")


def test_the_message_names_every_bad_application(host, run):
    for name in ("shop", "blog"):
        host.behave(f"flask-{name}@two.service", 500)
    with pytest.raises(DeployError, match=r"(?s)shop: the candidate.*blog: the candidate"):
        run(host.candidate("two"), host.candidate("two", name="blog"))


def test_only_applications_that_change_are_started(host, run):
    run(host.candidate("one"), host.candidate("one", name="blog"))
    host.events.clear()
    outcome = run(host.candidate("two", "r2"), host.candidate("one", name="blog"))
    assert not [event for event in host.events if "blog" in event]
    assert outcome.instances == {"shop": {"id": "two", "switched": True}, "blog": {"id": "one", "switched": False}}


def test_an_instance_that_was_stopped_by_hand_is_started_again(host, run):
    one = host.candidate("one")
    run(one)
    host._stop([one.unit])
    assert run(one).changed
    serves(host, "one", "r1")


def test_a_live_instance_that_systemd_has_restarted_needs_nothing(host, run):
    one = host.candidate("one")
    run(one)
    host.units[one.unit]["NRestarts"] = "3"
    assert not run(one).changed
    # A run that has to mend a file must not take its earlier restarts for those of a bad candidate.
    (host.unit_dir / "flask-shop@.service").write_text("by hand")
    assert run(one).changed
    serves(host, "one", "r1")


def test_a_file_that_was_changed_by_hand_is_restored(host, run):
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


def test_an_old_instance_that_would_start_at_boot_is_disabled(host, run):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2"))
    host.elapse()
    host._enable("flask-shop@one.service")
    assert run(host.candidate("two", "r2")).changed
    assert host.enabled() == {"flask-shop@two.service"}
    assert not run(host.candidate("two", "r2")).changed


def test_an_old_instance_that_nothing_stops_is_drained(host, run):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2"))
    host.elapse()
    host._start(["flask-shop@one.service"])
    assert run(host.candidate("two", "r2")).changed
    host.elapse()
    assert not host.is_running("flask-shop@one.service")
    serves(host, "two", "r2")


STATIC = {"nginx": {"routes": [{"path": "/"}, {"path": "/static/", "mode": "static", "directory": "web"}]}}


def test_static_files_change_with_the_switch_and_the_previous_ones_stay(host, run):
    run(host.candidate("one", "r1", **STATIC))
    run(host.candidate("two", "r2", **STATIC))
    public = Path(host.app()["root"], "public")
    assert (public / "current/static/style.css").read_text() == "r2"
    assert (public / "previous/static/style.css").read_text() == "r1"


def test_a_missing_directory_of_static_files_is_reported_before_anything_starts(host, run):
    run(host.candidate("one", "r1"))
    before = host.tree("history.jsonl", "public")
    two = host.candidate("two", "r2", nginx={"routes": [{"path": "/static/", "mode": "static", "directory": "nothing"}]})
    host.events.clear()
    with pytest.raises(DeployError, match="^shop.nginx.routes: 'nothing' of the route /static/ is not a directory of the release; correct"):
        run(two)
    assert host.tree("history.jsonl", "public") == before
    assert not [event for event in host.events if event.startswith(("start", "enable"))]
    serves(host, "one", "r1")


def test_the_release_that_was_built_last_is_found(host):
    app = host.app()
    with pytest.raises(DeployError, match=rf"^shop: no release stands in {app['root']}; run the role flask_app before, or point"):
        last_built(app["name"], app["root"])
    host.build(app, "r1")
    host.build(app, "r2")
    assert last_built(app["name"], app["root"])._asdict() == {
        "id": "r2",
        "path": f"{app['root']}/releases/r2",
        "virtualenv_path": f"{app['root']}/venvs/v-r2",
        "callable": "",
        "revision": "rev r2",
        "imports": "",
    }


def test_every_attempt_is_in_the_history(host, run):
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
