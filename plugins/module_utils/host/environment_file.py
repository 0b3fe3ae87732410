# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Environment files as systemd reads them (systemd.exec(5), ``EnvironmentFile=``)."""

from __future__ import annotations

import re
import typing as t

# An assignment as this file writes it: a backslash stands before characters of the shell.
_ASSIGNMENT = re.compile(r'^(\w+)="((?:[^"\\]|\\.)*)"$', re.MULTILINE | re.DOTALL)


def environment_file(values: t.Mapping[str, str]) -> str:
    """Return an environment file; every value comes back as it is, line breaks, quotes and backslashes included."""
    return "".join(f'{name}="{_escape(value)}"\n' for name, value in sorted(values.items()))


def variables_in(text: str) -> dict[str, str]:
    """Return the variables of a file that :func:`environment_file` has written."""
    return {name: re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL) for name, value in _ASSIGNMENT.findall(text)}


def _escape(value: str) -> str:
    return re.sub(r'(["\\`$])', r"\\\1", value)
