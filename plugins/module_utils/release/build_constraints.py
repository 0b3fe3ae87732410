# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The versions of the tools that packages without a wheel are built with, as pip takes them."""

from __future__ import annotations

import contextlib
import os
import tempfile
import typing as t

from ..app.layout import AppRoot
from ..app.orders import ReleaseOrder

# pip 25.3 has a variable of its own for them. Before, builds obey the one that holds for requirements too.
_VARIABLES = ("PIP_BUILD_CONSTRAINT", "PIP_CONSTRAINT")


@contextlib.contextmanager
def build_constraints(app: ReleaseOrder) -> t.Iterator[dict[str, str]]:
    """Return the environment variables by which pip obeys the constraints, for as long as the block lasts.

    The file lies beside the virtualenvs, where the application's user reads it and makes no names. The next run sweeps that of a killed one.
    """
    if not app["build_constraints"]:
        yield {}
        return
    with tempfile.NamedTemporaryFile("w", dir=AppRoot(app["root"]).virtualenvs, prefix=".tools-", suffix=".txt") as file:
        file.write("".join(f"{line}\n" for line in app["build_constraints"]))
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        # The description may name files of its own, which count as well: pip takes several, separated by blanks.
        given = app["build_environment"]
        yield {name: " ".join(filter(None, [given.get(name, ""), file.name])) for name in _VARIABLES}
