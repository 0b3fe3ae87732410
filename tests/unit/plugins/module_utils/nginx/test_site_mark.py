# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The mark of a site in an answer, and the hosts that a site is asked for."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.site_mark import MARK_HEADER, SiteMark, asked_name


class Answer:
    """An answer with one header or none."""

    def __init__(self, mark: str | None) -> None:
        self.mark = mark

    def getheader(self, name: str) -> str | None:
        return self.mark if name == MARK_HEADER else None


@pytest.mark.parametrize(
    ("header", "mark"),
    [
        (None, None),
        ("", None),
        ("shop", SiteMark("shop", False)),
        ("shop -", SiteMark("shop", False)),
        ("shop -, 0.001", SiteMark("shop", True)),
        ("shop 4be1f00d", SiteMark("shop", True)),
    ],
)
def test_a_mark_is_read(header, mark):
    assert SiteMark.of(Answer(header)) == mark


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("shop.example.com", "shop.example.com"),
        ("*.example.com", "flaskops-probe.example.com"),
        ("_", "flaskops-probe.invalid"),
        ("[::1]", "[::1]"),
    ],
)
def test_a_name_is_asked_for_by_a_host_of_its_own(name, asked):
    assert asked_name(name) == asked
