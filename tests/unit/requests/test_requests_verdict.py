# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How both fronts are compared with each other and with plain nginx."""

from __future__ import annotations

from ansible_collections.flaskops.stack.tests.requests.verdict import problems, report, rows, settled

REASONS = [{"why": "The path is cleaned.", "cases": ["`//a*`"]}]


def found(**seen: tuple[str, str, str]):
    """Return the rows of requests, each with what direct, proxy and plain nginx made of it."""
    return rows(
        {
            site: [{"group": "Paths", "title": f"`{title}`", "seen": one[index]} for title, one in seen.items()]
            for index, site in enumerate(("direct", "proxy", "reference"))
        }
    )


def test_what_is_the_same_everywhere_is_right():
    assert problems(found(a=("200", "200", "200")), []) == []


def test_the_fronts_must_be_one():
    (problem,) = problems(found(a=("200", "400", "200")), REASONS)
    assert problem == "Paths, `a`: direct '200', proxy '400'"


def test_another_answer_than_that_of_plain_nginx_needs_a_reason():
    odd = found(**{"//a": ("200, path a", "200, path a", "200, path //a")})
    assert problems(odd, REASONS) == []
    (problem,) = problems(odd, [])
    assert "reasons.yml" in problem


def test_a_reason_is_none_for_fronts_that_differ():
    assert problems(found(**{"//a": ("200", "400", "200")}), REASONS)


def test_the_table_tells_reasons_and_keeps_its_cells():
    text = report(found(**{"//a": ("200, path a", "200, path a", "404, path /a\nb|c"), "b": ("200", "200", "200")}), REASONS, "1.26.3")
    assert "| `//a` | 200, path a | the same | 404, path /a\\nb\\|c | The path is cleaned. |" in text
    assert "| `b` | 200 | the same | the same |  |" in text


def test_an_answer_of_plain_nginx_that_varies_is_told_as_all_that_it_may_be():
    reasons = [{"why": "Whichever is faster.", "reference": ["403", "502"], "cases": ["`a`"]}]
    seen = [settled(row, reasons) for answer in ("403", "502") for row in found(a=("403", "403", answer))]
    assert [row.seen["reference"] for row in seen] == ["403 or 502", "403 or 502"]
    assert problems(seen, reasons) == []


def test_an_answer_of_plain_nginx_that_no_reason_names_stays():
    (row,) = found(a=("403", "403", "200"))
    assert settled(row, [{"why": "", "reference": ["403", "502"], "cases": ["`a`"]}]) == row
