# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The benchmark of deployments: the runs that it makes, and goals only for series that it measures."""

from __future__ import annotations

import contextlib
import itertools
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.release.pins import is_pin
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.tests.bench import deployments
from ansible_collections.flaskops.stack.tests.bench.results import Results, judge
from ansible_collections.flaskops.stack.tests.harness.controller import Run


class Controller:
    """Plays runs: one that has other code to bring changes something."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.served = directory, ""
        self.runs: list[tuple[str, str]] = []

    def admit(self, _host: object) -> None: ...

    def forget(self, _host: object) -> None: ...

    def by_ssh(self, _host: object) -> dict[str, str]:
        return {}

    def inventory(self, name: str, _hosts: object, _variables: object) -> Path:
        return Path(name)

    def run(self, inventory: Path, playbook: str, **environment: str) -> Run:
        self.runs.append((inventory.name, playbook))
        code = "".join(file.read_text() for file in sorted(self.directory.glob("code-*/page.py")))
        news, self.served = code != self.served, code
        return Run(
            0.0,
            2.0,
            0,
            f"ok=4 changed={int(news)} failed=0 skipped=3",
            "",
            "{}\n" * 5 if "ANSIBLE_CALLBACKS_ENABLED" in environment else "",
        )


def played(name: str) -> SimpleNamespace:
    """Return a host that takes less processor time from one look to the next."""
    spent = itertools.accumulate(range(100, 0, -1))
    return SimpleNamespace(name=name, processor_seconds=lambda: float(next(spent)))


@pytest.fixture
def bench(tmp_path, monkeypatch):
    controller = Controller(tmp_path)
    monkeypatch.setattr(deployments, "started", lambda name, *_image, **_more: contextlib.nullcontext(played(name)))
    monkeypatch.setattr(deployments, "page", lambda _host: re.search(r'"(release [^"]*)"', controller.served).group(1))
    monkeypatch.setattr(deployments, "image_of", lambda *_names: "image")
    monkeypatch.setattr(deployments, "remove_image", lambda _image: None)
    with contextlib.ExitStack() as stack:
        yield deployments.Bench(controller, stack, 3, 2)


def test_every_goal_is_about_something_that_is_measured(bench):
    bench.rounds(2)
    bench.trips()
    bench.requirements(2)
    bench.first(1)
    found = Results("deployments", tuple(bench.series()), "2026-01-01", {}, {})
    verdicts = {goal.id: judge(goal, found) for goal in deployments.GOALS}
    assert all(verdicts.values()), verdicts
    assert verdicts["trips"].measured == 5
    assert verdicts["tasks"].measured == 7
    assert verdicts["one-requirement"].spread == (91 / 93, 95 / 97)
    measured = {series.measure for series in found.series}
    assert {measure for plot in deployments.PLOTS for measure in plot.measures} <= measured


def test_one_of_fifty_requirements_changes():
    pins = (deployments.HERE / "fifty.txt").read_text()
    changed = pins.replace(*deployments.CHANGED)
    lines = list(zip(pins.splitlines(), changed.splitlines(), strict=True))
    assert (len(lines), sum(before != after for before, after in lines)) == (50, 1)
    assert all(is_pin(line) for line in [*pins.splitlines(), *changed.splitlines()])


def test_a_run_that_should_change_nothing_and_does_is_no_measurement(bench):
    bench.source.write("news")
    with pytest.raises(RuntimeError, match="but it changed something"):
        bench.nothing(deployments.NOTHING, "ours", "one")


def test_a_release_that_is_not_served_is_no_measurement(bench, monkeypatch):
    monkeypatch.setattr(deployments, "page", lambda _host: "old")
    with pytest.raises(RuntimeError, match="the site answers 'old' after release 1 "):
        bench.code("ours", bench.one, "one")


def test_the_applications_are_good_descriptions(bench):
    made = resolve_apps(deployments.applications(bench.source, 50))
    assert [app["nginx"]["server_names"] for app in made[:2]] == [[deployments.SERVER], ["hello1.localhost"]]
