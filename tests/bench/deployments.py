"""Deployments: what runs of the shipped playbook take, against the shortest run there is, plain tasks for the same outcome, and Mitogen.

Every run is a process of its own over SSH, as somebody starts it. In a round each competitor runs once, right after another, and every
round begins with another one.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..harness.controller import Controller, Run, counting_trips
from ..harness.host import IMAGE, Host, image_of, remove_image, started
from ..harness.source import Source
from .deployed import PREFIX
from .report import Plot
from .results import Goal, Series, rounded

HERE = Path(__file__).parent
SITE = "flaskops.stack.site"
PLAIN = str(HERE / "plain_ansible" / "site.yml")
PING = str(HERE / "ping.yml")
# Connections are kept, as docs/operations.md says.
KEPT = {"ssh_connection": {"ssh_args": "-o ControlMaster=auto -o ControlPersist=600s"}}
# For a look into the containers afterwards.
KEEP = bool(os.environ.get("BENCH_KEEP"))
ROUNDS = 5
# First deployments take longest, and differ least.
FIRST_ROUNDS = 3
APPS, QUICK_APPS = 50, 4
HOSTS, QUICK_HOSTS = 10, 3
SERVER = "hello.localhost"
# A requirement in fifty.txt, and another version of it.
CHANGED = ("requests==2.34.2", "requests==2.34.1")

NOTHING, MANY, FLEET = "nothing to change", f"nothing to change, {APPS} applications", f"nothing to change, {HOSTS} hosts"
CODE, FIRST, ALONE, ALONE_FLEET = "other code", "first deployment", "ping alone", f"ping alone, {HOSTS} hosts"
FIFTY, ONE_OF_FIFTY = "fifty requirements, all built anew", "fifty requirements, one changed"
TRIPS, CODE_TRIPS = "round trips, nothing to change", "round trips, other code"
TASKS = "tasks of a host, nothing to change"
ALONE_DEFAULT, NOTHING_DEFAULT = "ping alone, without ansible.cfg", "nothing to change, without ansible.cfg"

# Reasons why a goal cannot be reached, with the profile that shows it. The report prints them after every run.
_ONE_RUN = (
    "a run has three tasks, and ping is one of its own (profiled on 2026-11-30). The roles are read in 0.2 s, the descriptions and the source are "
    "checked in 0.06 s, the look takes 0.15 s on the controller, and the program that the host keeps answers after 0.15 s. Most of the "
    "controller's time is ansible-core's templating of variables, which it compiles anew in each process."
)
LIMITS: dict[str, str] = {
    "nothing-ping-default": _ONE_RUN,
    "nothing-ping": _ONE_RUN,
    "many": (
        "an application takes 14 ms, and 20 ms where it was profiled on 2026-11-30 (33 ms two days before). 11 of them are the controller's: 4 ms to check "
        "its description and its source, 2 ms for the id of its release, 3 ms to render its site and its instance, and 2 ms of ansible-core's for its "
        "variables. In the rest the host compares its files. The run for one application has become faster by a fifth, so the same time for "
        "each of fifty is a greater part."
    ),
    "code": (
        "the run with nothing to change has gained more: it ends behind its look, and takes 1.3 times ping where it took 1.88 times. The time of the "
        "other run is the host's: it compiles the release in a unit of its own, has systemd read the units, and starts the candidate, which takes "
        "0.9 s until it is switched to. Such a run sends no code any more."
    ),
    "one-requirement": (
        "pip resolves all fifty requirements again, since nobody else decides what fits together, and the host hashes each kept file before "
        "it takes it over. The rest is what every run takes."
    ),
    "fleet": (
        "the hosts are containers on the processors of the controller, so each additional host gets a smaller share of them. A play of three tasks "
        "that do nothing, one of them a ping, grows to 1.1 to 1.2 times what ping grows to (2026-11-30). Ours has three tasks, too, and its controller takes "
        "0.27 s of processor time for each additional host (0.52 s with nine tasks), of which a play that only pings takes 0.06 s."
    ),
}
GOALS = tuple(
    Goal(name, "deployments", what, measure, "ours", against, "at most", bound, limit=LIMITS.get(name, ""), **more)
    for name, what, measure, against, bound, more in (
        ("trips", "round trips to the host, nothing to change", TRIPS, None, 3, {"every": True}),
        ("tasks", "tasks of a host, nothing to change", TASKS, None, 9, {"every": True}),
        (
            "nothing-ping-default",
            "nothing to change, against a play that only runs ping, without ansible.cfg",
            NOTHING_DEFAULT,
            "ours",
            2.0,
            {"over": ALONE_DEFAULT},
        ),
        ("nothing-ping", "the same with pipelining and kept connections", NOTHING, "ours", 1.7, {"over": ALONE}),
        ("many", f"nothing to change for {APPS} applications, against one", MANY, "ours", 1.3, {"over": NOTHING}),
        (
            "fleet",
            f"growth from one host to {HOSTS}, against the growth of ping",
            FLEET,
            "ours",
            1.15,
            {"over": ALONE_FLEET, "growth": (NOTHING, ALONE)},
        ),
        ("code", "other code, until it is switched to, against nothing to change", CODE, "ours", 2, {"over": NOTHING}),
        ("one-requirement", "one of fifty requirements changed, against all built anew", ONE_OF_FIFTY, "ours", 0.35, {"over": FIFTY}),
        ("first-plain", "first deployment on a bare host, against plain tasks", FIRST, "plain tasks", 0.7, {}),
    )
)
PLOTS = (
    Plot("runs", "Runs with nothing to change, and with other code", (ALONE, NOTHING, CODE, MANY, ALONE_FLEET, FLEET)),
    Plot("first", "First deployment on a bare host", (FIRST,)),
    Plot("requirements", "Processor time of a host for its requirements", (FIFTY, ONE_OF_FIFTY)),
)
TEXT = f"""\
Times are the wall clock of `ansible-playbook` over SSH with pipelining and kept connections, unless the name of a measurement says otherwise. Each run is one
process and includes login and sudo. `ours` is `{SITE}`. `ping alone` is a play with the same privileges and one task. The plain tasks are a role for one
application, as people usually write it, in [`tests/bench/plain_ansible`](../tests/bench/plain_ansible): it installs packages, Flask and uWSGI from source with
pip, and copies each file with a task and a handler. A release of the plain tasks restarts the application and drops requests meanwhile. The fifty requirements
are pinned, and their figures are the processor time that a whole run takes on the host, since the wall clock depends on the index, too. Mitogen is our run with
the strategy `mitogen_linear`."""


def say(text: str) -> None:
    """Tell who waits how it goes."""
    print(f"deployments: {text}", flush=True)


def applications(source: Source, count: int = 1) -> list[dict[str, Any]]:
    """Return so many applications of one process each, which a machine bears that runs all of this."""
    names = [f"hello{number or ''}" for number in range(count)]
    common = {"source": {"path": str(source.root)}, "wsgi": "app.py", "uwsgi": {"processes": 1, "threads": 1}}
    # Each has a secret of its own, since its digest takes long to make.
    return [
        {"name": name, **common, "secrets": {"SECRET_KEY": f"of {name}"}, "nginx": {"server_names": [f"{name}.localhost"]}}
        for name in names
    ]


def page(target: Host) -> str:
    """Return what the site answers."""
    script = (
        "import urllib.request as u; "
        f"print(u.urlopen(u.Request('http://127.0.0.1/', headers={{'Host': '{SERVER}'}}), timeout=20).read().decode())"
    )
    return target.run("python3", "-c", script).strip()


def mitogen() -> dict[str, str]:
    """Return the environment of a run with Mitogen, empty where it is not installed."""
    found = importlib.util.find_spec("ansible_mitogen")
    if found is None or found.origin is None:
        return {}
    return {"ANSIBLE_STRATEGY": "mitogen_linear", "ANSIBLE_STRATEGY_PLUGINS": str(Path(found.origin).parent / "plugins" / "strategy")}


class Bench:
    """Hosts that are deployed to, and what runs on them take."""

    def __init__(self, controller: Controller, stack: contextlib.ExitStack, apps: int, hosts: int) -> None:
        self.controller, self.stack = controller, stack
        # The first source changes, the second does not.
        self.source, self.still = (Source(controller.directory, HERE / "hello") for _one in range(2))
        self.found: dict[tuple[str, str], list[float]] = defaultdict(list)
        self.releases = 0
        # Ansible as it is installed: an empty file keeps it from any other ansible.cfg.
        empty = controller.directory / "empty.cfg"
        empty.touch()
        self.defaults = {"ANSIBLE_CONFIG": str(empty)}
        self.one, self.plain, many = self._start("one"), self._start("plain"), self._start("many")
        self.inventories = {
            "one": self._inventory("one", [self.one], {"flask_apps": applications(self.source)}),
            "plain": self._inventory("plain", [self.plain], {"webapp_source": str(self.source.root)}),
            "many": self._inventory("many", [many], {"flask_apps": applications(self.still, apps)}),
        }
        for name, playbook in (("one", SITE), ("plain", PLAIN), ("many", SITE)):
            say(f"{name} is deployed, in {self._run(name, playbook).seconds:.0f} s")
        # As many as there are applications would take long to deploy one by one: they are copies of the first.
        image = image_of(self.one, f"{PREFIX}deployed")
        stack.callback(remove_image, image)
        more = [self._start(f"fleet-{number}", image) for number in range(1, hosts)]
        self.inventories["fleet"] = self._inventory("fleet", [self.one, *more], {"flask_apps": applications(self.source)})
        self._run("fleet", SITE)

    def _start(self, name: str, image: str = IMAGE) -> Host:
        host = self.stack.enter_context(started(name, f"{PREFIX}{name}", image, keep=KEEP))
        self.controller.admit(host)
        return host

    def _inventory(self, name: str, hosts: Sequence[Host], variables: Mapping[str, Any]) -> Path:
        shared = {"flask_app_cache_dir": str(self.controller.directory / "cache"), **variables}
        return self.controller.inventory(name, {host.name: self.controller.by_ssh(host) for host in hosts}, shared)

    def _run(self, inventory: str, playbook: str, **environment: str) -> Run:
        return self.controller.run(self.inventories[inventory], playbook, **environment).require_end()

    def nothing(self, measure: str, competitor: str, inventory: str, playbook: str = SITE, **environment: str) -> None:
        """Run where there is nothing to change."""
        run = self._run(inventory, playbook, **environment)
        if run.changes:
            raise RuntimeError(f"{competitor}: {measure}, but it changed something: {run.output[-2000:]}")
        self.found[measure, competitor].append(run.seconds)

    def code(self, competitor: str, target: Host, inventory: str, playbook: str = SITE, **environment: str) -> None:
        """Run with other code; the site answers with it afterwards."""
        self.releases += 1
        name = self.source.write(f"release {self.releases}")
        run = self._run(inventory, playbook, **environment)
        answer = page(target)
        if answer != name:
            raise RuntimeError(f"{competitor}: the site answers '{answer}' after {name}: {run.output[-2000:]}")
        self.found[CODE, competitor].append(run.seconds)

    def settle(self) -> None:
        """Bring everything to the code there is: it is one source for all, and releases of one are news to the others."""
        for name, playbook in (("fleet", SITE), ("plain", PLAIN)):
            self._run(name, playbook)

    def rounds(self, count: int) -> None:
        """Run everybody once a round."""
        fast = mitogen()
        idle: list[Callable[[], None]] = [
            functools.partial(self.nothing, ALONE, "ours", "one", PING),
            functools.partial(self.nothing, ALONE_FLEET, "ours", "fleet", PING),
            functools.partial(self.nothing, NOTHING, "ours", "one"),
            functools.partial(self.nothing, ALONE_DEFAULT, "ours", "one", PING, **self.defaults),
            functools.partial(self.nothing, NOTHING_DEFAULT, "ours", "one", **self.defaults),
            functools.partial(self.nothing, MANY, "ours", "many"),
            functools.partial(self.nothing, FLEET, "ours", "fleet"),
            functools.partial(self.nothing, NOTHING, "plain tasks", "plain", PLAIN),
        ]
        news = [
            functools.partial(self.code, "ours", self.one, "one"),
            functools.partial(self.code, "plain tasks", self.plain, "plain", PLAIN),
        ]
        if fast:
            idle.append(functools.partial(self.nothing, NOTHING, "ours, Mitogen", "one", SITE, **fast))
            news.append(functools.partial(self.code, "ours, Mitogen", self.one, "one", SITE, **fast))
        for number in range(count):
            self.settle()
            for runs in (idle, news):
                first = number % len(runs)
                for run in (*runs[first:], *runs[:first]):
                    run()
            say(f"round {number + 1} of {count}: {', '.join(f'{what} of {who} {last(v):.1f} s' for (what, who), v in self.found.items())}")

    def trips(self) -> None:
        """Count tasks and round trips, which are the same in every run."""
        self.settle()
        for competitor, name, playbook in (("ours", "one", SITE), ("plain tasks", "plain", PLAIN)):
            run = self._run(name, playbook, **counting_trips())
            self.found[TRIPS, competitor].append(len(run.sent.splitlines()))
            self.found[TASKS, competitor].append(run.tasks)
        self.source.write("counted")
        for competitor, name, playbook in (("ours", "one", SITE), ("plain tasks", "plain", PLAIN)):
            self.found[CODE_TRIPS, competitor].append(len(self._run(name, playbook, **counting_trips()).sent.splitlines()))

    def first(self, count: int) -> None:
        """Deploy to bare hosts, one after the other."""
        variables = {"flask_apps": applications(self.source), "webapp_source": str(self.source.root)}
        kinds = [("ours", SITE), ("plain tasks", PLAIN)]
        for number in range(count):
            for competitor, playbook in kinds[:: -1 if number % 2 else 1]:
                with started("bare", f"{PREFIX}bare") as bare:
                    self.controller.admit(bare)
                    self.inventories["bare"] = self._inventory("bare", [bare], variables)
                    self.found[FIRST, competitor].append(self._run("bare", playbook).seconds)
                    self.controller.forget(bare)
            say(
                f"first deployments {number + 1} of {count}: {', '.join(f'{who} {last(self.found[FIRST, who]):.0f} s' for who, _book in kinds)}"
            )

    def requirements(self, count: int) -> None:
        """Deploy fifty requirements, all of them anew, and then another version of one of them."""
        source = Source(self.controller.directory, HERE / "hello")
        (app,) = applications(source)
        pins = (HERE / "fifty.txt").read_text()
        with started("fifty", f"{PREFIX}fifty", keep=KEEP) as fifty:
            self.controller.admit(fifty)

            def deploy(text: str, refresh: int) -> float:
                (source.root / "requirements.txt").write_text(text)
                self.inventories["fifty"] = self._inventory(
                    "fifty", [fifty], {"flask_apps": [{**app, "requirements_refresh": str(refresh)}]}
                )
                before = fifty.processor_seconds()
                self._run("fifty", SITE)
                return fifty.processor_seconds() - before

            deploy("Flask\n", 0)  # with the packages of the distribution, which no other run installs
            for number in range(1, count + 1):
                for measure, text in ((FIFTY, pins), (ONE_OF_FIFTY, pins.replace(*CHANGED))):
                    self.found[measure, "ours"].append(deploy(text, number))
                say(
                    f"requirements {number} of {count}: all {last(self.found[FIFTY, 'ours']):.1f} s, one {last(self.found[ONE_OF_FIFTY, 'ours']):.1f} s"
                )
            self.controller.forget(fifty)

    def series(self) -> list[Series]:
        """Return everything that was measured."""
        units = (
            dict.fromkeys((TRIPS, CODE_TRIPS), "round trips") | {TASKS: "tasks"} | dict.fromkeys((FIFTY, ONE_OF_FIFTY), "s of processor")
        )
        return [
            Series("deployments", measure, competitor, units.get(measure, "s"), rounded(values))
            for (measure, competitor), values in self.found.items()
        ]


def last(values: list[float]) -> float:
    """Return the value of this round."""
    return values[-1]


_versions: dict[str, str] = {}


def versions() -> dict[str, str]:
    """Return the versions of what was compared, by name; after `measure`."""
    return _versions


def notes() -> dict[str, Any]:
    """Return what is to be read beside the figures."""
    return {"forks": 5}


def measure(rounds: int, quick: bool) -> list[Series]:
    """Deploy, run and return the series.

    :param quick: few applications, few hosts and one first deployment; names of measures stay, figures mean nothing
    """
    from importlib.metadata import version

    names = ["ansible-core", *(["mitogen"] if mitogen() else [])]
    _versions.update({name: version(name) for name in names})
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        bench = Bench(Controller(Path(directory), KEPT), stack, QUICK_APPS if quick else APPS, QUICK_HOSTS if quick else HOSTS)
        say(f"ready after {time.monotonic() - began:.0f} s")
        bench.rounds(rounds)
        bench.trips()
        bench.requirements(1 if quick else min(rounds, FIRST_ROUNDS))
        bench.first(1 if quick else min(rounds, FIRST_ROUNDS))
        return bench.series()
