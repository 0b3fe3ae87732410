# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The traffic before a switch: the time that is counted ends now, or where an earlier run has put the live release on trial."""

from __future__ import annotations

import types

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app.layout import Layout
from ansible_collections.flaskops.stack.plugins.module_utils.app.traffic import InFlight, Traffic
from ansible_collections.flaskops.stack.plugins.module_utils.instance.uwsgi_stats import NO_STATS, Stats, StatsError, Worker
from ansible_collections.flaskops.stack.plugins.modules import site_traffic_info

USUAL = {"shop": Traffic(200, 0, 0.1)}


@pytest.mark.parametrize(
    ("began", "before", "counted"), [(None, None, (70, 100)), (60.0, None, (30, 60)), (60.0, USUAL, (70, 100)), (None, USUAL, (70, 100))]
)
def test_visitors_of_a_release_that_was_never_judged_are_no_measure_of_it(monkeypatch, began, before, counted):
    trial = types.SimpleNamespace(began=began) if began else None
    monkeypatch.setattr(site_traffic_info, "trial_of", lambda _app: trial)
    monkeypatch.setattr(site_traffic_info, "traffic", lambda name, since, until, usual: (name, since, until, usual))
    assert site_traffic_info.of_app({"name": "shop"}, 30, 100.0, before) == ("shop", *counted, (before or {}).get("shop"))


def workers_with(*busy: int) -> Stats:
    return Stats("2.0.31", 0, tuple(Worker(number, number, "busy", 9, 0, 1, slots=4, busy=each) for number, each in enumerate(busy, 1)))


def test_the_requests_that_the_live_instance_and_its_pool_are_answering_are_counted(monkeypatch, host):
    monkeypatch.setattr(site_traffic_info, "live_id", lambda _app: "one")
    layout = Layout(host.app())
    stats = {layout.stats_socket("one"): workers_with(4, 1), layout.stream_stats_socket("one"): workers_with(2)}
    monkeypatch.setattr(site_traffic_info, "read_stats", stats.__getitem__)
    assert site_traffic_info.in_flight(host.app()) == InFlight(answering=7, places=12)


@pytest.mark.parametrize("error", [StatsError("are not what uWSGI tells"), PermissionError(13, "no"), None])
def test_nobody_can_say_what_an_instance_answers_whose_statistics_are_none(monkeypatch, host, error):
    monkeypatch.setattr(site_traffic_info, "live_id", lambda _app: "one")

    def read(path):
        if error:
            raise error
        return NO_STATS

    monkeypatch.setattr(site_traffic_info, "read_stats", read)
    assert site_traffic_info.in_flight(host.app()) is None
