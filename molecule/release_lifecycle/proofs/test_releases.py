"""Bad releases and good ones in turn, asked all the time: no bad one ever answers, and no request is lost over a good one."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Callable, Iterator

import pytest
from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.driver import APP, Site
from ansible_collections.flaskops.stack.tests.harness.host import Host, State
from ansible_collections.flaskops.stack.tests.harness.load import Load, percentile
from ansible_collections.flaskops.stack.tests.harness.source import Description, changed

ROOT = f"/srv/flask/{APP}"
# Around a switch: the candidate starts before it, the old instance drains after it.
SECONDS_AROUND = 2


class Bad(t.NamedTuple):
    """A release that must fail."""

    # More code in page.py.
    code: str = ""
    changes: dict[str, t.Any] = {}
    requires: tuple[str, ...] = ()
    # Texts that the message has.
    says: tuple[str, ...] = ()
    # Whether it has a line in the history: not where there was no release yet to try.
    tried: bool = True


class Good(t.NamedTuple):
    """A release that must replace the one before."""

    # Makes the change and returns the description.
    change: Callable[[Site], Description]
    # Directories in which the hosts have a new entry afterwards, of virtualenvs, releases and instances.
    makes: tuple[str, ...] = ("releases", "instances")


BAD = {
    "a syntax error": Bad("LEDGER = [1, 2\n", says=("SyntaxError", "LEDGER = [1, 2", "Python cannot read the code", "before it was ready")),
    "a missing dependency": Bad("import ledger_paper\n", says=("No module named 'ledger_paper'", "before it was ready")),
    "an import that hangs": Bad(
        "import time\n\nprint('looking for the ink', flush=True)\ntime.sleep(600)\n",
        {"health": {"timeout": 3}},
        says=("looking for the ink", "was not ready", "within 3 s"),
    ),
    "500 on health": Bad(
        "def health():\n    raise RuntimeError('the ink is dry')\n",
        # It must be ready to answer: two uWSGIs start, which takes a busy machine more than three seconds.
        {"health": {"timeout": 10}},
        says=("/health", "answered 500", "RuntimeError: the ink is dry", "within 10 s"),
    ),
    "a start slower than the timeout": Bad(
        "def health():\n    return 'filling the pen', 503\n",
        {"health": {"timeout": 10}},
        says=("answered 503", "'filling the pen'", "within 10 s"),
    ),
    "an exit right after it was ready": Bad(
        "import os\nimport signal\n\n\ndef health():\n    print('out of ink', flush=True)\n"
        "    os.kill(os.getppid(), signal.SIGKILL)\n    return 'well'\n",
        {"health": {"successes": 2}},
        says=("out of ink", "exited with 9 after it was ready"),
    ),
    "a wrong Python": Bad(
        changes={"python": "/opt/python3.99/bin/python3"}, says=("'/opt/python3.99/bin/python3' is not on the host",), tried=False
    ),
    "a failing build hook": Bad(
        changes={"hooks": {"build": ["python hooks.py build", "echo 'the binding is torn' >&2; exit 3"]}},
        says=("build hook", "ended with 3", "the binding is torn"),
    ),
    "a failing migrate hook": Bad(
        changes={"hooks": {"migrate": ["echo 'the drawer is locked' >&2; exit 4"]}},
        says=("migrate hook", "ended with 4", "the drawer is locked"),
    ),
    "a requirement that does not exist": Bad(requires=("ledger-unicorn==1.0",), says=("ledger-unicorn==1.0",)),
}


def code(site: Site) -> Description:
    site.source.write("code")
    return site.app


def requirement(site: Site) -> Description:
    site.publish("ledger_dependency", "1.0", {"ledger_dependency.py": 'VERSION = "1.0"\n'})
    site.source.require("ledger-dependency==1.0")
    return site.app


def commit(site: Site) -> Description:
    site.source.write("commit")
    return changed(site.app, source=site.source.git())


def archive(site: Site) -> Description:
    site.source.write("archive")
    return changed(site.app, source=site.source.archive())


def package(site: Site) -> Description:
    site.source.write("package")
    return changed(site.app, source=site.source.package())


GOOD = {
    "other code": Good(code),
    "another setting": Good(lambda site: changed(site.app, env={"LEDGER_MODE": "brisk"}), ("instances",)),
    "another secret": Good(lambda site: changed(site.app, secrets={"LEDGER_SECRET": "whisper-0815"}), ("instances",)),
    "another requirement": Good(requirement, ("virtualenvs", "releases", "instances")),
    # The code as it was, but with git's own digest.
    "a git repository": Good(commit),
    "another commit": Good(commit),
    "an archive": Good(archive),
    "another archive": Good(archive),
    # Without the requirement above.
    "a package": Good(package, ("virtualenvs", "releases", "instances")),
    "another version of the package": Good(package),
}


@pytest.fixture(scope="module")
def load(site: Site) -> Iterator[Load]:
    """Requests all the time, for some seconds at rest first."""
    with site.load() as load:
        time.sleep(6)
        load.rested = time.time()
        yield load


ROUNDS = dict(zip(BAD, GOOD, strict=True))


@pytest.mark.parametrize(("bad", "good"), ROUNDS.items(), ids=[f"{bad}, then {good}" for bad, good in ROUNDS.items()])
def test_round(site: Site, load: Load, bad: str, good: str) -> None:
    refuse(site, load, BAD[bad])
    replace(site, load, GOOD[good])
    site.run().require_success().require_nothing_changed(f"{good} is deployed")


def refuse(site: Site, load: Load, bad: Bad) -> None:
    """Try a bad release: it is refused in its own words, leaves nothing, and nobody but the old release has ever answered."""
    before, old = site.look(), {host.name: host.page() for host in site.hosts}
    source = site.source.copy()
    source.write("bad", bad.code)
    source.require(*bad.requires)
    run = site.run(described=changed(site.app, source=source.path, **bad.changes))
    for host in site.hosts:
        was, after = before[host.name], host.look()
        run.require_failure(host, APP, *bad.says)
        load.require_no_loss(host, run.began, run.ended, [old[host.name]["page"]])
        left = differences(was, after)
        assert not left, f"{host}: a failed run left or took something: {left}"
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


def replace(site: Site, load: Load, good: Good) -> None:
    """Deploy a good release: it makes what is new and nothing else, and every request is answered by it or by the one before."""
    before, old = site.look(), {host.name: host.page() for host in site.hosts}
    app = good.change(site)
    run = site.deploy(app)
    states = site.look()
    for host in site.hosts:
        was, after, now = before[host.name], states[host.name], host.page()
        load.require_no_loss(host, run.began, run.ended, [old[host.name]["page"], now["page"]])
        require_new(host, was, after, good.makes)
        built = sorted(
            f"{ROOT}/{'venvs' if kind == 'virtualenvs' else kind}/{name}" for kind in good.makes[:-1] for name in new(was, after, kind)
        )
        made = sorted(path for path in run.made[host.name] if path != f"{ROOT}/next")
        assert made == built, f"{host}: the run says that it made {made}, but new are {built}"
        deployed = {"mode": app["env"]["LEDGER_MODE"], "secret": app["secrets"]["LEDGER_SECRET"]}
        assert {key: now[key] for key in deployed} == deployed, f"{host}: {now} answers"
        assert "releases" not in good.makes or now["page"] in (site.source.root / "page.py").read_text(), f"{host}: {now} answers"
        load.switches.setdefault(host.name, []).append(after["switched"])
        tried = after["history"][len(was["history"]) :]
        assert [(entry["action"], entry["result"], entry["instance"]) for entry in tried] == [("deploy", "live", after["live"])], tried
    require_hooks(site, before, states, "releases" in good.makes)


def new(before: State, after: State, kind: str) -> list[str]:
    return sorted(set(after[kind]) - set(before[kind]))


def require_new(host: Host, before: State, after: State, makes: t.Collection[str]) -> None:
    """Require one more of each kind and no more of the others, and that requests go to it."""
    for kind in ("virtualenvs", "releases", "instances"):
        found = new(before, after, kind)
        assert len(found) == (kind in makes), f"{host}: new {kind} are {found or 'none'}, where there should be {int(kind in makes)}"
    assert [after["live"]] == new(before, after, "instances"), f"{host}: {after['live']} is live"
    assert after["previous"] == before["live"], f"{host}: the previous instance is {after['previous']}, but {before['live']} was live"
    assert "releases" not in makes or [after["current"]] == new(before, after, "releases"), f"{host}: current is {after['current']}"


def require_hooks(site: Site, before: dict[str, State], after: dict[str, State], released: bool) -> None:
    """Require that hooks ran as often, in the order, as the user, in the directory and with the environment they must."""
    lines = {name: state["hooks"][len(before[name]["hooks"]) :] for name, state in after.items()}
    migrations = [line for found in lines.values() for line in found if line["kind"] == "migrate"]
    assert len(migrations) == released, f"there were {len(migrations)} migrations for {len(lines)} hosts: {lines}"
    for name, state in after.items():
        kinds = [line["kind"] for line in sorted(lines[name], key=lambda line: line["time"]) if line["kind"] != "migrate"]
        assert kinds == ["build", "after_switch"][not released :], f"{name}: the hooks {kinds} ran"
        for line in lines[name]:
            place = f"{ROOT}/releases/{'.' if line['kind'] == 'build' else ''}{state['current']}"
            wanted = {
                "user": f"flask-{APP}",
                "directory": place,
                "mode": site.app["env"]["LEDGER_MODE"],
                "secret": site.app["secrets"]["LEDGER_SECRET"],
            }
            assert {key: line[key] for key in wanted} == wanted, f"{name}: the hook ran with {line}, not with {wanted}"
            assert line["prefix"].startswith(f"{ROOT}/venvs/"), f"{name}: the hook ran with the Python of {line['prefix']}"
            if line["kind"] == "after_switch":
                assert line["time"] > state["switched"], f"{name}: the hook after_switch ran before the switch"
        built = [line["time"] for line in lines[name] if line["kind"] == "build"]
        assert all(max(built) < line["time"] < state["switched"] for line in migrations), f"{name}: the migration was not between: {lines}"


def test_delays(site: Site, load: Load, figure: Callable[[str], None]) -> None:
    """Nothing was lost over all of it; how late answers were is for people to judge, on the machine they know."""
    for host in site.hosts:
        entries = [entry for entry in host.look()["history"] if entry["result"] == "live"]
        switches = len(GOOD)
        assert len(entries) >= switches, f"{host}: the history has {len(entries)} switches"
        samples = load.samples(host)
        lost = [sample for sample in samples if sample.status != 200]
        assert not lost, f"{host}: {len(lost)} of {len(samples)} requests were lost: {lost[:3]}"
        rest = load.samples(host, until=load.rested)
        around = [sample for sample in samples if any(abs(sample.due - moment) <= SECONDS_AROUND for moment in load.switches[host.name])]
        assert len(load.switches[host.name]) == switches, f"{host}: {len(load.switches[host.name])} switches were seen, not {switches}"
        figure(
            f"{host}: {switches} switches, 0 of {len(samples)} requests lost; p99 at rest {percentile(rest, 99):.0f} ms (median"
            f" {percentile(rest, 50):.0f}), within {SECONDS_AROUND} s of a switch {percentile(around, 99):.0f} ms (median"
            f" {percentile(around, 50):.0f}), at any time of the runs {percentile(samples, 99):.0f} ms"
        )
