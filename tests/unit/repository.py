# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A git repository to fetch from, without anything of the user's configuration."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

# Nothing of the user's configuration, and nothing that has to survive a power failure.
CONFIGURATION = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "core.fsync",
    "GIT_CONFIG_VALUE_0": "none",
}
_ENVIRONMENT = {
    **CONFIGURATION,
    **{f"GIT_{who}_{what}": "nobody@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
}


class Repository:
    """A working directory with commits."""

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir(parents=True, exist_ok=True)
        self._seconds = 0
        if not (place / ".git").exists():
            # Without the examples of hooks, which take longer than the rest.
            self.git("init", "--quiet", "--initial-branch=main", "--template=")

    def git(self, *arguments: str) -> str:
        # Each commit has a time of its own, so that no two have one id.
        environment = {**os.environ, **_ENVIRONMENT, "GIT_COMMITTER_DATE": f"{1767225600 + self._seconds} +0000"}
        done = subprocess.run(["git", *arguments], cwd=self.place, env=environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, message: str, files: dict[str, str] | None = None) -> str:
        """Write files, commit everything and return the commit."""
        for name, text in (files or {}).items():
            (self.place / name).parent.mkdir(parents=True, exist_ok=True)
            (self.place / name).write_text(text)
        self._seconds += 1
        self.git("add", "-A")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.head()

    def head(self) -> str:
        return self.git("rev-parse", "HEAD")
