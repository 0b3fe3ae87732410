"""The bad releases and the good ones of test_releases.py, and the order in which its five applications get them."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Callable, Iterable

from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.driver import APP
from ansible_collections.flaskops.stack.tests.harness.load import Load
from ansible_collections.flaskops.stack.tests.harness.source import Description, Source, changed

# A package that releases may require.
DEPENDENCY = "ledger_dependency"
# Seconds at least at the gate for a release that must not pass it.
LEAST_PATIENCE = 40
# It starts beside all others on a machine that may be busy, so it has so many times as long as the slowest of the first releases took.
AS_LONG_AS_THE_SLOWEST = 4


@dataclasses.dataclass
class Book:
    """An application: its code, its description as it was deployed last, and the requests to it."""

    name: str
    source: Source
    app: Description
    load: Load


class Bad(t.NamedTuple):
    """A release that must fail."""

    # More code in page.py.
    code: str = ""
    changes: dict[str, t.Any] = {}
    requires: tuple[str, ...] = ()
    # Texts that the message has.
    says: tuple[str, ...] = ()
    # Whether it has a line in the history: not where there was no release yet to try.
    tried: bool = True
    # Whether it is at the gate until its time is over.
    waits: bool = False

    def described(self, app: Description, patience: int) -> Description:
        """Return its description.

        :param patience: seconds at the gate if it waits there
        """
        return changed(app, **self.changes, **({"health": {"timeout": patience}} if self.waits else {}))

    def message(self, patience: int) -> tuple[str, ...]:
        """Return the texts that the message of a run has about it."""
        return (*self.says, *([f"within {patience} s"] if self.waits else []))


class Good(t.NamedTuple):
    """A release that must replace the one before."""

    # Makes the change and returns the description.
    change: Callable[[Book], Description]
    # Directories in which the hosts have a new entry afterwards, of virtualenvs, releases and instances.
    makes: tuple[str, ...] = ("releases", "instances")


BAD = {
    "a syntax error": Bad("LEDGER = [1, 2\n", says=("SyntaxError", "LEDGER = [1, 2", "Python cannot read the code", "before it was ready")),
    "a missing dependency": Bad("import ledger_paper\n", says=("No module named 'ledger_paper'", "before it was ready")),
    "an import that hangs": Bad(
        "import time\n\nprint('looking for the ink', flush=True)\ntime.sleep(6000)\n",
        says=("looking for the ink", "was not ready"),
        waits=True,
    ),
    "500 on health": Bad(
        "def health():\n    raise RuntimeError('the ink is dry')\n",
        says=("/health", "answered 500", "RuntimeError: the ink is dry"),
        waits=True,
    ),
    "a start slower than the timeout": Bad(
        "def health():\n    return 'filling the pen', 503\n",
        says=("answered 503", "'filling the pen'"),
        waits=True,
    ),
    "an exit right after it was ready": Bad(
        "import os\nimport signal\n\n\ndef health():\n    print('out of ink', flush=True)\n"
        "    os.kill(os.getppid(), signal.SIGKILL)\n    return 'well'\n",
        {"health": {"successes": 2}},
        says=("out of ink", "exited with 9 after it was ready"),
    ),
    "a wrong Python": Bad(
        changes={"python": "/opt/python3.99/bin/python3"}, says=("'/opt/python3.99/bin/python3' is not on the host",), tried=False
    ),
    "a failing build hook": Bad(
        changes={"hooks": {"build": ["python hooks.py build", "echo 'the binding is torn' >&2; exit 3"]}},
        says=("build hook", "ended with 3", "the binding is torn"),
    ),
    "a failing migrate hook": Bad(
        changes={"hooks": {"migrate": ["echo 'the drawer is locked' >&2; exit 4"]}},
        says=("migrate hook", "ended with 4", "the drawer is locked"),
    ),
    "a requirement that does not exist": Bad(requires=("ledger-unicorn==1.0",), says=("ledger-unicorn==1.0",)),
}


def code(book: Book) -> Description:
    book.source.write("code")
    return book.app


def requirement(book: Book) -> Description:
    book.source.require(f"{DEPENDENCY}==1.0")
    return book.app


def commit(book: Book) -> Description:
    book.source.write("commit")
    return changed(book.app, source=book.source.git())


def archive(book: Book) -> Description:
    book.source.write("archive")
    return changed(book.app, source=book.source.archive())


def package(book: Book) -> Description:
    book.source.write("package")
    return changed(book.app, source=book.source.package())


GOOD = {
    "other code": Good(code),
    "another setting": Good(lambda book: changed(book.app, env={"LEDGER_MODE": "brisk"}), ("instances",)),
    "another secret": Good(lambda book: changed(book.app, secrets={"LEDGER_SECRET": "whisper-0815"}), ("instances",)),
    "another requirement": Good(requirement, ("virtualenvs", "releases", "instances")),
    # The code as it was, but with git's own digest.
    "a git repository": Good(commit),
    "another commit": Good(commit),
    "an archive": Good(archive),
    "another archive": Good(archive),
    # Without the requirement that the directory had.
    "a package": Good(package, ("virtualenvs", "releases", "instances")),
    "another version of the package": Good(package),
}

# The releases that each application gets, in the order of the runs.
TURNS = {
    APP: ("an import that hangs", "other code", "a missing dependency", "another requirement"),
    "inkwell": ("another setting", "a syntax error", "another secret", "a failing migrate hook"),
    "almanac": ("500 on health", "a git repository", "a failing build hook", "another commit"),
    "gazette": ("an archive", "an exit right after it was ready", "another archive", "a wrong Python"),
    "notebook": ("a start slower than the timeout", "a package", "a requirement that does not exist", "another version of the package"),
}
RUNS = [dict(zip(TURNS, turns, strict=True)) for turns in zip(*TURNS.values(), strict=True)]
# After so many runs each application has had a bad release and a good one.
ROUND = 2


def patience(seconds_at_the_gate: Iterable[float]) -> int:
    """Return how long a release that must not pass the gate is to be there, on a machine where the first ones took so long."""
    return max(LEAST_PATIENCE, int(AS_LONG_AS_THE_SLOWEST * max(seconds_at_the_gate)) + 1)
