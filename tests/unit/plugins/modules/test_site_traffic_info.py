# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The traffic before a switch: the time that is counted ends now, or where an earlier run has put the live release on trial."""

from __future__ import annotations

import types

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app.traffic import Traffic
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
