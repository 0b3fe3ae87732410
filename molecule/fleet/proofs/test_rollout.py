"""A good release, one that fails on a server, one that visitors get errors from, and a server that is away."""

from __future__ import annotations

import json
import re
import time

from ansible_collections.flaskops.stack.molecule.fleet.proofs.driver import FAILS_SOMEWHERE, HANGS, RATE, Fleet
from ansible_collections.flaskops.stack.plugins.module_utils.host.kept_program import ANSWER, BEGUN
from ansible_collections.flaskops.stack.plugins.module_utils.host.kept_program import ROOT as PROGRAMS
from ansible_collections.flaskops.stack.tests.harness.controller import Run
from ansible_collections.flaskops.stack.tests.harness.host import until
from ansible_collections.flaskops.stack.tests.harness.source import changed

SOAK = 6


def require_outcome(run: Run, *rows: str) -> None:
    """Require that the last table of a run has these rows, whatever is between their columns."""
    table = run.output.rpartition("host ")[2]
    found = [" ".join(line.strip(" -'\",").split()) for line in table.splitlines()]
    missing = [row for row in rows if not any(row in line for line in found)]
    assert not missing, f"the last table has no rows {missing}: {found[:12]}; {run.output[-3000:]}"


def test_a_good_release_reaches_all_servers(fleet: Fleet):
    """One server comes first, the others after the visitors were watched; nobody notices, and one server has migrated for all."""
    began, before = time.time(), fleet.pages()
    migrated = fleet.migrations()
    page = fleet.source.write("good")
    run = fleet.rollout(fleet.app, "1,100%", SOAK).require_end()
    assert fleet.pages() == [page] * 3
    assert fleet.migrations() == migrated + 1
    require_outcome(run, *(f"{host.name} ledger switched" for host in fleet.hosts))
    first, *others = (host.look()["switched"] for host in fleet.hosts)
    assert min(others) > first + SOAK, f"the second batch was switched {min(others) - first:.1f} s after the first"
    for host in fleet.hosts:
        fleet.load.require_no_loss(host, began, time.time() - 1, [*before, page])


def test_a_release_that_fails_on_one_server_leaves_its_whole_batch(fleet: Fleet):
    """Its health page fails on the second server, so the third one goes back; the first batch had been good."""
    began, before = time.time(), fleet.pages()
    page = fleet.source.write("fails", FAILS_SOMEWHERE)
    _first, second, third = fleet.hosts
    run = fleet.rollout(fleet.app, "1,100%", SOAK, fails_on=second)
    assert run.code == 2, run.output[-3000:]
    assert fleet.pages() == [page, before[1], before[2]]
    require_outcome(run, f"{second.name} ledger failed: ledger: the candidate", f"{third.name} ledger switched, then taken back")
    assert "the batch was taken back" in run.output
    for host in fleet.hosts:
        fleet.load.require_no_loss(host, began, time.time() - 1, [*before, page])


def test_a_release_that_visitors_get_errors_from_is_taken_back(fleet: Fleet):
    """It passes its health request and answers 500 to everybody else. The other servers never get it."""
    began, before = time.time(), fleet.pages()
    fleet.source.write("broken")
    first, *others = fleet.hosts
    run = fleet.rollout(changed(fleet.app, env={"LEDGER_MODE": None}, hooks=None), "1,100%", SOAK)
    ended = time.time()
    assert run.code == 2, run.output[-3000:]
    assert fleet.pages() == before
    require_outcome(run, f"{first.name} ledger switched, then taken back", *(f"{host.name} - not deployed in this run" for host in others))
    assert "requests were answered with a server error, and 0 of" in run.output
    failed = [sample for sample in fleet.load.samples(first, began, ended) if sample.status != 200]
    assert {sample.status for sample in failed} == {500}
    assert len(failed) < RATE * (ended - began), "all of the run's requests failed"
    for host in others:
        fleet.load.require_no_loss(host, began, ended - 1, before)


