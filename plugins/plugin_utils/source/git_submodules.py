# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The addresses that a commit gives for its submodules (gitmodules(5))."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from .git_command import git
from .tree import SourceError

_REMEDY = "correct .gitmodules, or write source.path with a checkout that has the submodule"


def submodule_urls(repository: Path, commit: str, above: str) -> dict[str, str]:
    """Return the URL of each submodule by its path.

    :param above: URL of the repository itself, where relative ones begin
    :raises SourceError: for an address that leads nowhere, or that git would take for an option
    """
    try:
        listed = git(repository, "config", f"--blob={commit}:.gitmodules", "--null", "--get-regexp", r"^submodule\..*\.(path|url)$")
    except subprocess.CalledProcessError:
        return {}  # no such file, or none of these keys in it
    values = dict(entry.split("\n", 1) for entry in listed.decode(errors="replace").split("\0") if "\n" in entry)
    found: dict[str, str] = {}
    for key, path in values.items():
        name, _dot, last = key.rpartition(".")
        url = values.get(f"{name}.url", "")
        if last == "path" and url:
            found[path.rstrip("/")] = _absolute(url, above, path)
    return found


def _absolute(url: str, above: str, path: str) -> str:
    """Return a URL of which a relative one begins at the repository's, as git-submodule(1) has it."""
    if url.startswith("-") or re.search(r"[\x00-\x1f\x7f]", url):
        raise SourceError("git", f"the submodule '{path}' has the URL {url[:100]!r}, which is none", _REMEDY)
    if not url.startswith(("./", "../")):
        return url
    # The scheme and the host, which a relative URL cannot leave.
    host = re.match(r"(\w[\w+.-]*://[^/]*|[^/:]+(?=:))?", above.rstrip("/"))
    fixed = host.group(0) if host else ""
    rest, separator = above.rstrip("/").removeprefix(fixed), ""
    while url.startswith(("./", "../")):
        step, _slash, url = url.partition("/")
        if step == "..":
            cut = max(rest.rfind("/"), rest.rfind(":"))
            if cut < 0:
                raise SourceError("git", f"the submodule '{path}' has a relative URL that leads above {fixed or 'the repository'}", _REMEDY)
            rest, separator = rest[:cut], rest[cut]
    return f"{fixed}{rest}{separator or '/'}{url}"
