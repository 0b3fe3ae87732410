"""Bad releases and good ones in turn, asked all the time: no bad one ever answers, and no request is lost over a good one.

Five applications take their turns in the same runs, each with faults and changes of its own. So in every run some fail beside others that
are replaced, and each has a message and an end of its own.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Sequence

import pytest
from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.driver import APP, Site
from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.messages import require_failure_at_the_end, require_failures
from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.turns import (
    BAD,
    DEPENDENCY,
    GOOD,
    ROUND,
    RUNS,
    TURNS,
    Bad,
    Book,
    Good,
    patience,
)
from ansible_collections.flaskops.stack.tests.harness.controller import Run
from ansible_collections.flaskops.stack.tests.harness.host import CHECKOUT, Host, State
from ansible_collections.flaskops.stack.tests.harness.load import percentile
from ansible_collections.flaskops.stack.tests.harness.source import Description, Source, changed

# Around a switch: the candidate starts before it, the old instance drains after it.
SECONDS_AROUND = 2
# Requests a second to each application of each host.
RATE = 10


@pytest.fixture(scope="module")
def books(site: Site) -> Iterator[dict[str, Book]]:
    """All applications with their first releases, asked all the time, for some seconds at rest first."""
    site.publish(DEPENDENCY, "1.0", {f"{DEPENDENCY}.py": 'VERSION = "1.0"\n'})
    sources = {name: site.source if name == APP else Source(site.directory, CHECKOUT / "tests/apps/ledger") for name in TURNS}
    sources["notebook"].require(f"{DEPENDENCY}==1.0")
    apps = {
        name: site.app if name == APP else changed(site.first, name=name, source=source.path, nginx={"server_names": [name]})
        for name, source in sources.items()
    }
    deploy(site, list(apps.values())).require_success()
    with contextlib.ExitStack() as stack:
        found = {name: Book(name, sources[name], apps[name], stack.enter_context(site.load(RATE, name))) for name in TURNS}
        time.sleep(2)
        for book in found.values():
            book.load.rested = time.time()
        yield found
    gone: list[Description] = [{"name": name, "state": "absent", "purge": True} for name in TURNS if name != APP]
    deploy(site, [site.app, *gone]).require_success()


@pytest.fixture(scope="module")
def seconds(site: Site, books: dict[str, Book]) -> int:
    """How long bad releases are at the gate that wait there, by what the first releases took on this machine."""
    firsts = [state["history"][0] for states in site.look_at(list(books)).values() for state in states.values()]
    return patience(first["seconds"]["gate"] for first in firsts)


def deploy(site: Site, apps: Sequence[Description]) -> Run:
    """Deploy applications, of which the first one is the application of all proofs."""
    return site.run("site", apps[0], others=apps[1:])


@pytest.mark.parametrize("number", range(len(RUNS)), ids=[", ".join(run.values()) for run in RUNS])
def test_run(site: Site, books: dict[str, Book], seconds: int, number: int) -> None:
    bad = {name: BAD[what] for name, what in RUNS[number].items() if what in BAD}
    good = {name: GOOD[what] for name, what in RUNS[number].items() if what in GOOD}
    before, old = site.look_at(list(books)), {name: pages(site, name) for name in books}
    apps = {name: spoiled(books[name], bad[name], seconds) if name in bad else good[name].change(books[name]) for name in books}
    run = deploy(site, list(apps.values()))
    after = site.look_at(list(books))
    require_failures(site, run, {name: release.message(seconds) for name, release in bad.items()}, books)
    require_failure_at_the_end(site, run)
    for name in bad:
        require_refused(site, run, books[name], bad[name], before[name], after[name], old[name])
    for name in good:
        books[name].app = apps[name]
        require_replaced(site, run, books[name], good[name], before[name], after[name], old[name])
    require_no_waiting(site, bad, after)
    site.app = books[APP].app
    if (number + 1) % ROUND == 0:
        deploy(site, [book.app for book in books.values()]).require_success().require_nothing_changed("all good releases are deployed")


def pages(site: Site, name: str) -> dict[str, str]:
    """Return by host the page that an application answers with."""
    return {host.name: host.page(name)["page"] for host in site.hosts}


def spoiled(book: Book, bad: Bad, seconds: int) -> Description:
    """Return the description of a bad release, which is at the gate for some seconds if it waits there."""
    source = book.source.copy()
    source.write("bad", bad.code)
    source.require(*bad.requires)
    return bad.described(changed(book.app, source=source.path), seconds)


def require_no_waiting(site: Site, bad: dict[str, Bad], after: dict[str, dict[str, State]]) -> None:
    """Require that good releases are switched to while bad ones are at the gate still."""
    for host in site.hosts:
        gates = {name: state[host.name]["history"][-1]["seconds"].get("gate", 0) for name, state in after.items()}
        slowest = max(seconds for name, seconds in gates.items() if name not in bad)
        waited = [gates[name] for name, release in bad.items() if release.waits]
        assert all(slowest < seconds for seconds in waited), f"{host}: good releases waited for bad ones at the gate: {gates}"


def require_refused(
    site: Site, run: Run, book: Book, bad: Bad, before: dict[str, State], now: dict[str, State], old: dict[str, str]
) -> None:
    """Require that a bad release leaves nothing, and nobody but the old release has ever answered."""
    for host in site.hosts:
        was, after = before[host.name], now[host.name]
        book.load.require_no_loss(host, run.began, run.ended, [old[host.name]])
        left = differences(was, after)
        assert not left, f"{host}: {book.name}: a failed release left or took something: {left}"
        assert after["unit"] == was["unit"], f"{host}: the live instance was touched: {was['unit']} before, {after['unit']} after"
        tried = after["history"][len(was["history"]) :]
        assert [entry["result"] for entry in tried] == ["failed"] * bad.tried, f"{host}: the history has {tried}"
        assert all(any(words in entry["reason"] for words in bad.says) for entry in tried), f"{host}: the history does not say why: {tried}"


def differences(before: State, after: State) -> list[str]:
    """Return what a failed run must leave as it was. Sockets and timers of older instances may go meanwhile."""
    found = [
        f"{key} was {before[key]} and is {after[key]}"
        for key in ("live", "previous", "current", "next", "root")
        if before[key] != after[key]
    ]
    found += [
        f"{key} were {before[key]} and are {after[key]}" for key in ("releases", "virtualenvs", "instances") if before[key] != after[key]
    ]
    paths = before["files"].keys() | after["files"].keys()
    found += [f"file {path}" for path in sorted(paths) if before["files"].get(path) != after["files"].get(path)]
    found += [f"socket {name}" for name in after["sockets"] if name not in before["sockets"]]
    found += [f"unit {name}" for name in after["units"] if name not in before["units"]]
    return found


def require_replaced(
    site: Site, run: Run, book: Book, good: Good, before: dict[str, State], now: dict[str, State], old: dict[str, str]
) -> None:
    """Require that a good release makes what is new and nothing else, and that it or the one before has answered every request."""
    root = f"/srv/flask/{book.name}"
    for host in site.hosts:
        was, after, answer = before[host.name], now[host.name], host.page(book.name)
        book.load.require_no_loss(host, run.began, run.ended, [old[host.name], answer["page"]])
        require_new(host, was, after, good.makes)
        built = sorted(
            f"{root}/{'venvs' if kind == 'virtualenvs' else kind}/{name}" for kind in good.makes[:-1] for name in new(was, after, kind)
        )
        made = sorted(path for path in run.made[host.name] if path.startswith(f"{root}/") and path != f"{root}/next")
        assert made == built, f"{host}: the run says that it made {made}, but new are {built}"
        deployed = {"mode": book.app["env"]["LEDGER_MODE"], "secret": book.app["secrets"]["LEDGER_SECRET"]}
        assert {key: answer[key] for key in deployed} == deployed, f"{host}: {answer} answers"
        assert "releases" not in good.makes or answer["page"] in (book.source.root / "page.py").read_text(), f"{host}: {answer} answers"
        book.load.switches.setdefault(host.name, []).append(after["switched"])
        tried = after["history"][len(was["history"]) :]
        assert [(entry["action"], entry["result"], entry["instance"]) for entry in tried] == [("deploy", "live", after["live"])], tried
    require_hooks(book, before, now, "releases" in good.makes)


def new(before: State, after: State, kind: str) -> list[str]:
    return sorted(set(after[kind]) - set(before[kind]))


def require_new(host: Host, before: State, after: State, makes: Collection[str]) -> None:
    """Require one more of each kind and no more of the others, and that requests go to it."""
    for kind in ("virtualenvs", "releases", "instances"):
        found = new(before, after, kind)
        assert len(found) == (kind in makes), f"{host}: new {kind} are {found or 'none'}, where there should be {int(kind in makes)}"
    assert [after["live"]] == new(before, after, "instances"), f"{host}: {after['live']} is live"
    assert after["previous"] == before["live"], f"{host}: the previous instance is {after['previous']}, but {before['live']} was live"
    assert "releases" not in makes or [after["current"]] == new(before, after, "releases"), f"{host}: current is {after['current']}"


def require_hooks(book: Book, before: dict[str, State], after: dict[str, State], released: bool) -> None:
    """Require that hooks ran as often, in the order, as the user, in the directory and with the environment they must."""
    root = f"/srv/flask/{book.name}"
    lines = {name: state["hooks"][len(before[name]["hooks"]) :] for name, state in after.items()}
    migrations = [line for found in lines.values() for line in found if line["kind"] == "migrate"]
    assert len(migrations) == released, f"there were {len(migrations)} migrations for {len(lines)} hosts: {lines}"
    for name, state in after.items():
        kinds = [line["kind"] for line in sorted(lines[name], key=lambda line: line["time"]) if line["kind"] != "migrate"]
        assert kinds == ["build", "after_switch"][not released :], f"{name}: the hooks {kinds} ran"
        for line in lines[name]:
            place = f"{root}/releases/{'.' if line['kind'] == 'build' else ''}{state['current']}"
            wanted = {
                "user": f"flask-{book.name}",
                "directory": place,
                "mode": book.app["env"]["LEDGER_MODE"],
                "secret": book.app["secrets"]["LEDGER_SECRET"],
            }
            assert {key: line[key] for key in wanted} == wanted, f"{name}: the hook ran with {line}, not with {wanted}"
            assert line["prefix"].startswith(f"{root}/venvs/"), f"{name}: the hook ran with the Python of {line['prefix']}"
            if line["kind"] == "after_switch":
                assert line["time"] > state["switched"], f"{name}: the hook after_switch ran before the switch"
        built = [line["time"] for line in lines[name] if line["kind"] == "build"]
        assert all(max(built) < line["time"] < state["switched"] for line in migrations), f"{name}: the migration was not between: {lines}"


def test_delays(site: Site, books: dict[str, Book], figure: Callable[[str], None]) -> None:
    """Nothing was lost over all of it; how late answers were is for people to judge, on the machine they know."""
    for host in site.hosts:
        rest, around, samples = [], [], []
        for book in books.values():
            own = book.load.samples(host)
            switches = book.load.switches[host.name]
            assert len(switches) == ROUND, f"{host}: {len(switches)} switches of {book.name} were seen, not {ROUND}"
            lost = [sample for sample in own if sample.status != 200]
            assert not lost, f"{host}: {len(lost)} of {len(own)} requests to {book.name} were lost: {lost[:3]}"
            rest += [sample for sample in own if sample.due < book.load.rested]
            around += [sample for sample in own if any(abs(sample.due - moment) <= SECONDS_AROUND for moment in switches)]
            samples += own
        figure(
            f"{host}: {len(GOOD)} switches, 0 of {len(samples)} requests lost; p99 at rest {percentile(rest, 99):.0f} ms (median"
            f" {percentile(rest, 50):.0f}), within {SECONDS_AROUND} s of a switch {percentile(around, 99):.0f} ms (median"
            f" {percentile(around, 50):.0f}), at any time of the runs {percentile(samples, 99):.0f} ms"
        )
