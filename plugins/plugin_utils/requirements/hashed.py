# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Requirements files with hashes (pip's documentation, "Secure installs"): if one requirement has a hash, pip wants a hash of every one.

A path of the source and a commit of a repository, which can have none, are installed by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ...module_utils.app.package_names import required_name
from ..description.validate import shown
from ..source.cache import without_password
from ..source.tree import SourceError
from .lines import RequirementsFile, is_include, joined, local
from .locked import applies_somewhere

_REPOSITORY = re.compile(r"(?:(?:-e|--editable)[\s=]*|[^@/]*@\s*)?(?:git|hg|svn|bzr)\+\S+")
_WHOLE_COMMIT = re.compile(r"@(?:[0-9a-f]{40}|[0-9a-f]{64})(?=[#\s;]|$)")
_HASH_OF_FILE = re.compile(r"#(?:.*&)?(?:sha256|sha384|sha512)=")
_PIN = re.compile(r"[^=<>!~,;]*={2,3}[^=<>!~,;]+(?:;.*|\s--.*)?")
_ALL_OR_NONE = "make the whole file anew, as with `pip-compile --generate-hashes` or `uv export`, or remove all hashes"


def has_hashes(lines: Iterable[str]) -> bool:
    """Return whether pip wants a hash of each requirement."""
    return any("--hash" in line or line.startswith("--require-hashes") for line in lines)


def is_apart(line: str) -> bool:
    """Return whether a requirement can have no hash and need not have one."""
    if "--hash" in line:
        return False
    return local(line) is not None or bool(_REPOSITORY.match(line) and _WHOLE_COMMIT.search(line))


def check_hashes(files: Iterable[RequirementsFile]) -> Iterator[SourceError]:
    """Yield what pip would refuse in requirements of which some have hashes: one line for each problem, however many lines have it."""
    lines = [(line, file) for file in files for line in joined(file.lines)]
    if not has_hashes(line for line, file in lines if not file.constraints):
        return
    # A constraint may have the version and the hash of a requirement.
    bounded = {required_name(line) for line, file in lines if file.constraints}
    required = [(line, file.name) for line, file in lines if not file.constraints and _is_requirement(line) and applies_somewhere(line)]
    wrong = [(line, name, _why(line, bounded)) for line, name in required if not is_apart(line)]
    for problem, remedy in dict.fromkeys(why for _line, _name, why in wrong if why):
        first, *more = [(line, name) for line, name, why in wrong if why == (problem, remedy)]
        said = f"{shown(without_password(first[0]))} in {first[1]}" + (f" (and {len(more)} more)" if more else "")
        yield SourceError("requirements", f"{said} {problem}, and other requirements have hashes", remedy)


def _is_requirement(line: str) -> bool:
    return not is_include(line) and (not line.startswith("-") or bool(re.match(r"(-e|--editable)\b", line)))


def _why(line: str, bounded: set[str]) -> tuple[str, str] | None:
    """Return why pip refuses a requirement beside others with hashes, and the remedy; ``None`` for one that it takes."""
    if _REPOSITORY.match(line):
        return "is a repository without a whole commit", "write the whole commit after @, or remove all hashes"
    if "${" in line or required_name(line) in bounded:
        return None
    if "--hash" not in line and not _HASH_OF_FILE.search(line):
        return "has no hash", _ALL_OR_NONE
    if "://" not in line and local(line) is None and not _PIN.fullmatch(line):
        return "has a hash and no version", "write NAME==VERSION before the hash"
    return None
