# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The distribution and the packages of a Debian host, and whether a file is as its package brought it."""

from __future__ import annotations

import hashlib
import re
import typing as t

from .command import ANY_STATUS, CommandError, run
from .files import read_text

DPKG_STATUS = "/var/lib/dpkg/status"
APT_STATES = "/var/lib/apt/extended_states"
OS_RELEASE = "/etc/os-release"
_PLAIN_NAME = r"[a-z0-9][a-z0-9+.-]+"


def distribution() -> dict[str, t.Any]:
    """Return what the distribution calls itself, and the family: its own name and those it says it is like (os-release(5))."""
    pairs = [line.partition("=")[::2] for line in (read_text(OS_RELEASE, follow=True) or "").splitlines() if "=" in line]
    values = {key: value.strip().strip("\"'") for key, value in pairs}
    name = values.get("ID", "linux")
    return {"name": values.get("PRETTY_NAME", name), "family": [name, *values.get("ID_LIKE", "").split()]}


def missing_packages(names: t.Sequence[str]) -> list[str]:
    """Return the packages that apt would have to do something about; all that is more than a name is for apt to understand.

    A package that came as a dependency of another is among them: apt marks it as wanted, so that it does not go with the other.
    """
    if not names:
        return []
    wanted = {name for name in names if re.fullmatch(_PLAIN_NAME, name)}
    known = _paragraphs(DPKG_STATUS, {*wanted, "dpkg"})
    # A package may be there for another architecture too.
    native = {"all", *(fields.get("Architecture") for fields in known if fields["Package"] == "dpkg")}
    installed = {
        fields["Package"] for fields in known if fields["Status"].endswith(" ok installed") and fields.get("Architecture") in native
    }
    automatic = {fields["Package"] for fields in _paragraphs(APT_STATES, wanted) if fields.get("Auto-Installed") == "1"}
    return [name for name in names if name not in installed or name in automatic]


def unknown_packages(names: t.Sequence[str]) -> list[str]:
    """Return the packages that no source of apt has. On a host that has never read its sources, nothing is known of any package."""
    if not names:
        return []
    try:
        policy = run(["apt-cache", "policy"], accepted=ANY_STATUS).output
        found = run(["apt-cache", "policy", *names], accepted=ANY_STATUS).output
    except CommandError:
        return []
    # Each source of packages has a line " 500 https://… trixie/main amd64 Packages", and dpkg's list one with its path.
    if not re.search(r"^ +-?\d+ \w+:", policy, re.MULTILINE):
        return []
    candidates = dict(re.findall(r"^(\S+):\n  Installed: .+\n  Candidate: (.+)$", found, re.MULTILINE))
    return [name for name in names if candidates.get(name, "(none)") == "(none)"]


def version(package: str) -> str:
    """Return the upstream version of a package that is installed, or else that apt would install; empty if apt knows none."""
    installed = [fields.get("Version", "") for fields in _paragraphs(DPKG_STATUS, {package}) if fields["Status"].endswith(" ok installed")]
    if not installed:
        try:
            policy = run(["apt-cache", "policy", package], accepted=ANY_STATUS).output
        except CommandError:
            return ""
        installed = re.findall(r"^  Candidate: (.+)$", policy, re.MULTILINE)
    # [epoch:]upstream-version[-debian-revision] (deb-version(7)).
    found = re.match(r"(?:\d+:)?(\d[\d.]*)", installed[0]) if installed else None
    return found[1].rstrip(".") if found else ""


def _paragraphs(path: str, wanted: t.Collection[str]) -> list[dict[str, str]]:
    """Return the fields of packages in one of dpkg's files, without what goes on over more lines."""
    texts = [text.strip() for text in (read_text(path, follow=True) or "").split("\n\n")]
    own = [text for text in texts if text.partition("\n")[0].partition(": ")[2] in wanted]
    return [dict(line.split(": ", 1) for line in text.splitlines() if re.match(r"[A-Za-z-]+: ", line)) for text in own]


def is_as_packaged(path: str) -> bool:
    """Return whether a file is a package's configuration file that nobody has edited (Debian policy, 10.7.3).

    ``False`` for files of no package, and on hosts without dpkg.
    """
    # The answer is "package: path", or "package, package: path".
    owners = _ask("--search", path).rpartition(": ")[0].split(", ")
    if not owners[0]:
        return False
    try:
        with open(path, "rb") as file:
            # dpkg records only MD5. The digest finds changed files; it is no protection against an attacker.
            digest = hashlib.md5(file.read(), usedforsecurity=False).hexdigest()
    except OSError:
        return False
    lines = _ask("--show", "--showformat", "${Conffiles}\n", *owners).splitlines()
    return [path, digest] in [line.split()[:2] for line in lines]


def _ask(*words: str) -> str:
    try:
        return run(["dpkg-query", *words], accepted=ANY_STATUS).output
    except CommandError:
        return ""
