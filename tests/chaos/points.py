"""The points at which a run is broken, derived from recorded runs: every task of the controller and every step of every module call."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Iterable, Sequence
from typing import Any

# If a step repeats, as in a loop over the files of a virtualenv, so many are taken from the beginning, one in the middle
# and the last.
FIRST_ONES = 2
# A command of a step runs long enough to be interrupted beside it.
LONG_SECONDS = 0.4
# The power is cut in these modules: at every step of the transaction of files and of the switch, the first time that it is come to.
POWER = ("config_tree#", "uwsgi_instance#")
# They change nothing that the next step would not find changed.
OF_MODES = ("| os.chmod", "| os.chown", "| os.utime")


@dataclasses.dataclass(frozen=True)
class Step:
    """A step of a module, as a host tells it."""

    call: str
    step: str
    count: int
    what: str
    seconds: float

    @property
    def identity(self) -> tuple[str, str, int]:
        return self.call, self.step, self.count

    @property
    def functions(self) -> list[str]:
        """Return the functions on the stack, the outermost first: ``modules.flask_release.main``, ``release.build.build``."""
        return [part.split(":")[0] for part in self.step.partition(" | ")[0].split(" > ")]

    @property
    def title(self) -> str:
        """Return the step for people: the functions without their lines, and what it does."""
        functions, event = self.functions, self.step.partition(" | ")[2]
        inner = [name for name in functions if not name.startswith("modules.")][-2:] or functions[-1:]
        times = f" ({self.count}.)" if self.count > 1 else ""
        return f"{self.call}: {' > '.join(inner)}: {event}{times}"


@dataclasses.dataclass(frozen=True)
class Case:
    """A run that is disturbed once."""

    name: str
    kind: str
    # For the host: at which step what happens; see chaos_steps.py.
    fault: dict[str, Any] = dataclasses.field(default_factory=dict)
    # For the controller: the number of the task where it is killed, 0 for none.
    task: int = 0
    # Commands on the host before the run, and after it.
    before: str = ""
    repair: str = ""
    # Whether the fault itself stops the site, so that it has to answer from the next run on only.
    stops_site: bool = False
    # Whether the release is one that cannot run.
    too_large: bool = False
    # Whether the next run deploys yet another release, and not again the one whose run was disturbed.
    then_other: bool = False
    # Whether two controllers run at the same time, and whether the second one deploys yet another release.
    twice: bool = False
    differing: bool = False
    # Whether the neighbour is deployed anew in the run that is disturbed; it has to be live with that whatever becomes of the application.
    with_neighbour: bool = False
    # The run that is disturbed, if it deploys nothing: a key of OPERATIONS.
    operation: str = ""

    @property
    def title(self) -> str:
        return f"{self.kind}: {self.name}"

    @property
    def is_alone(self) -> bool:
        """Whether a controller has to have this host for itself: it is killed, or its run differs from those of other hosts."""
        return bool(self.task or self.twice or self.too_large or self.with_neighbour or self.kind == "controller killed beside")


def read_steps(text: str) -> list[Step]:
    """Return the steps that a host has recorded."""
    return [Step(**json.loads(line)) for line in text.splitlines()]


def select(recordings: Sequence[Sequence[Step]]) -> list[Step]:
    """Return the steps to break at, in order.

    Loops that wait go round more often in one run than in another, so a step counts where every recording has it.
    """
    common = set.intersection(*({step.identity for step in steps} for steps in recordings))
    steps = [step for step in recordings[0] if step.identity in common]
    last: dict[tuple[str, str], int] = {}
    for step in steps:
        last[step.call, step.step] = step.count

    def is_taken(step: Step) -> bool:
        end = last[step.call, step.step]
        return step.count <= FIRST_ONES or step.count in (end // 2, end)

    return [step for step in steps if is_taken(step)]


def of_controller(tasks: Sequence[str]) -> list[Case]:
    """Return the cases in which the controller is killed where a task begins."""
    return [Case(f"task {number}: {name}", "controller killed", task=number) for number, name in enumerate(tasks, 1)]


def of_modules(steps: Sequence[Step]) -> list[Case]:
    """Return the cases in which a module, its connection or its host ends at a step."""
    cases = []
    first: set[str] = set()
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        where = {"call": step.call, "step": step.step, "count": step.count}
        cases.append(Case(step.title, "module killed", fault={**where, "action": "kill"}))
        lasts = after is None or after.call != step.call or after.seconds - step.seconds > LONG_SECONDS
        if step.step.endswith("| subprocess.Popen") and lasts:
            cases.append(Case(step.title, "module killed beside its command", fault={**where, "action": "kill beside"}))
        if step.call not in first:
            first.add(step.call)
            cases.append(Case(step.title, "controller killed beside", fault={**where, "action": "wait"}))
            cases.append(Case(step.title, "connection cut", fault={**where, "action": "cut"}))
        if step.call.startswith(POWER) and step.count == 1 and not step.step.endswith(OF_MODES):
            cases.append(Case(step.title, "power cut", fault={**where, "action": "wait"}))
    return cases


def distinct(cases: Iterable[Case]) -> list[Case]:
    """Return the cases with a number behind titles that others have too, as steps of different lines of one function."""
    seen: dict[str, int] = {}
    found = []
    for case in cases:
        seen[case.title] = number = seen.get(case.title, 0) + 1
        found.append(dataclasses.replace(case, name=f"{case.name} [{number}]") if number > 1 else case)
    return found


def sample(cases: Sequence[Case], number: int, seed: str) -> list[Case]:
    """Return some of the cases, others with every seed, of as many kinds as possible. A kind with few cases comes as often as one with many."""
    chosen = random.Random(seed)
    kinds = list(dict.fromkeys(case.kind for case in cases))
    by_kind: dict[str, list[Case]] = {kind: [] for kind in chosen.sample(kinds, len(kinds))}
    for case in chosen.sample(list(cases), len(cases)):
        by_kind[case.kind].append(case)
    found: list[Case] = []
    while len(found) < min(number, len(cases)):
        for kind in [kind for kind in by_kind if by_kind[kind]]:
            found.append(by_kind[kind].pop())
    return found[:number]


def matching(steps: Iterable[Step], function: str) -> Step:
    """Return the first step inside a function, named by its module below plugins/module_utils.

    :raises LookupError: if no step is
    """
    for step in steps:
        if function in step.functions:
            return step
    raise LookupError(f"no step of the recorded run is in {function}")
