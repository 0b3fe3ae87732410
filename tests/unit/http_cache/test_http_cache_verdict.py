# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the results of the public suite for caches are judged."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.tests.http_cache import verdict
from ansible_collections.flaskops.stack.tests.http_cache.verdict import Reason, Run, problems, report

FAILED = ["Assertion", "Response 3 comes from cache"]
REASONS = [Reason("nginx removes nothing.", ("invalidate-*",)), Reason("It shows one line.", ("age-lines",), before="1.23")]


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(verdict, "LEAST", 1)


def run(nginx: str = "1.26.3", plain: dict | None = None, **ours):
    """Return results: each test with what came of it, and one that passes."""
    names = {"fresh": True, **{name.replace("_", "-"): result for name, result in ours.items()}}
    tests = {name: {"name": f"A cache does {name}", "kind": "required", "result": result} for name, result in names.items()}
    return Run(
        nginx, tests, {name: {**test, **({"result": plain[name]} if plain and name in plain else {})} for name, test in tests.items()}
    )


def judged(one: Run) -> list[str]:
    return problems(one, REASONS, report([one], REASONS))


def test_failures_with_a_reason_are_told_in_the_report():
    assert judged(run(invalidate_POST=FAILED)) == []
    text = report([run(invalidate_POST=FAILED)], REASONS)
    assert "| 1.26.3 | 1 of 2 | 1 of 2 |" in text
    assert "| A cache does invalidate-POST (`invalidate-POST`) | nginx removes nothing. |" in text
    assert "It shows one line" not in text


def test_a_failure_without_a_reason_is_a_problem():
    (problem,) = judged(run(invalidate_POST=FAILED, vary_star=FAILED))
    assert "vary-star" in problem
    assert "Response 3 comes from cache" in problem


def test_what_plain_nginx_passes_has_no_excuse():
    (problem,) = judged(run(invalidate_POST=FAILED, plain={"invalidate-POST": True}))
    assert "plain nginx passes it" in problem


def test_a_reason_that_is_not_needed_any_more_is_a_problem():
    assert judged(run()) == ["invalidate-* passes; take it out of reasons.yml"]


def test_a_reason_of_an_old_nginx_is_none_for_a_new_one():
    assert judged(run("1.22.1", invalidate_POST=FAILED, age_lines=FAILED)) == []
    assert "age-lines" in judged(run("1.26.3", invalidate_POST=FAILED, age_lines=FAILED))[0]


def test_fewer_than_before_are_a_problem(monkeypatch):
    monkeypatch.setattr(verdict, "LEAST", 3)
    assert judged(run(invalidate_POST=FAILED)) == ["a cache route passes 1 required tests, and 3 are wanted"]


def test_optional_tests_are_not_judged():
    one = run(invalidate_POST=FAILED)
    more = {**one.ours, "faster": {"name": "It is fast", "kind": "optimal", "result": FAILED}}
    assert judged(Run(one.nginx, more, {**one.plain, "faster": more["faster"]})) == []


def test_a_report_that_does_not_say_it_is_a_problem():
    assert len(problems(run(invalidate_POST=FAILED), REASONS, "")) == 2
