# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the package manager knows of files."""

from __future__ import annotations

import hashlib
import subprocess


def is_as_packaged(path: str) -> bool:
    """Whether a file is a package's configuration file that nobody has edited (Debian policy, 10.7.3).

    ``False`` for files of no package, and on hosts without dpkg.
    """
    # The answer is "package: path", or "package, package: path".
    owners = _ask("--search", path).rpartition(": ")[0].split(", ")
    if not owners[0]:
        return False
    try:
        with open(path, "rb") as file:
            # Not for security: dpkg has nothing else.
            digest = hashlib.md5(file.read(), usedforsecurity=False).hexdigest()
    except OSError:
        return False
    lines = _ask("--show", "--showformat", "${Conffiles}\n", *owners).splitlines()
    return [path, digest] in [line.split()[:2] for line in lines]


def _ask(*words: str) -> str:
    try:
        return subprocess.run(["dpkg-query", *words], check=False, capture_output=True, text=True).stdout
    except FileNotFoundError:
        return ""
