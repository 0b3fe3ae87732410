# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report of the cases."""

from __future__ import annotations

from ansible_collections.flaskops.stack.tests.chaos.points import Case
from ansible_collections.flaskops.stack.tests.chaos.proof import Verdict
from ansible_collections.flaskops.stack.tests.chaos.report import line, summary, write

GOOD = Verdict(Case("task 1: Gather", "controller killed"), requests=10)
BAD = Verdict(Case("switch | rename", "power cut"), d="paths: + /srv/stray", said="killed", requests=20)


def test_a_case_that_holds_is_one_line():
    assert line(GOOD) == "a:ok b:ok c:ok d:ok     10  controller killed: task 1: Gather"
    assert GOOD.holds


def test_a_case_that_does_not_says_why():
    assert line(BAD).splitlines() == [
        "a:ok b:ok c:ok d:no     20  power cut: switch | rename",
        "      d: paths: + /srv/stray",
        "      it said: killed",
    ]
    assert not BAD.holds


def test_totals_are_told_by_kind():
    assert [row.split() for row in summary([GOOD, BAD]).splitlines()[1:]] == [
        ["controller", "killed", "1", "1", "10"],
        ["power", "cut", "1", "0", "20"],
        ["all", "2", "1", "30"],
    ]


def test_the_table_has_a_row_for_each(tmp_path):
    write(tmp_path / "faults.md", [GOOD, BAD], 5)
    text = (tmp_path / "faults.md").read_text()
    assert "1 of 2 cases hold, 30 requests. There are 5 cases." in text
    assert "| task 1: Gather | ok | ok | ok | ok |" in text
    assert "| switch / rename | ok | ok | ok | no |" in text
