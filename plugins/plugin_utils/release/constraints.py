# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The versions of requirements without a version: chosen on the first host that builds, the same on all others."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from ...module_utils.release.pins import is_pin
from ..source.cache import locked
from ..source.cache_dir import CacheError, errors_of, make_private

# A line of a host may be of any length.
_SHOWN = 60


def key(app: str, virtualenv: str) -> str:
    """Return what constraints are kept by.

    Two applications may have equal virtualenvs. The code of each has a say in its own versions, and not in those of the other.
    """
    return f"{app}-{virtualenv}"


def _place(cache: Path, virtualenv_id: str) -> Path:
    return cache / "constraints" / f"{virtualenv_id}.txt"


def known(cache: Path, virtualenv: str) -> str | None:
    """Return the constraints of a virtualenv, ``None`` if no host has told them.

    :param virtualenv: its :func:`key`
    :raises CacheError: if there is something else in the file, which pip on hosts would obey
    """
    place = _place(cache, virtualenv)
    with errors_of(place):
        text = place.read_text(errors="replace") if place.exists() else None
    foreign = _foreign_line(text or "")
    if foreign:
        raise CacheError(
            place, f"has {foreign}, which is no version of a package", "remove the file, and look who else writes to the controller"
        )
    return text


def _foreign_line(text: str) -> str:
    """Return the first line that is no version of a package as a message has it, empty if there is none."""
    return next((repr(line[:_SHOWN]) for line in text.splitlines() if not is_pin(line)), "")


def remember(cache: Path, virtualenv: str, text: object) -> str:
    """Keep what a host resolved; the first word stands.

    Every other host has pip read it, which obeys options such as ``--index-url`` too. So it is kept if all of it are versions of packages.

    :param virtualenv: its :func:`key`
    :param text: what the host says
    :return: why nothing was kept, empty where it was
    """
    if not isinstance(text, str):
        return "it told no versions"
    foreign = _foreign_line(text)
    if foreign:
        return f"it told {foreign}, which is no version of a package"
    place = _place(cache, virtualenv)
    make_private(place.parent)
    with errors_of(place):
        if not place.exists():
            partial = place.with_name(f".{place.name}.{os.getpid()}")
            partial.write_text(text)
            os.replace(partial, place)
    return ""


def harvest(cache: Path, wanted: Mapping[str, str], answer: object, host: str) -> list[str]:
    """Keep what a host told of the virtualenvs that it was asked for, and of no others; return what to warn of.

    :param wanted: virtualenvs by application
    :param answer: constraints by application, as the host has sent them
    """
    told = answer if isinstance(answer, Mapping) else {}
    problems = {app: remember(cache, key(app, virtualenv), told[app]) for app, virtualenv in wanted.items() if app in told}
    return [
        f"{host}: the versions that {app} was built with are not passed on to other hosts: {problem}. Look whether somebody else"
        f" writes to {host}."
        for app, problem in problems.items()
        if problem
    ]


@contextlib.contextmanager
def first_to_resolve(cache: Path, virtualenv_ids: Iterable[str]):
    """Hold the right to resolve virtualenvs that no host has resolved; hosts that come meanwhile wait for the outcome."""
    with contextlib.ExitStack() as stack:
        # In one order, so that two hosts never wait for each other.
        for virtualenv_id in sorted(set(virtualenv_ids)):
            if known(cache, virtualenv_id) is None:
                inner = stack.enter_context(contextlib.ExitStack())
                inner.enter_context(locked(_place(cache, virtualenv_id)))
                if known(cache, virtualenv_id) is not None:
                    inner.close()
        yield
