# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a program to its end and keep what it said."""

from __future__ import annotations

import os
import shutil
import subprocess
import typing as t
from collections.abc import Callable


class CommandError(Exception):
    """A program that could not be run or failed; the message has its words."""


class Outcome(t.NamedTuple):
    """What a program left: its exit status and its lines on both outputs."""

    status: int
    lines: list[str]


Runner = Callable[[list[str]], Outcome]


def run(argv: list[str]) -> Outcome:
    """Run a program to its end in the C locale.

    :raises CommandError: if it cannot be started
    """
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C", "LANGUAGE": ""},
            check=False,
        )
    except OSError as error:
        raise CommandError(f"cannot run {argv[0]}: {error.strerror}") from error
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    return Outcome(done.returncode, [line.rstrip() for line in lines if line.strip()])


def find_program(name: str) -> str | None:
    """The program's path, also from the directories of root's programs, None if not installed."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin")
