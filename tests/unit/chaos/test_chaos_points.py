# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The points at which a run is broken, derived from recorded runs."""

from __future__ import annotations

import ast
import json
import runpy

import pytest
from ansible_collections.flaskops.stack.tests.chaos.fleet import Clone
from ansible_collections.flaskops.stack.tests.chaos.points import (
    Case,
    Step,
    distinct,
    matching,
    of_controller,
    of_modules,
    read_steps,
    sample,
    select,
)
from ansible_collections.flaskops.stack.tests.chaos.surroundings import POINTS
from ansible_collections.flaskops.stack.tests.harness.host import CHECKOUT, Host


def step(function: str = "switch", event: str = "os.rename", count: int = 1, call: str = "uwsgi_instance#1", seconds: float = 0.0) -> Step:
    module = call.partition("#")[0]
    return Step(call, f"modules.{module}.main:10 > {function}.{function}:20 | {event}", count, "/srv/x", seconds)


def kinds(cases) -> dict[str, int]:
    found: dict[str, int] = {}
    for case in cases:
        found[case.kind] = found.get(case.kind, 0) + 1
    return found


def test_steps_are_read_as_a_host_writes_them():
    line = {"call": "config_tree#1", "step": "a.b:1 | open", "count": 2, "what": "/etc/x", "seconds": 0.5}
    assert read_steps(json.dumps(line) + "\n") == [Step("config_tree#1", "a.b:1 | open", 2, "/etc/x", 0.5)]


def test_a_loop_is_taken_at_its_ends_and_in_the_middle():
    steps = [step(count=count) for count in range(1, 101)]
    assert [taken.count for taken in select([steps, steps])] == [1, 2, 50, 100]


def test_what_only_one_host_does_is_no_point():
    waited = [step(count=count) for count in range(1, 5)]
    assert [taken.count for taken in select([waited, waited[:3]])] == [1, 2, 3]


def test_different_lines_are_different_steps():
    other = Step("uwsgi_instance#1", "modules.uwsgi_instance.main:11 > switch.switch:20 | os.rename", 1, "/srv/x", 0)
    assert select([[step(), other], [step(), other]]) == [step(), other]


def test_every_task_is_a_point_of_the_controller():
    assert [(case.task, case.kind) for case in of_controller(["Gather", "Build"])] == [(1, "controller killed"), (2, "controller killed")]


def test_every_step_of_a_module_is_a_point():
    steps = [step("deploy"), step("switch")]
    cases = of_modules(steps)
    assert kinds(cases) == {"module killed": 2, "controller killed beside": 1, "connection cut": 1, "power cut": 2}
    killed = [case.fault for case in cases if case.kind == "module killed"]
    assert killed == [{"call": taken.call, "step": taken.step, "count": 1, "action": "kill"} for taken in steps]


def test_power_is_cut_in_the_transaction_and_the_switch_only():
    assert "power cut" not in kinds(of_modules([step(call="flask_release#1")]))
    assert "power cut" in kinds(of_modules([step(call="config_tree#1")]))


@pytest.mark.parametrize(("event", "count", "cuts"), [("open", 1, 1), ("open", 2, 0), ("os.chmod", 1, 0)])
def test_power_is_cut_once_for_a_step_that_changes_more_than_a_mode(event, count, cuts):
    assert kinds(of_modules([step(event=event, count=count)])).get("power cut", 0) == cuts


@pytest.mark.parametrize(("seconds", "beside"), [(0.1, 0), (2.0, 1)])
def test_a_command_that_takes_its_time_is_interrupted_beside(seconds, beside):
    steps = [step("build", "subprocess.Popen"), step("switch", seconds=seconds)]
    assert kinds(of_modules(steps)).get("module killed beside its command", 0) == beside


def test_a_step_is_told_without_lines():
    assert step("atomic", count=3).title == "uwsgi_instance#1: atomic.atomic: os.rename (3.)"


def test_a_sample_is_the_same_for_a_seed_and_of_all_kinds():
    cases = of_modules([step(call="config_tree#1", function=f"f{number}") for number in range(50)]) + of_controller(["a", "b"])
    one = sample(cases, 8, "abc")
    assert one == sample(cases, 8, "abc")
    assert one != sample(cases, 8, "abd")
    assert len(one) == 8
    assert len(kinds(one)) == len(kinds(cases))
    assert len(sample(cases, 1000, "abc")) == len(cases)


def test_a_kind_with_few_cases_comes_as_often_as_one_with_many():
    cases = [*of_controller([str(number) for number in range(200)]), Case("while the old release drains", "reboot")]
    alone = [sample(cases, 1, str(seed))[0].kind for seed in range(100)]
    assert 30 < alone.count("reboot") < 70


def test_a_fault_of_the_surroundings_finds_its_step():
    assert matching([step("deploy"), step("switch")], "switch.switch") == step("switch")
    with pytest.raises(LookupError, match=r"no step of the recorded run is in nowhere\.at_all"):
        matching([step()], "nowhere.at_all")
    # Two folders have a module of this name; the step is of the right folder.
    (nested,) = read_steps(
        json.dumps({"call": "x#1", "step": "modules.x.main:1 > instance.switch.switch:2 | open", "count": 1, "what": "", "seconds": 0})
    )
    with pytest.raises(LookupError, match="no step"):
        matching([nested], "switch.switch")


def functions(module: str) -> set[str]:
    """Return the names of all functions and methods of a file of module_utils."""
    tree = ast.parse((CHECKOUT / "plugins" / "module_utils" / f"{module.replace('.', '/')}.py").read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("point", POINTS)
def test_every_point_is_a_function_that_there_is(point):
    module, _dot, function = point.rpartition(".")
    assert function in functions(module), f"tests/chaos/surroundings.py disturbs {point}, which is not in plugins/module_utils any more"


def test_a_step_is_named_by_its_path():
    name = runpy.run_path(str(CHECKOUT / "tests" / "chaos" / "chaos_steps.py"))["_name"]
    assert name("modules/config_tree.py") == "modules.config_tree"
    assert name("module_utils/config_tree/stage.py") == "config_tree.stage"


def test_every_case_has_a_title_of_its_own():
    cases = distinct([Case("a", "killed"), Case("a", "cut"), Case("a", "killed")])
    assert [case.title for case in cases] == ["killed: a", "cut: a", "killed: a [2]"]


def test_a_copy_of_a_host_hides_no_method_of_hosts():
    assert {name for name in vars(Clone) if name in vars(Host)} <= {"__module__", "__doc__", "__init__"}
