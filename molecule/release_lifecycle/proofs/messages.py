"""The message of a run, taken apart by the applications that failed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.driver import Site
from ansible_collections.flaskops.stack.tests.harness.controller import Run

FAILS = "deploy | Fail with the message of every application that failed"


def told(message: str, names: Collection[str]) -> dict[str, str]:
    """Return by application what a message says of it: the lines from the one that begins with its name."""
    found: dict[str, str] = {}
    name = ""
    for line in message.splitlines(keepends=True):
        name = next((each for each in names if line.startswith((f"{each}:", f"{each}."))), name)
        found[name] = found.get(name, "") + line
    return found


def require_failures(site: Site, run: Run, says: Mapping[str, Sequence[str]], deployed: Collection[str]) -> None:
    """Require that a run fails with a message about each application that failed, in its own words, and about no other.

    :param says: texts by application
    :param deployed: the names of all applications of the run
    """
    for host in site.hosts:
        message = run.messages.get(host.name, "")
        found = told(message, deployed)
        assert set(found) == set(says), f"{host}: the message is about {[*found]} and not about {[*says]}: {message or run.said}"
        for name, texts in says.items():
            missing = [text for text in texts if text not in found[name]]
            assert not missing, f"{host}: the message of {name} has no {missing}: {found[name]}"


def require_failure_at_the_end(site: Site, run: Run) -> None:
    """Require that no task failed but the last one, so that the run has done what it could for the other applications."""
    for host in site.hosts:
        failed = [task for task, where, result in run.results if where == host.name and result.get("failed")]
        assert failed == [FAILS], f"{host}: these tasks failed: {failed}"
