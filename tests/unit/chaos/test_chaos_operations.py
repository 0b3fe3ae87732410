# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs that are broken although they deploy nothing, and what must hold after them."""

from __future__ import annotations

import dataclasses
import types

import pytest
from ansible_collections.flaskops.stack.tests.chaos import proof
from ansible_collections.flaskops.stack.tests.chaos.__main__ import chosen
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
    assert (case.operation, case.is_alone) == ("rollback", False)


def test_hosts_share_a_run_if_it_is_the_same_and_is_not_killed_itself():
    one, two, three = (patient(operation=operation) for operation in ("purge", "purge", "renewal"))
    back, again, killed, deployed = patient(operation="rollback"), patient(operation="rollback"), patient(task=3), patient()
    assert proof._by_run([one, back, killed, three, two, again, deployed]) == [[killed], [deployed], [back, again], [one, two], [three]]


@pytest.mark.parametrize("name", ["first certificate", "own certificate", "renewal"])
def test_the_power_is_cut_where_a_certificate_gets_its_name(name):
    operation = OPERATIONS[name]
    named = dataclasses.replace(STEP, call="flaskops-acme#1")
    other = dataclasses.replace(named, step=STEP.step.replace("os.rename", "os.remove"))
    # The deployment is broken at the step of the first call.
    killed, cut, also_killed = of_operation(operation, [STEP, named, other])
    assert [case.kind for case in (killed, cut, also_killed)] == [operation.kind, "power cut", operation.kind]
    assert cut.fault == {**killed.fault, "action": "wait"}
    assert {(case.operation, case.before) for case in (killed, cut, also_killed)} == {(name, operation.before)}
    assert [killed.repair, also_killed.repair] == [operation.after] * 2
    # A boot starts the timer, too.
    assert "start flaskops-acme.service" in cut.repair
    assert cut.title.startswith(f"power cut: {name}: ")


def test_a_sample_breaks_one_run_that_deploys_nothing_and_all_cases_break_each():
    assert chosen("") == list(OPERATIONS)
    assert {name for seed in "abcdefghijklmnopqrst" for name in chosen(seed)} == set(OPERATIONS)
    assert all(len(chosen(seed)) == 1 and chosen(seed) == chosen(seed) for seed in "abc")


def test_what_is_done_to_a_certificate_is_described_where_the_run_needs_it():
    assert [operation.name for operation in OPERATIONS.values() if operation.tls] == ["own certificate"]
    assert OPERATIONS["renewal"].playbook.is_file()
    assert "meta.json" in OPERATIONS["renewal"].before


@pytest.mark.parametrize(
    ("operation", "then_other", "next_run"),
    [
        ("", False, DEPLOYMENT),
        ("rollback", False, DEPLOYMENT),
        ("rollback", True, DEPLOYMENT),
        ("removal", False, OPERATIONS["removal"]),
        ("removal", True, DEPLOYMENT),
        ("purge", False, OPERATIONS["purge"]),
        ("renewal", False, DEPLOYMENT),
        ("first certificate", True, DEPLOYMENT),
        ("own certificate", False, OPERATIONS["own certificate"]),
        ("own certificate", True, OPERATIONS["own certificate"]),
    ],
)
def test_a_removal_is_done_again_or_the_application_comes_back(operation, then_other, next_run):
    assert patient(operation=operation, then_other=then_other).repeated == next_run


@pytest.mark.parametrize(
    ("operation", "then_other", "release"),
    [("", False, "new"), ("", True, "other"), ("rollback", True, "other"), ("renewal", True, "old"), ("own certificate", False, "old")],
)
def test_the_run_after_one_of_a_certificate_builds_no_release(operation, then_other, release):
    deployment = types.SimpleNamespace(old="old", new="new", other="other")
    batch = proof.Batch(deployment, "", DEPLOYED, {})
    assert batch._next(patient(operation=operation, then_other=then_other)) == release


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
        # The next run deploys the release that is there.
        ({"operation": "renewal"}, BACK, True),
        ({"operation": "renewal"}, DEPLOYED, False),
        # The certificate of one's own stays.
        ({"operation": "own certificate"}, BACK, True),
        ({"operation": "own certificate"}, DEPLOYED, False),
    ],
)
def test_what_is_left_is_compared_with_a_state_that_there_may_be(case, state, holds):
    recorded = OperationRecording([], GONE, BACK)
    batch = proof.Batch(None, "", DEPLOYED, dict.fromkeys(OPERATIONS, recorded))
    subject = patient(**case)
    subject.host = type("Host", (), {"state": lambda self: state})()
    assert (batch._left(subject) == []) is holds
