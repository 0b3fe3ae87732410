"""The status of releases: the history, the table, and changes that somebody made by hand."""

from __future__ import annotations

import json

import jsonschema
import pytest
from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.driver import APP, NEIGHBOUR, Site
from ansible_collections.flaskops.stack.tests.harness.controller import CHECKOUT
from ansible_collections.flaskops.stack.tests.harness.host import State

FIELDS = {"time", "action", "release", "revision", "who", "result", "reason", "seconds"}
COLUMNS = ("host", "app", "state", "release", "revision", "age", "workers", "busy", "requests", "earlier", "last attempt", "notes")


@pytest.fixture(scope="module")
def by_hand(site: Site) -> dict[str, str]:
    """Files of live instances that somebody has changed, by host."""
    found = {host.name: f"/etc/flask/{APP}/{host.look()['live']}.ini" for host in site.hosts}
    for host in site.hosts:
        host.run("sh", "-c", f"echo 'processes = 7' >> {found[host.name]}")
    return found


@pytest.fixture(scope="module")
def status(site: Site, by_hand: dict[str, str]) -> State:
    """status.yml writes a file and prints lines."""
    target = site.directory / "status.json"
    run = site.run("status", status_json=str(target)).require_success()
    tasks = {task["task"]["name"]: task["hosts"] for play in json.loads(run.output)["plays"] for task in play["tasks"]}
    (shown,) = tasks["Show the table of all hosts"].values()
    # The file is written on the controller.
    changed = {task for tasks_of_host in run.changed.values() for task in tasks_of_host} - {"Write everything as JSON"}
    return {"table": shown["msg"], "written": json.loads(target.read_text()), "changed": changed}


def test_every_attempt_is_in_the_history(site: Site) -> None:
    for host in site.hosts:
        entries = host.look()["history"]
        assert entries, f"{host}: the history is empty"
        for entry in entries:
            missing = FIELDS - set(entry)
            assert not missing, f"{host}: an attempt has no {missing}: {entry}"
            assert entry["seconds"], f"{host}: an attempt took no time: {entry}"
            assert (entry["result"] == "live") != bool(entry["reason"]), f"{host}: result and reason do not fit: {entry}"
        times = [entry["time"] for entry in entries]
        assert times == sorted(times), f"{host}: the history is not in order: {times}"


def test_the_status_tells_what_is_there(site: Site, status: State) -> None:
    for host in site.hosts:
        told, state = status["written"][host.name][APP], host.look()
        assert told["live"] == state["live"], f"{host}: {told['live']} is live, it says"
        assert told["release"]["id"] == state["current"], f"{host}: {told['release']} is current, it says"
        assert told["release"]["revision"].startswith("sha256:"), f"{host}: the revision is {told['release']['revision']}"
        assert told["history"][0] == state["history"][-1], f"{host}: the last attempt is {told['history'][0]}, it says"
        live = told["instances"][told["live"]]
        assert len(live["workers"]) == 1, f"{host}: workers are {live['workers']}"
        assert live["requests"] > 0, f"{host}: there was no request, it says: {live}"
        assert set(told["instances"]) == set(state["instances"]), f"{host}: instances are {told['instances'].keys()}, it says"


def test_the_file_keeps_to_its_schema(status: State) -> None:
    schema = json.loads((CHECKOUT / "docs/monitoring/status.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(status["written"])


def test_the_table_has_a_line_for_each(site: Site, status: State) -> None:
    header, *rows = status["table"]
    missing = [column for column in COLUMNS if column not in header]
    assert not missing, f"the table has no columns {missing}: {header}"
    for host in site.hosts:
        for name in (APP, NEIGHBOUR):
            lines = [row for row in rows if row.split()[:2] == [host.name, name]]
            assert len(lines) == 1, f"{host}: the table has {len(lines)} lines of {name}: {rows}"
            assert " active " in lines[0], f"{host}: {name} is not active: {lines[0]}"


def test_what_is_changed_by_hand_is_shown_and_mended(site: Site, by_hand: dict[str, str], status: State) -> None:
    """Without a lost request, and without a new process."""
    before = site.look()
    for host in site.hosts:
        path = by_hand[host.name]
        told = status["written"][host.name][APP]["changed_by_hand"]
        assert told == [path], f"{host}: changed by hand is {told}, it says, not {path}"
        assert any(f"changed by hand: {path}" in row for row in status["table"]), f"{host}: the table does not show it: {status['table']}"
    assert not status["changed"], f"looking changed something: {status['changed']}"
    with site.load() as load:
        run = site.run().require_success()
        for host in site.hosts:
            load.require_no_loss(host, run.began, run.ended, [host.page()["page"]])
            text = host.run("cat", by_hand[host.name])
            assert "processes = 7" not in text, f"{host}: the file was not mended: {text}"
            state = host.look()
            assert state["unit"] == before[host.name]["unit"], f"{host}: the instance was started anew: {state['unit']}"
    site.run().require_success().require_nothing_changed("the file was mended")
