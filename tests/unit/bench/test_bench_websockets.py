# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The benchmark of WebSockets: goals only for what it measures, good descriptions, and a client that notices what goes wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.tests.bench import websockets
from ansible_collections.flaskops.stack.tests.bench.results import Results, judge


@pytest.fixture
def measured(monkeypatch):
    """Return a function that measures two rounds on a host of the given kind."""

    def of(alone: float, beside: float, cut: int = 0, failed: int = 0) -> Results:
        monkeypatch.setattr(websockets, "ask", lambda *_: (alone, 0))
        taken = {"held": 1000 - cut, "wrong": [], "took": [1.0]}
        monkeypatch.setattr(websockets, "beside", lambda *_: (beside, failed, taken))
        return Results("websockets", tuple(websockets.rounds_of(None, 2, 1, 1000)), "2026-01-01", {}, {})

    return of


def test_every_goal_is_about_something_that_is_measured(measured):
    found = measured(10, 14)
    verdicts = [judge(goal, found) for goal in websockets.GOALS]
    assert all(verdict is not None and verdict.met for verdict in verdicts)
    measures = {series.measure for series in found.series}
    assert {measure for plot in websockets.PLOTS for measure in plot.measures} <= measures


@pytest.mark.parametrize(("change", "goal"), [({"beside": 16}, "beside"), ({"cut": 1}, "cut"), ({"failed": 1}, "failed")])
def test_a_goal_that_is_missed_is_told(measured, change, goal):
    found = measured(**{"alone": 10, "beside": 14, **change})
    missed = {one.id for one in websockets.GOALS if not judge(one, found).met}
    assert goal in missed


def test_the_applications_are_good_descriptions():
    resolve_apps(websockets.description(1000))


def test_the_client_refuses_an_answer_that_opens_nothing():
    """Nobody listens on port 80 of the loopback here, or nobody who knows the site."""
    command = [sys.executable, str(websockets.INSIDE / "sockets.py"), "nowhere.localhost", "/ws/echo", "1", "1", "1"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stdout == ""
