# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The program nft: what rules a kernel has, and what it would make of a file."""

from __future__ import annotations

import json
import os
import tempfile
import typing as t

from ..host.command import ANY_STATUS, Runner, find_program, run
from .rules import TABLE

# A unit of systemd wants a path, and this is Debian's.
PROGRAM = "/usr/sbin/nft"
_LIST = f"{PROGRAM} --stateless list table {' '.join(TABLE)}"


def is_installed() -> bool:
    return os.access(PROGRAM, os.X_OK)


def everything(runner: Runner = run) -> list[dict[str, t.Any]]:
    """Return all tables, chains and rules of the kernel (libnftables-json(5))."""
    return json.loads(runner([PROGRAM, "--json", "list", "ruleset"]).output)["nftables"]


def loaded(runner: Runner = run) -> str:
    """Return the rules of our table as the kernel has them, empty if it has no such table."""
    done = runner(_LIST.split(), ANY_STATUS)
    return done.output if done.status == 0 else ""


def loaded_from(text: str, runner: Runner = run) -> str:
    """Return what :func:`loaded` would return after a file was loaded, and change nothing.

    nft lists rules in its own words, which differ between versions. So the file is loaded in a network of its own, which ends with the command.

    :raises CommandError: if the kernel would refuse the file
    """
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/flaskops.nft"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        runner([PROGRAM, "--check", "--file", path])
        return runner(["unshare", "--net", "--", "sh", "-c", f'{PROGRAM} --file "$1" && {_LIST}', "sh", path]).output


def load(path: str, runner: Runner = run) -> None:
    """Load a file in one step: all of it, or nothing."""
    runner([PROGRAM, "--file", path])


def takes(path: str, runner: Runner = run) -> bool:
    """Return whether a file could be loaded."""
    return runner([PROGRAM, "--check", "--file", path], ANY_STATUS).status == 0


def saved_by_iptables(programs: t.Iterable[str], runner: Runner = run) -> dict[str, str]:
    """Return what programs such as ``iptables-nft-save`` print, by program; those that are not installed are left out."""
    return {name: runner([name, "-t", "filter"], ANY_STATUS).output for name in programs if find_program(name)}
