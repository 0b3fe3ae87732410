# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The tables and the reading of messages that the proofs of the scenario release_lifecycle rely on."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.messages import told
from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.turns import (
    BAD,
    GOOD,
    LEAST_PATIENCE,
    ROUND,
    RUNS,
    TURNS,
    patience,
)


def test_each_bad_release_and_each_good_one_has_a_turn():
    assert sorted(what for turns in TURNS.values() for what in turns) == sorted([*BAD, *GOOD])


@pytest.mark.parametrize("name", TURNS)
def test_each_application_has_a_bad_release_and_a_good_one_in_each_round(name):
    for first in range(0, len(RUNS), ROUND):
        assert sorted(run[name] in BAD for run in RUNS[first : first + ROUND]) == [False, True]


def test_in_every_run_some_fail_beside_others_that_are_replaced():
    assert {frozenset(what in BAD for what in run.values()) for run in RUNS} == {frozenset({False, True})}


def test_a_bad_release_waits_longer_at_the_gate_on_a_slow_machine():
    assert patience([0.4, 2.5]) == LEAST_PATIENCE
    assert patience([0.4, 21.5]) > 4 * 21.5
    hangs, wrong = BAD["an import that hangs"], BAD["a syntax error"]
    assert hangs.described({"health": {"path": "/health", "timeout": 120}}, 87) == {"health": {"path": "/health", "timeout": 87}}
    assert "within 87 s" in hangs.message(87)
    assert wrong.described({"health": {"timeout": 120}}, 87) == {"health": {"timeout": 120}}
    assert not any("within" in text for text in wrong.message(87))


def test_a_message_is_taken_apart_by_application():
    message = "shop: not healthy\n  Traceback\nblog.python: not there\nthe remedy\n"
    assert told(message, ["blog", "shop", "wiki"]) == {
        "shop": "shop: not healthy\n  Traceback\n",
        "blog": "blog.python: not there\nthe remedy\n",
    }


def test_words_before_the_first_application_are_told_of_nobody():
    assert told("nothing works\nshop: not healthy", ["shop"]) == {"": "nothing works\n", "shop": "shop: not healthy"}