def test_a_release_whose_pages_hang_is_taken_back(fleet: Fleet):
    """nginx has logged none of the requests that wait, so that there is no error and no slow answer."""
    before = fleet.pages()
    fleet.source.write("hangs", HANGS)
    first, *others = fleet.hosts
    run = fleet.rollout(fleet.app, "1,100%", 12)
    assert run.code == 2, run.output[-3000:]
    require_outcome(run, f"{first.name} ledger switched, then taken back", *(f"{host.name} - not deployed in this run" for host in others))
    assert re.search(r"\d requests had an answer, and \d+ before, and \d+ wait for theirs", run.output), run.output[-3000:]
    assert fleet.pages() == before
    run = fleet.rollout(fleet.app, "1,100%", 0)
    assert run.code == 2, "the servers that have not rejected the release must not get it"
    require_outcome(
        run, f"{first.name} ledger keeps its release: ledger: ", *(f"{host.name} - not deployed in this run" for host in others)
    )
    assert "is not deployed again" in run.output


def test_a_server_that_is_lost_after_its_switch_ends_the_run(fleet: Fleet):
    """The release may be why it is lost, so the others of its batch go back, and no further server gets it; nobody has found fault with it."""
    began, before = time.time(), fleet.pages()
    page = fleet.source.write("lost")
    first, lost, last = fleet.hosts
    going = fleet.begin_rollout(fleet.app, "2,100%", 12)
    fleet.come_to_soak(going)
    # With the connections that Ansible keeps for later tasks.
    lost.shell("systemctl stop ssh.socket ssh.service; pkill -u deploy -f sshd || true")
    try:
        run = going.wait()
    finally:
        lost.run("systemctl", "start", "ssh.service")
    assert run.code != 0
    require_outcome(
        run,
        f"{first.name} ledger switched, then taken back",
        f"{lost.name} ledger switched, and goes back by itself if there was a release before: the server could not be reached any more",
        f"{last.name} - not deployed in this run",
    )
    assert f"{lost.name}: it could not be reached any more after it was switched" in run.output
    lost.run("systemctl", "start", "flask-ledger.trial.service")
    assert until(lambda: fleet.pages() == before, 600), fleet.pages()
    for host in fleet.hosts:
        fleet.load.require_no_loss(host, began, time.time() - 1, [*before, page])
    fleet.rollout(fleet.app, "100%", 0).require_end()
    assert fleet.pages() == [page] * 3, "the next run deploys it"


def test_a_part_of_a_deployment_is_judged_too(fleet: Fleet):
    """With tags of the roles alone, the switch is confirmed all the same."""
    page = fleet.source.write("by tags")
    run = fleet.rollout(fleet.app, "100%", 0, tags="flask_app,uwsgi_service").require_end()
    require_outcome(run, *(f"{host.name} ledger switched" for host in fleet.hosts))
    assert fleet.pages() == [page] * 3
    assert [host.shell("ls /etc/flask/ledger/trial.json || true").strip() for host in fleet.hosts] == [""] * 3


def test_a_server_goes_back_by_itself_when_the_run_was_killed(fleet: Fleet):
    """Nobody has judged the release, and nobody is there to take it back."""
    began, before = time.time(), fleet.pages()
    page = fleet.source.write("left alone")
    fleet.kill_rollout(fleet.app, trial=101)
    first = fleet.hosts[0]
    assert first.page()["page"] == page
    # The trial would last for as long as the soak; nobody has to wait for that here.
    first.run("systemctl", "start", "flask-ledger.trial.service")
    assert until(lambda: fleet.pages() == before, 600), fleet.pages()
    for host in fleet.hosts:
        fleet.load.require_no_loss(host, began, time.time() - 1, [*before, page])
    fleet.rollout(fleet.app, "1,100%", 0).require_end()
    assert fleet.pages() == [page] * 3, "the next run deploys it, since nobody has found fault with it"


