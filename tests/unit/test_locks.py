# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The locks of the tools fit together."""

from __future__ import annotations

import re

from ansible_collections.flaskops.stack.tests.unit.render import COLLECTION

_PIN = re.compile(r"^([a-z0-9.-]+==\S+)", re.MULTILINE)


def pins(name: str) -> set[str]:
    """Return the packages of a lock with their versions."""
    return set(_PIN.findall((COLLECTION / "requirements" / name).read_text()))


def test_the_virtualenv_of_the_demo_becomes_that_of_the_tests_by_additions_alone():
    assert "ansible-core" in {pin.partition("==")[0] for pin in pins("demo.txt")}
    assert pins("demo.txt") <= pins("dev.txt")
    assert pins("bench.txt") - pins("dev.txt"), "the benchmarks need more"
