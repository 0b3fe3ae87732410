"""An application's code on the controller, as sources of every kind."""

from __future__ import annotations

import copy
import hashlib
import io
import itertools
import os
import shutil
import subprocess
import tarfile
import time
import typing as t
from pathlib import Path

from .wheel import wheel

FLASK = "Flask==3.1.3"

Description = dict[str, t.Any]


def changed(description: Description, **changes: t.Any) -> Description:
    """Return a description with other values; ``None`` takes a key away, and of a dict only what is written changes."""
    result = copy.deepcopy(description)
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict) and key != "source":
            result[key] = changed(result[key], **value)
        else:
            result[key] = value
    return result


class Source:
    """Code in a directory of its own, which is written to; no page has the same name in two sessions.

    :param directory: where the copy of the code, archives and packages go
    :param code: the directory that is copied
    """

    _counter = itertools.count(1)
    _session = f"{int(time.time()):x}"

    def __init__(self, directory: Path, code: Path) -> None:
        self.directory = directory
        self.root = directory / f"code-{next(self._counter)}"
        self.wheels = directory / "wheels"
        self.wheels.mkdir(exist_ok=True)
        shutil.copytree(code, self.root, ignore=shutil.ignore_patterns("__pycache__", ".git"))

    def copy(self) -> Source:
        """Return the same code in another place."""
        return Source(self.directory, self.root)

    @property
    def path(self) -> Description:
        """The directory as a source."""
        return {"path": str(self.root)}

    def write(self, page: str, body: str = "") -> str:
        """Give the code another page, with more code or without; return the page's name."""
        name = f"{page} {self._session}.{next(self._counter)}"
        (self.root / "page.py").write_text(f'NAME = "{name}"\n\n\ndef health():\n    return "well"\n\n\n{body}')
        return name

    def require(self, *lines: str) -> None:
        """Write what the code requires beside Flask."""
        (self.root / "requirements.txt").write_text("".join(f"{line}\n" for line in [FLASK, *lines]))

    def git(self) -> Description:
        """Commit the code and return the source of the commit's branch."""
        identity = ["-c", "user.name=proofs", "-c", "user.email=proofs@example.com"]
        commands = [["init", "--quiet", "--initial-branch=main"], ["add", "--all"], [*identity, "commit", "--quiet", "--message=proof"]]
        for command in commands:
            subprocess.run(["git", "-C", str(self.root), *command], check=True)
        return {"git": str(self.root), "version": "main"}

    def archive(self) -> Description:
        """Pack the code, with a directory at the top as forges do, and return the source of the archive."""
        target = self.directory / f"ledger-{next(self._counter)}.tar.gz"
        with tarfile.open(target, "w:gz") as tar:
            for file in sorted(path for path in self.root.iterdir() if path.is_file()):
                content = file.read_bytes()
                member = tarfile.TarInfo(f"ledger-main/{file.name}")
                member.size, member.mtime = len(content), int(time.time())
                tar.addfile(member, io.BytesIO(content))
        return {"archive": str(target), "sha256": hashlib.sha256(target.read_bytes()).hexdigest()}

    def package(self) -> Description:
        """Publish the code on the controller's package index and return the source of the package."""
        version = f"1.{next(self._counter)}"
        files = {file.name: file.read_text() for file in self.root.glob("*.py")}
        wheel(self.wheels, "ledger", version, files, [FLASK])
        return {"package": f"ledger=={version}"}

    def elsewhere(self) -> Description:
        """Return the source of the same code in another place, with other times and other modes."""
        copied = self.copy()
        for file in copied.root.iterdir():
            os.utime(file, (0, 0))
            file.chmod(0o600)
        return copied.path
