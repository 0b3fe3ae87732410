# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The code of an application as the host packed it."""

from __future__ import annotations

import base64
import dataclasses
import posixpath
import re
import tempfile
import typing as t
from pathlib import Path

from ..source.members import MemberError
from ..source.unpack import unpack
from .findings import FoundAt, Left

_DECLARING = ("requirements.txt", "pylock.toml", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pyproject.toml", "setup.py")
_TEXTS = (".py", ".cfg", ".ini", ".toml", ".json", ".yml", ".yaml", ".env")
_MOST_PLACES = 5


@dataclasses.dataclass
class Code:
    """The directory of an application, as a host has told it.

    :param data: files and directories that the application writes, below the directory; a directory ends in a slash
    :param git: ``remote``, ``commit`` and ``top`` of the checkout, empty for none
    :param packages: pinned requirements of its virtualenv
    """

    path: str
    data: list[str] = dataclasses.field(default_factory=list)
    git: dict[str, str] = dataclasses.field(default_factory=dict)
    packages: list[str] = dataclasses.field(default_factory=list)
    problem: str = ""
    left: list[Left] = dataclasses.field(default_factory=list)
    copy: Path | None = None

    def declares_requirements(self) -> bool:
        return any((self.copy / name).is_file() for name in _DECLARING) if self.copy else False


def code_of(told: t.Mapping[str, t.Any], directory: str, place: Path) -> Code:
    """Return the code from the answer of the module ``adoption_info``.

    :param directory: the name by which the application's definition knows it
    :param place: an empty directory of the controller for the copy
    """
    code = Code(told["path"], list(told["data"]), dict(told["git"]), list(told["packages"]), told["problem"])
    if code.problem:
        code.left.append(Left(directory, f"the code was not copied ({code.problem})", "copy it yourself, and name it in source.path"))
    for words in told["kept_back"]:
        code.left.append(Left(directory, f"{words} and was not copied", "see whether the application needs it"))
    if told["archive"]:
        try:
            _unpack(told["archive"], place)
            code.copy = place
        except (MemberError, ValueError) as error:
            code.left.append(
                Left(directory, f"the host sent code that cannot be unpacked ({error})", "copy it yourself, and name it in source.path")
            )
    code.left += _absolute(code, directory)
    return code


def _unpack(packed: str, place: Path) -> None:
    with tempfile.NamedTemporaryFile(suffix=".tar.gz") as file:
        file.write(base64.b64decode(packed))
        file.flush()
        unpack(Path(file.name), place)


def _absolute(code: Code, directory: str) -> t.Iterator[Left]:
    """Yield the places where the code names its own directory, which it leaves now."""
    count = 0
    for file in sorted(code.copy.rglob("*")) if code.copy else ():
        if file.suffix not in _TEXTS or not file.is_file() or file.is_symlink():
            continue
        path = str(file.relative_to(t.cast("Path", code.copy)))
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if re.search(rf"{re.escape(directory)}(/|\b)", line) and count < _MOST_PLACES:
                count += 1
                yield Left(
                    str(FoundAt(posixpath.join(directory, path), number)),
                    f"the code names its own directory {directory}",
                    "use a path relative to the file, or a variable of the environment",
                )
