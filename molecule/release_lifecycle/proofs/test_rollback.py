"""Going back: where to, where not to, what a later deployment makes of it, and who may do it when."""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.driver import APP, Site
from ansible_collections.flaskops.stack.tests.harness.controller import Run
from ansible_collections.flaskops.stack.tests.harness.host import Host, State, until
from ansible_collections.flaskops.stack.tests.harness.source import changed

# Long enough for an instance to be running still when the next run comes.
LONG_DRAIN = 600
# How many releases are kept where nothing is said of it.
KEPT = 3
# Says who it is, takes the lock and keeps it until it is killed.
HOLD = """
import fcntl, json, os, time
file = open("/run/flaskops/lock", "a+")
fcntl.flock(file, fcntl.LOCK_EX)
file.truncate(0)
json.dump({"who": "somebody@elsewhere", "since": "2026-01-02T03:04:05Z", "pid": os.getpid()}, file)
file.flush()
print(os.getpid(), flush=True)
time.sleep(3600)
"""

Releases = dict[str, list[str]]


@pytest.fixture(scope="module")
def releases(site: Site) -> Releases:
    """Three releases by host, the oldest first, the last one live."""
    found: Releases = {name: [state["current"]] for name, state in site.look().items()}
    site.source.require()
    app = changed(site.first, source=site.source.path, drain_timeout=LONG_DRAIN)
    for number in range(1, 3):
        site.source.write(f"rollback {number}")
        site.deploy(app)
        for name, state in site.look().items():
            found[name].append(state["current"])
    return found


def back(site: Site, app: str = APP, limit: Host | None = None, release: t.Mapping[str, str] | None = None, **variables: t.Any) -> Run:
    """Go back, to a release for each host or to the previous one."""
    for name in release or {}:
        site.host_variables[name]["release"] = (release or {})[name]
    try:
        return site.run("rollback", limit=limit, app=app, **variables)
    finally:
        for name in release or {}:
            del site.host_variables[name]["release"]


def require_served(host: Host, release: str, state: State | None = None) -> None:
    """Require that a release is live and answers."""
    state = state or host.look()
    assert state["current"] == release, f"{host}: {state['current']} is live instead of {release}"
    text = host.run("cat", f"/srv/flask/{APP}/releases/{release}/page.py")
    assert host.page()["page"] in text, f"{host}: {host.page()} answers instead of {release}"


def test_to_the_previous_one_while_it_drains(site: Site, releases: Releases) -> None:
    """An instance that still runs is reactivated at once, and nothing stops it later."""
    before = site.look()
    back(site).require_success()
    for host in site.hosts:
        was, now = before[host.name], host.look()
        require_served(host, releases[host.name][1], now)
        pid = was["units"][f"flask-{APP}@{was['previous']}.service"]["MainPID"]
        assert now["unit"]["MainPID"] == pid, f"{host}: the previous instance was started anew, though it still ran"
        ending = [name for name in now["units"] if name.startswith(f"flask-{APP}-drain-{now['live']}")]
        assert not ending, f"{host}: {ending} is going to stop the live instance"
        assert set(now["rejected"]) - set(was["rejected"]) == {releases[host.name][2]}, f"{host}: rejected are {now['rejected']}"
        last = now["history"][-1]
        assert (last["action"], last["result"], last["release"]) == ("rollback", "live", releases[host.name][1]), f"{host}: {last}"


def test_what_was_rejected_does_not_come_back(site: Site, releases: Releases) -> None:
    run = site.run().require_success()
    run.require_nothing_changed("the release was rolled back")
    for host in site.hosts:
        require_served(host, releases[host.name][1])
        words = f"{releases[host.name][2]} was rolled back by"
        assert words in " ".join(run.said.split()), f"{host}: the run does not say that {words}: {run.said}"


def test_it_comes_back_when_told_to(site: Site, releases: Releases) -> None:
    site.run(uwsgi_service_allow_rejected=True).require_success()
    for host in site.hosts:
        state = host.look()
        require_served(host, releases[host.name][2], state)
        assert releases[host.name][2] not in state["rejected"], f"{host}: rejected are {state['rejected']} still"


def test_to_a_named_one(site: Site, releases: Releases) -> None:
    back(site, release={name: found[0] for name, found in releases.items()}).require_success()
    for host in site.hosts:
        require_served(host, releases[host.name][0])


def test_new_code_is_deployed_after_that(site: Site, releases: Releases) -> None:
    page = site.source.write("after going back")
    site.deploy(site.app)
    for host in site.hosts:
        assert host.page()["page"] == page, f"{host}: {host.page()} answers"
        rejected = host.look()["rejected"]
        assert releases[host.name][2] in rejected, f"{host}: what was gone back from is not rejected: {rejected}"


