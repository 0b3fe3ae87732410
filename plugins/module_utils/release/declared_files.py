# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The requirements that the controller has read in a source, in files for pip."""

from __future__ import annotations

import contextlib
import os
import tempfile
import typing as t

from ..app.layout import AppRoot
from ..app.orders import ReleaseOrder


class DeclaredFiles(t.NamedTuple):
    """Paths of files, empty where there are no such lines; see :class:`DeclaredRequirements`."""

    locked: str = ""
    resolved: str = ""
    constraints: str = ""
    loose: str = ""


@contextlib.contextmanager
def declared_files(app: ReleaseOrder) -> t.Iterator[DeclaredFiles]:
    """Have the lines of a release in files for as long as the block lasts.

    They lie beside the virtualenvs, where the application's user reads them and makes no names. A run that is killed leaves files that
    the next one sweeps.
    """
    declared = app["release"]["declared"]
    lines: dict[str, list[str]] = {name: t.cast(t.Any, declared)[name] for name in DeclaredFiles._fields} if declared else {}
    with contextlib.ExitStack() as stack:
        paths: dict[str, str] = {}
        for name, text in lines.items():
            if text:
                place = AppRoot(app["root"]).virtualenvs
                file = stack.enter_context(tempfile.NamedTemporaryFile("w", dir=place, prefix=".declared-", suffix=".txt"))
                file.write("".join(f"{line}\n" for line in text))
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                paths[name] = file.name
        yield DeclaredFiles(**paths)
