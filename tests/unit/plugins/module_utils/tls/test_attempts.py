# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""attempts: a clock that was wrong and has been set keeps no site from its certificate."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.tls.attempts import Attempts

_NOW = 1_800_000_000.0
_YEARS = 10 * 365 * 86400
_NAMES = ["shop.example.com"]


def attempts(tmp_path, **values):
    path = tmp_path / "attempts.json"
    path.write_text(json.dumps(values))
    return Attempts(SimpleNamespace(attempts=str(path)))


@pytest.mark.parametrize("by_hand", [True, False])
@pytest.mark.parametrize(
    "values",
    [
        {"failures": [_NOW + _YEARS + second for second in range(9)]},
        {"issued": [[_NOW + _YEARS + second, "shop.example.com"] for second in range(9)]},
        {"not_before": _NOW + _YEARS},
    ],
)
def test_times_from_a_clock_that_was_ahead_do_not_count(tmp_path, values, by_hand):
    assert attempts(tmp_path, **values).wait_until(_NAMES, _NOW, by_hand) <= _NOW


def test_times_of_a_right_clock_count(tmp_path):
    assert attempts(tmp_path, failures=[_NOW - 60]).wait_until(_NAMES, _NOW, by_hand=False) > _NOW
    assert attempts(tmp_path, not_before=_NOW + 3 * 86400).wait_until(_NAMES, _NOW, by_hand=True) == _NOW + 3 * 86400
    assert attempts(tmp_path, failures=[_NOW - 60, _NOW + _YEARS]).wait_until(_NAMES, _NOW, by_hand=False) < _NOW + 86400
