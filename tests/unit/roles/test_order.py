# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A file is rendered equally by every run: what it repeats has an order of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

COLLECTION = Path(__file__).parents[3]
# Ansible makes sets of lists here, and Python orders a set of texts anew in every process.
SETS = re.compile(
    r"\|\s*(?:ansible\.builtin\.)?(?:difference|intersect|symmetric_difference|union)\s*\((?:[^()]|\([^()]*\))*\)\s*(?:\|\s*(\w+))?"
)
# Filters that sort a set, or ask only how large it is.
ORDERLY = {"length", "sort"}


@pytest.mark.parametrize("place", ["roles", "playbooks", "templates"])
def test_nothing_is_repeated_in_the_order_of_a_set(place):
    found = {
        f"{path.relative_to(COLLECTION)}: {match.group()}"
        for suffix in ("*.j2", "*.yml")
        for path in (COLLECTION / place).rglob(suffix)
        for match in SETS.finditer(path.read_text())
        if match.group(1) not in ORDERLY
    }
    assert found == set(), "use reject('in', ...) or select('in', ...), which keep the order"
