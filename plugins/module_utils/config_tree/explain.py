# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Say whose line a program refused: application, key and rendered text."""

from __future__ import annotations

import os
import re

from .request import Manifest

# A rendered `# @ nginx.extra` says from which key the lines below it come; a bare `# @` ends that.
_KEY_MARK = re.compile(r"^\s*#\s*@(?:\s+(?P<key>\S.*?))?\s*$")
_SHOWN = 200
# Lines that only repeat that something is wrong.
_NOISE = re.compile(r"configuration file .* test (failed|is successful)|syntax is ok")
# nginx writes its name or the time before the level of a message, and the numbers of its process and of the connection behind it.
_PREFIX = re.compile(r"^(?:\S+: |\d{4}/\d\d/\d\d [\d:]+ )(\[\w+\])(?: \d+#\d+:)?(?: \*\d+(?= ))?")
_TROUBLE = re.compile(r"\[(emerg|alert|crit|error)\]|error|fail|invalid|unknown", re.IGNORECASE)


class Explainer:
    """Adds to the lines of a program who owns the file that they name, and the rendered line.

    :param root: the directory that the lines name
    :param tree: the directory that holds those files now
    :param manifest: owners and records of the files that are ours
    """

    def __init__(self, root: str, tree: str, manifest: Manifest) -> None:
        self.root = root
        self.tree = tree
        self.manifest = manifest
        self.place = re.compile(re.escape(root) + r"/(?P<path>[^\s:\"']+):(?P<line>\d+)")

    def explain(self, lines: list[str], status: int = 1) -> str:
        """Return one message out of the lines of a program that refused."""
        told = [line for line in lines if not _NOISE.search(line)]
        told = [line for line in told if self.place.search(line) or _TROUBLE.search(line)] or told
        if not told:
            return f"it said nothing and exited with status {status}"
        return "; ".join(list(dict.fromkeys(self.one(line) for line in told))[:5])

    def one(self, line: str) -> str:
        """Return a line with the owner and the rendered text that it complains about."""
        text = _PREFIX.sub(r"\1", line)
        place = self.place.search(line)
        if place is None:
            found = self._find(line)
            return f"{text} ({self._tell(*found)}" if found else text
        path = self._resolve(place["path"])
        if path not in self.manifest.files:
            return f"{text} (a file that is not from this collection)"
        return f"{text} ({self._tell(path, int(place['line']))}"

    def _tell(self, path: str, number: int) -> str:
        """Return owner, key and rendered text of a line of ours."""
        record = self.manifest.files[path]
        rendered, key = self._rendered(path, number)
        told = f"application {record['owner']}{', ' + key if key else ''})"
        shown = f"{rendered[:_SHOWN]}…" if len(rendered) > _SHOWN else rendered
        return f"{told}: `{shown}`" if rendered and record.get("diff", True) else told

    def _resolve(self, path: str) -> str:
        """Follow symlinks inside the staged tree, also those that name the root absolutely."""
        for _hop in range(8):
            where = os.path.join(self.tree, path)
            if not os.path.islink(where):
                break
            target = os.path.join(self.root, os.path.dirname(path), os.readlink(where))
            relative = os.path.relpath(os.path.normpath(target), self.root)
            if relative.startswith(".."):
                break
            path = relative
        return path

    def _rendered(self, path: str, number: int) -> tuple[str, str]:
        """Return the text of a line, and the key that the nearest mark above it names."""
        lines = self._lines(path)
        if not 0 < number <= len(lines):
            return "", ""
        for line in reversed(lines[:number]):
            mark = _KEY_MARK.match(line)
            if mark:
                return lines[number - 1].strip(), mark["key"] or ""
        return lines[number - 1].strip(), ""

    def _find(self, line: str) -> tuple[str, int] | None:
        """Return where a line without a place comes from, if the files of only one owner have what it quotes."""
        hints = [re.escape(quote) for quote in re.findall(r"\"([^\"]{4,})\"", line) if self.root not in quote]
        hints += [rf"^\s*listen\s[^;]*\b{port}\b" for port in re.findall(r"bind\(\) to \S+:(\d+)", line)]
        if not hints:
            return None
        wanted = re.compile("|".join(hints))
        hits: dict[str, tuple[str, int]] = {}
        for path, record in self.manifest.files.items():
            for number, text in enumerate(self._lines(path), 1):
                if wanted.search(text):
                    hits.setdefault(record["owner"], (self._resolve(path), number))
        return hits.popitem()[1] if len(hits) == 1 else None

    def _lines(self, path: str) -> list[str]:
        try:
            with open(os.path.join(self.tree, self._resolve(path)), encoding="utf-8", errors="replace") as handle:
                return handle.read().splitlines()
        except OSError:
            return []