def test_only_a_setting_is_taken_back(site: Site, releases: Releases) -> None:
    """The rollback rejects the instance, since the release is the same before and after."""
    site.deploy(changed(site.app, env={"LEDGER_MODE": "loud"}))
    left = {name: state["live"] for name, state in site.look().items()}
    back(site).require_success()
    for host in site.hosts:
        assert host.page()["mode"] == "calm", f"{host}: the setting was not rolled back: {host.page()}"
        assert left[host.name] in host.look()["rejected"], (
            f"{host}: rejected are {host.look()['rejected']}, not the instance {left[host.name]}"
        )
    site.run().require_success().require_nothing_changed("the setting was rolled back")


def gone(site: Site, host: Host) -> tuple[str, str]:
    """Return a release of a host that was pruned, and one that was never healthy; make what its history has not."""

    def find() -> tuple[str, str]:
        state = host.look()
        results: dict[str, set[str]] = {}
        for entry in state["history"]:
            results.setdefault(entry["release"], set()).add(entry["result"])
        away = {release: result for release, result in results.items() if release not in state["releases"]}
        pruned = next((release for release, result in away.items() if "live" in result), "")
        return pruned, next((release for release, result in away.items() if result == {"failed"}), "")

    if not all(find()):
        bad = site.source.copy()
        bad.write("never healthy", "import ledger_paper\n")
        site.run(described=changed(site.app, source=bad.path)).require_failure(host, APP, "No module named 'ledger_paper'")
        # Without the long drain time of those before, instances end, and their releases go.
        for number in range(site.app.get("keep_releases", KEPT) + 1):
            site.source.write(f"after it {number}")
            site.deploy(changed(site.app, drain_timeout=1))
    pruned, failed = find()
    assert pruned, f"{host}: no release was pruned: {host.look()['releases']}"
    assert failed, f"{host}: no release has failed and gone: {host.look()['history'][-6:]}"
    return pruned, failed


def refusals(site: Site, host: Host) -> list[tuple[str, str]]:
    """Return releases that a host cannot go back to, each with the words that say why."""
    pruned, failed = gone(site, host)
    current = host.look()["current"]
    return [
        ("0123456789ab", "0123456789ab is not on this host"),
        (current, f"{current} is live already"),
        (pruned, f"{pruned} is not on this host any more: it was pruned"),
        (failed, f"{failed} was never healthy on this host"),
    ]


def test_where_nothing_is_to_go_back_to(site: Site, releases: Releases) -> None:
    """Each has an error that says why, and nothing changes. The hosts share the cases, and test_apart.py has one more."""
    cases = {host.name: refusals(site, host) for host in site.hosts}
    before = site.look()
    for first in range(0, len(cases[site.hosts[0].name]), len(site.hosts)):
        chosen = {host: cases[host.name][first + place] for place, host in enumerate(site.hosts)}
        run = back(site, release={host.name: release for host, (release, _words) in chosen.items()})
        for host, (_release, words) in chosen.items():
            run.require_failure(host, APP, words)
    for name, state in site.look().items():
        changes = {
            key: (before[name][key], state[key]) for key in ("live", "previous", "files", "rejected") if before[name][key] != state[key]
        }
        assert not changes, f"{name}: a rollback that failed changed something: {changes}"


def test_while_another_run_holds_the_lock(site: Site, releases: Releases) -> None:
    """A run waits as long as it is told to and fails naming who holds it, and a lock of the dead is nobody's."""
    host = site.hosts[-1]
    live, old = host.look()["live"], host.page()["page"]
    host.start("python3", "-c", HOLD, output="/run/holder")
    assert until(lambda: bool(host.run("cat", "/run/holder", check=False)), 300), f"{host}: nobody holds the lock"
    holder = host.run("cat", "/run/holder").strip()
    run = back(site, limit=host, lock_timeout=2)
    run.require_failure(host, "somebody@elsewhere since 2026-01-02T03:04:05Z", f"process {holder}", "Waited 2 s")
    assert host.look()["live"] == live, f"{host}: it went back in spite of the lock"
    page = site.source.write("after waiting")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(site.deploy, site.app)
        try:
            assert until(lambda: users_of_lock(host) > 1 or waiting.done(), 300), f"{host}: no run has come to the lock"
            assert host.page()["page"] == old, f"{host}: the run did not wait for the lock"
        finally:
            host.run("kill", "-9", holder)
        waiting.result()
    assert host.page()["page"] == page, f"{host}: {host.page()} answers"


def users_of_lock(host: Host) -> int:
    """Return how many processes have the lock or wait for it."""
    return int(host.run("sh", "-c", "ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c ' /run/flaskops/lock$'", check=False))
