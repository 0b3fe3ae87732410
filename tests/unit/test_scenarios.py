# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which scenarios run when, and what their lines tell."""

from __future__ import annotations

import io
import subprocess
import sys
from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.tools import scenarios

LOG = """\
INFO     [shop > create] Executing
changed: [shop-trixie]
INFO     [shop > create] Executed: Successful
INFO     [shop > prepare] Executing
WARNING  [shop > prepare] Executed: Missing playbook (Remove from test_sequence to suppress)
INFO     [shop > verify] Executing
ERROR    [shop > verify] Executed: Failed
"""


# Among so many commits is one of every slice.
COMMITS = 8


def arguments(**changes):
    return SimpleNamespace(**{"names": [], "set": None, "slice": "", **changes})


def test_every_scenario_names_a_set_that_there_is():
    assert {scenarios.set_of(name) for name in scenarios.available()} == {"test", "rest", "request"}


def test_a_set_that_there_is_not_is_told(tmp_path, monkeypatch):
    place = tmp_path / "molecule" / "shop"
    place.mkdir(parents=True)
    (place / "molecule.yml").write_text("---\nprovisioner:\n  env: {SCENARIO_SET: often}\n")
    monkeypatch.setattr(scenarios, "ROOT", tmp_path)
    with pytest.raises(ValueError, match=r"shop/molecule\.yml: SCENARIO_SET is 'often'"):
        scenarios.set_of("shop")
    (place / "molecule.yml").write_text("---\n")
    assert scenarios.set_of("shop") == "rest"


def test_slices_of_commits_are_the_whole_rest_and_share_nothing():
    names = [f"scenario {number}" for number in range(10)]
    slices = {tuple(scenarios.sliced(names, str(commit))) for commit in range(COMMITS)}
    assert len(slices) == scenarios.SLICES
    assert sorted(name for some in slices for name in some) == sorted(names)
    assert scenarios.sliced(names, "0f3a1c9d") == scenarios.sliced(names, "0f3a1c9d")


def test_a_commit_adds_its_slice_to_the_set(capsys):
    test = scenarios.chosen(arguments(set="test"))
    more = scenarios.chosen(arguments(set="test", slice="0f3a1c9d"))
    assert {scenarios.set_of(name) for name in test} == {"test"}
    assert set(test) < set(more) < set(scenarios.chosen(arguments()))
    added = capsys.readouterr().out
    assert all(name in added for name in set(more) - set(test))


def test_a_scenario_on_request_runs_only_if_it_is_named():
    asked = {name for name in scenarios.available() if scenarios.set_of(name) == "request"}
    assert "published" in asked
    everything, *runs = [scenarios.chosen(arguments(**more)) for more in ({}, {"set": "test"})]
    runs += [scenarios.chosen(arguments(set="test", slice=str(commit))) for commit in range(COMMITS)]
    assert set(everything) == set(scenarios.available()) - asked
    assert not [name for run in runs for name in run if name in asked]
    assert set(everything) == {name for run in runs for name in run}, "slices are made of those that run without being named"
    assert scenarios.chosen(arguments(names=["published"])) == ["published"]


def test_an_unknown_scenario_is_told():
    with pytest.raises(ValueError, match="no such scenario: nowhere; there are: "):
        scenarios.chosen(arguments(names=["nowhere"]))


def test_steps_are_read_from_what_molecule_says(tmp_path):
    steps = scenarios.follow(SimpleNamespace(stdout=io.StringIO(LOG)), tmp_path / "log")
    assert [step for step, _seconds in steps] == ["create", "prepare", "verify"]
    assert (tmp_path / "log").read_text() == LOG


def test_a_line_tells_the_steps_that_took_time():
    outcome = scenarios.Outcome(True, 61.4, (("create", 10.2), ("prepare", 0.3), ("verify", 41.0)))
    assert outcome.line("shop").split() == ["passed", "shop", "61", "s", "create", "10,", "verify", "41"]


def test_the_program_that_makes_wheels_for_the_hosts_starts_by_itself():
    """Python gets no package of the collection, as in molecule/shared/create.yml."""
    program = scenarios.ROOT / "tests/target/wheelhouse.py"
    start = f"import runpy; runpy.run_path({str(program)!r})"
    done = subprocess.run([sys.executable, "-c", start], cwd="/", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


PLAY = """\
TASK [refused | Ask for a site that may not be] ********************************
fatal: [shop-trixie]: FAILED! =>
    msg: rescued on the host that fails later

TASK [cache | Fill the cache] **************************************************
ok: [shop-bookworm]
failed: [shop-trixie] (item=direct) => {"msg": "a part"}
fatal: [shop-trixie]: FAILED! =>
    changed: false
    msg: |-
        stale: 502 instead of 200

TASK [refused | Ask for another site that may not be] **************************
fatal: [shop-bookworm]: FAILED! =>
    msg: rescued

PLAY RECAP *********************************************************************
shop-bookworm              : ok=251  changed=16   unreachable=0    failed=0    skipped=22   rescued=14   ignored=0
shop-trixie                : ok=250  changed=16   unreachable=0    failed=1    skipped=22   rescued=14   ignored=0

CRITICAL Ansible return code was 2
"""


def test_the_reason_is_what_failed_and_not_what_was_rescued():
    assert scenarios.reason(PLAY) == (
        'cache | Fill the cache: failed: [shop-trixie] (item=direct) => {"msg": "a part"} '
        "fatal: [shop-trixie]: FAILED! => changed: false msg: |- stale: 502 instead of 200"
    )


def test_the_reason_of_a_proof_is_what_pytest_found():
    proof = "TASK [Prove it] ***\nE       AssertionError: shop: two releases\nE       assert 2 == 1\n=== 1 failed in 3 s ===\n"
    assert scenarios.reason(f"{proof}{PLAY}") == "Prove it: E AssertionError: shop: two releases E assert 2 == 1"


def test_a_failure_without_a_task_is_told_by_its_last_lines():
    assert scenarios.reason("one\ntwo\nthree\nDocker does not answer\n") == "two three Docker does not answer"
    assert len(scenarios.reason("x" * 5000)) == scenarios.REASON
