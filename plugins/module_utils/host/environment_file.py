# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Environment files as systemd reads them (systemd.exec(5), ``EnvironmentFile=``)."""

from __future__ import annotations

import re
import typing as t


def environment_file(values: t.Mapping[str, str]) -> str:
    """Return an environment file; every value comes back as it is, line breaks, quotes and backslashes included."""
    return "".join(f'{name}="{_escape(value)}"\n' for name, value in sorted(values.items()))


def _escape(value: str) -> str:
    return re.sub(r'(["\\`$])', r"\\\1", value)
