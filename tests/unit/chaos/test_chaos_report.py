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
    write(tmp_path / "faults.md", [GOOD, BAD], [GOOD.case, BAD.case, BAD.case])
    text = (tmp_path / "faults.md").read_text()
    assert "together: 1 of 2 cases hold." in text
    assert "1 of 1 cases hold, 10 requests." in text
    assert "0 of 1 cases hold, 20 requests." in text
    assert "1 more were not tried." in text
    assert "| task 1: Gather | ok | ok | ok | ok |" in text
    assert "| switch / rename | ok | ok | ok | no |" in text


def test_sections_that_a_run_has_not_tried_stay(tmp_path):
    report = tmp_path / "faults.md"
    write(report, [GOOD, BAD], [GOOD.case, BAD.case])
    own = Verdict(Case("own certificate: rename", "power cut", operation="own certificate"), requests=1000)
    mended = Verdict(BAD.case, requests=5)
    write(report, [mended, own], [])
    text = report.read_text()
    assert [heading for heading in text.splitlines() if heading.startswith("## ")] == [
        "## Controller killed",
        "## Power cut",
        "## Power cut, own certificate",
    ]
    assert "together: 3 of 3 cases hold." in text
    assert text.count("| switch / rename |") == 1
