# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The meaning of a systemd unit's state for an instance."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.instance.unit_state import UnitState


@pytest.mark.parametrize(
    ("active_state", "is_running", "goes_on"),
    [
        ("active", True, True),
        ("activating", True, True),
        ("reloading", True, True),
        ("deactivating", True, False),
        ("a state of a later systemd", True, True),
        ("inactive", False, False),
        ("failed", False, False),
    ],
)
def test_only_inactive_and_failed_units_do_not_run(active_state, is_running, goes_on):
    state = UnitState.of({"ActiveState": active_state})
    assert (state.is_running, state.goes_on) == (is_running, goes_on)
