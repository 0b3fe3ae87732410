# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs that are broken although they deploy nothing, and what must hold after them."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.tests.chaos import proof
from ansible_collections.flaskops.stack.tests.chaos.operations import DEPLOYMENT, OPERATIONS, of_operation
from ansible_collections.flaskops.stack.tests.chaos.points import Case, Step
from ansible_collections.flaskops.stack.tests.chaos.recording import OperationRecording

STEP = Step("flask_rollback#1", "modules.flask_rollback.main:10 > instance.switch.switch:20 | os.rename", 2, "/srv/x", 0.0)
DEPLOYED, GONE, BACK = ({"paths": [name], "units": []} for name in ("deployed", "gone", "back"))


def patient(**case) -> proof.Patient:
    described = Case("a step", "some kind", **case)
    return proof.Patient(None, described, proof.Verdict(described))


def test_an_operation_is_killed_at_each_of_its_steps():
    (case,) = of_operation(OPERATIONS["rollback"], [STEP])
    assert case.title == "rollback killed: flask_rollback#1: switch.switch: os.rename (2.)" or case.title.startswith("rollback killed: ")
    assert case.fault == {"call": "flask_rollback#1", "step": STEP.step, "count": 2, "action": "kill"}
    assert (case.operation, case.is_alone) == ("rollback", True)


@pytest.mark.parametrize(
    ("operation", "then_other", "next_run"),
    [
        ("", False, DEPLOYMENT),
        ("rollback", False, DEPLOYMENT),
        ("rollback", True, DEPLOYMENT),
        ("removal", False, OPERATIONS["removal"]),
        ("removal", True, DEPLOYMENT),
        ("purge", False, OPERATIONS["purge"]),
    ],
)
def test_a_removal_is_done_again_or_the_application_comes_back(operation, then_other, next_run):
    assert patient(operation=operation, then_other=then_other).repeated == next_run


@pytest.mark.parametrize(
    ("case", "state", "holds"),
    [
        ({}, DEPLOYED, True),
        ({}, BACK, False),
        # A rollback that was killed early has done nothing, and one that was killed late all.
        ({"operation": "rollback"}, DEPLOYED, True),
        ({"operation": "rollback"}, BACK, True),
        ({"operation": "rollback"}, GONE, False),
        ({"operation": "purge"}, GONE, True),
        ({"operation": "purge"}, DEPLOYED, False),
        ({"operation": "purge", "then_other": True}, BACK, True),
        ({"operation": "purge", "then_other": True}, GONE, False),
    ],
)
def test_what_is_left_is_compared_with_a_state_that_there_may_be(case, state, holds):
    recorded = OperationRecording([], GONE, BACK)
    batch = proof.Batch(None, "", DEPLOYED, dict.fromkeys(OPERATIONS, recorded))
    subject = patient(**case)
    subject.host = type("Host", (), {"state": lambda self: state})()
    assert (batch._left(subject) == []) is holds