def test_the_next_run_judges_what_a_killed_one_has_left(fleet: Fleet):
    """A good release stays, and one that visitors get errors from goes back, compared with the visitors before it."""
    page, first = fleet.source.write("judged later"), fleet.hosts[0]
    fleet.kill_rollout(fleet.app, trial=900)
    run = fleet.rollout(fleet.app, "1,100%", SOAK).require_end()
    require_outcome(run, f"{first.name} ledger was switched by a run that did not end", f"{fleet.hosts[1].name} ledger switched")
    assert fleet.pages() == [page] * 3
    timers = "systemctl list-timers --all --plain --no-legend 'flask-ledger.trial*'"
    assert [host.shell(timers).strip() for host in fleet.hosts] == [""] * 3

    fleet.source.write("broken and left alone")
    broken = changed(fleet.app, env={"LEDGER_MODE": None}, hooks=None)
    fleet.kill_rollout(broken, trial=900)
    run = fleet.rollout(broken, "1,100%", SOAK)
    assert run.code == 2, run.output[-3000:]
    require_outcome(run, f"{first.name} ledger was switched by a run that did not end, then taken back")
    assert fleet.pages() == [page] * 3


def test_nothing_to_change_watches_nobody(fleet: Fleet):
    """A run that switches nothing does not wait."""
    fleet.source.write("calm")
    fleet.rollout(fleet.app, "100%", 0).require_end()
    run = fleet.rollout(fleet.app, "1,100%", 300).require_end()
    require_outcome(run, *(f"{host.name} - nothing to switch" for host in fleet.hosts))
    assert run.changes == 0


def test_a_server_that_is_away_stops_nobody(fleet: Fleet):
    """It is left out and named, and gets the release with the next run."""
    away, *others = fleet.hosts
    page = fleet.source.write("later")
    # With the connections that Ansible keeps for later runs.
    away.shell("systemctl stop ssh.socket ssh.service; pkill -u deploy -f sshd || true")
    try:
        run = fleet.rollout(fleet.app, "1,100%", SOAK)
    finally:
        away.run("systemctl", "start", "ssh.service")
    assert run.code == 4, run.output[-3000:]
    second, third = (host.look()["switched"] for host in others)
    assert third > second + SOAK, "the batch of one server is one that can be reached"
    require_outcome(run, f"{away.name} - not deployed in this run", *(f"{host.name} ledger switched" for host in others))
    assert [host.page()["page"] for host in others] == [page] * 2
    fleet.rollout(fleet.app, "1,100%", 0).require_end()
    assert fleet.pages() == [page] * 3


def test_bad_input_is_told_before_anything_changes(fleet: Fleet):
    for batches, soak, says in (
        ("0,100%", 0, "batches is '0,100%', and '0' is no size"),
        ("1", -3, "soak is '-3', but must be a number of seconds"),
        ("1", "30 trial=30", "trial is '30', but must be more seconds than soak, such as -e trial=900, or 0."),
    ):
        run = fleet.rollout(fleet.app, batches, soak)
        assert run.code != 0
        assert says in run.output + run.errors


def test_a_server_is_asked_by_the_program_that_it_keeps(fleet: Fleet):
    """Runs over SSH send no code to look at a server: another program in that place answers for it, and one without an answer is replaced."""
    host = fleet.hosts[0]
    fleet.rollout(fleet.app, "100%", 0).require_end()
    (place,) = host.run("find", PROGRAMS, "-name", "__main__.py").split()
    assert host.run("stat", "-c", "%U %a", PROGRAMS).split() == ["root", "700"]
    kept = host.run("sha256sum", place)
    answer = ANSWER + json.dumps({"failed": True, "msg": "the program that is kept says no"})
    host.run("tee", place, given=f"print({BEGUN!r})\nprint({answer!r})\n")
    run = fleet.rollout(fleet.app, "100%", 0)
    assert run.code != 0
    assert "the program that is kept says no" in run.output
    host.run("tee", place, given="raise SystemExit(1)\n")
    assert fleet.rollout(fleet.app, "100%", 0).require_end().changes == 0
    assert host.run("sha256sum", place) == kept
