# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prometheus is told of an application what is known for certain, and nothing else."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.instance.metrics import samples_of

UWSGI = {
    "active": "active", "problem": "", "requests": 12, "exceptions": 1, "busy": 2, "slots": 4, "listen_queue": 3, "memory": 2**20, "workers": [{}],
}  # fmt: skip
STATE = {
    "live": "9d3c21f0aa10",
    "release": {"id": "0f3a1c9d2b7e", "revision": "9fceb02", "virtualenv_id": "51c0", "built": 1_700_000_000},
    "instances": {
        "9d3c21f0aa10": {**UWSGI, "stream": {**UWSGI, "slots": 1000}},
        "b8d556ae053c": {**UWSGI, "active": "inactive", "stream": None},
    },
    "history": [{"time": "2026-11-28T22:33:34Z", "result": "live"}, {"time": "2026-11-01T00:00:00Z", "result": "failed"}],
    "problems": [],
}


def figures(state: dict, not_after: float | None = None) -> dict[str, float]:
    """Return the samples with their labels but the application's, which they all have."""
    found = {}
    for metric, labels, value in samples_of("shop", state, not_after):
        assert labels["app"] == "shop"
        found[" ".join([metric.name, *(label for name, label in labels.items() if name != "app")])] = value
    return found


def changed(**changes: object) -> dict:
    return {**copy.deepcopy(STATE), **changes}


def test_everything_is_told():
    assert figures(STATE, 1_800_000_000) == {
        "flaskops_up": 1,
        **{f"flaskops_{name} {pool}": value for pool in ("requests", "streams") for name, value in
           {"requests_total": 12, "exceptions_total": 1, "busy": 2, "listen_queue": 3, "memory_bytes": 2**20}.items()},
        "flaskops_slots requests": 4,
        "flaskops_slots streams": 1000,
        "flaskops_instances": 2,
        "flaskops_problems": 0,
        "flaskops_release_info 0f3a1c9d2b7e 9fceb02": 1,
        "flaskops_release_built_timestamp_seconds": 1_700_000_000,
        "flaskops_last_deployment_success": 1,
        "flaskops_last_deployment_timestamp_seconds": 1_795_905_214,
        "flaskops_certificate_not_after_timestamp_seconds": 1_800_000_000,
    }  # fmt: skip


def test_of_an_application_that_was_never_deployed_there_is_no_figure_but_that_it_does_not_run():
    nothing = {"live": "", "release": {"id": "", "revision": "", "built": 0}, "instances": {}, "history": [], "problems": []}
    assert figures(nothing) == {"flaskops_up": 0, "flaskops_instances": 0, "flaskops_problems": 0}


@pytest.mark.parametrize("change", [{"active": "failed"}, {"problem": "its statistics are not what uWSGI tells"}, {"workers": []}])
def test_figures_that_cannot_be_had_are_missing_and_not_0(change):
    state = changed()
    state["instances"]["9d3c21f0aa10"].update(change)
    names = figures(state)
    assert "flaskops_busy requests" not in names
    assert names["flaskops_busy streams"] == 2
    assert names["flaskops_up"] == (change.get("active", "active") == "active")


def test_a_failed_attempt_is_told():
    history = [{"time": "2026-11-28T22:33:34Z", "result": "failed"}]
    assert figures(changed(history=history))["flaskops_last_deployment_success"] == 0


def test_a_time_that_is_none_leaves_the_outcome():
    names = figures(changed(history=[{"time": "yesterday", "result": "live"}]))
    assert names["flaskops_last_deployment_success"] == 1
    assert "flaskops_last_deployment_timestamp_seconds" not in names
