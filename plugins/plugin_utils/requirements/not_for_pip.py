# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines of a requirements file that no version of pip reads, whatever the index has: other tools write them, or people by mistake."""

from __future__ import annotations

import re

from ..description.validate import shown
from ..source.cache import without_password
from ..source.tree import SourceError
from .lines import local

# Modules of Python itself that people take for packages, and of which the index has no package with the same name.
_OF_PYTHON = (
    *("base64", "collections", "copy", "csv", "glob", "hashlib", "io", "itertools", "json", "math", "os", "pickle", "platform", "random"),
    *("re", "shutil", "smtplib", "socket", "sqlite3", "string", "subprocess", "sys", "threading", "time", "tkinter", "traceback"),
    *("unittest", "urllib"),
)
_ONLY_OF_THE_COMMAND = (
    *("-U", "--upgrade", "--user", "-t", "--target", "-I", "--ignore-installed", "--force-reinstall", "--no-deps", "--no-cache-dir"),
    *("-q", "--quiet", "-v", "--verbose", "-y", "--yes", "--no-build-isolation", "--break-system-packages", "--prefix", "--root"),
)
# Each with what is wrong with the line, and the remedy.
_NEVER: tuple[tuple[str, str, str], ...] = (
    (r"[A-Za-z0-9][A-Za-z0-9._-]*=[^=].*", "is a line of conda", "write NAME==VERSION, as `pip list --format=freeze` does"),
    (
        r"[^@]*@ file:/.*/(?:conda-bld|croot|feedstock_root|ci|ci_\d+|build/80754af9)/.*",
        "is a path of the machine that conda built the package on",
        "write NAME==VERSION, as `pip list --format=freeze` does",
    ),
    (
        r"pkg[-_]resources\s*==\s*0\.0\.0.*",
        "is no package; older versions of pip on Debian and Ubuntu wrote it",
        "remove the line",
    ),
    (r"python\s*(?:[=<>!~(].*)?", "is no package, but Python itself", "remove the line, and name an interpreter of the host in `python`"),
    (rf"(?:{'|'.join(_OF_PYTHON)})\s*(?:[=<>!~;].*)?", "is no package, but a module of Python itself", "remove the line"),
    (r"(?:<{7}|={7}|>{7}|\|{7})(?:\s.*)?", "is left from a merge that was not finished", "resolve the conflict"),
    (r"(?:\S*python\S*\s+-m\s+)?pip3?\s+install\b.*", "is a command", "write what it installs, each requirement on a line of its own"),
    (
        rf"(?:{'|'.join(map(re.escape, _ONLY_OF_THE_COMMAND))})(?:[\s=].*)?",
        "is an option of the command `pip install`, which no requirements file may have",
        "remove the option",
    ),
    (
        r"(?:(?:-e|--editable)[\s=]*|[^@]*@\s*)?git\+[\w.-]+@[^/:\s]+:.*",
        "has the short form of an address of ssh, which pip does not read",
        "write git+ssh://USER@HOST/PATH",
    ),
    (
        r"(?:(?:-e|--editable)[\s=]*|[^@]*@\s*)?https?://[^\s#]+\.git(?:[@#\s].*)?",
        "is the address of a repository, which pip would take for that of a file",
        "write git+ before https",
    ),
    (
        r"(?:(?:-[erc]|--editable|--requirement|--constraint)[\s=]*)?(?:\.{0,2}|[A-Za-z]:|[\w.-]+)\\[\w.].*",
        "has a path as Windows writes it",
        "write / in the place of \\, and a path inside the source",
    ),
)
# A name with extras, and then a version, an address, a marker or options of the line. How versions look is left to the pip of the host.
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\]\s*)?(?:$|[@(<>=!~;]|\s--)")


def never_for_pip(line: str, file: str) -> SourceError | None:
    """Return the problem of a line that pip never takes, ``None`` for any other line.

    :param line: without comments
    """
    line = line.rstrip("\\").strip()
    for pattern, problem, remedy in _NEVER:
        if re.fullmatch(pattern, line):
            return _error(line, file, problem, remedy)
    is_more = line.startswith("-") or "://" in line or "${" in line or re.match(r"(git|hg|svn|bzr)\+", line) or local(line) is not None
    if is_more or _REQUIREMENT.match(line):
        return None
    return _error(line, file, "is no requirement that pip reads", "write NAME==VERSION, each requirement on a line of its own")


def _error(line: str, file: str, problem: str, remedy: str) -> SourceError:
    return SourceError("requirements", f"{shown(without_password(line))} in {file} {problem}", remedy)
