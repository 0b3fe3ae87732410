# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what ``nginx -T`` prints: the directives of all files, as nginx reads them, each with its file and line."""

from __future__ import annotations

import fnmatch
import os
import re
import typing as t

# https://nginx.org/en/docs/switches.html
_FILE = re.compile(r"^# configuration file (.+):$", re.MULTILINE)
# The words of ngx_conf_read_token: quotes count at the beginning of a word only, and ${ begins no block.
_TOKEN = re.compile(
    r"""(?P<skip>\s+|\#[^\n]*)|(?P<mark>[{};])|"(?P<double>(?:\\.|[^"\\])*)"|'(?P<single>(?:\\.|[^'\\])*)'|(?P<word>(?:\\.|\$\{|[^\s;{\\])+)""",
    re.DOTALL,
)
_DEEPEST = 20


class DumpedDirective(t.NamedTuple):
    """A directive of nginx, with the directives of its block.

    :param place: file and line, as nginx writes them
    """

    name: str
    args: tuple[str, ...]
    file: str
    line: int
    block: tuple[DumpedDirective, ...] = ()

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def text(self) -> tuple[t.Any, ...]:
        """Return what it says, wherever it stands."""
        return (self.name, self.args, tuple(inner.text for inner in self.block))

    def walk(self) -> t.Iterator[DumpedDirective]:
        """Return the directive itself and all those in its block."""
        yield self
        for inner in self.block:
            yield from inner.walk()


def read(dump: str) -> list[DumpedDirective]:
    """Return the directives of the main file, with those of each included file in place of the ``include``."""
    parts = _FILE.split(dump)
    texts = dict(zip(parts[1::2], parts[2::2], strict=True))
    if not texts:
        return []
    main = parts[1]
    files = {path: _Reader(path, text).block() for path, text in texts.items()}
    return list(_included(files[main], files, os.path.dirname(main), _DEEPEST))


def _included(
    block: t.Iterable[DumpedDirective], files: t.Mapping[str, tuple[DumpedDirective, ...]], base: str, depth: int
) -> t.Iterator[DumpedDirective]:
    for directive in block:
        if directive.name != "include" or len(directive.args) != 1:
            yield directive._replace(block=tuple(_included(directive.block, files, base, depth))) if directive.block else directive
            continue
        pattern = os.path.join(base, directive.args[0])
        # A star of nginx's stands for no slash.
        named = [path for path in files if path.count("/") == pattern.count("/") and fnmatch.fnmatchcase(path, pattern)]
        for path in sorted(named if depth else []):
            yield from _included(files[path], files, base, depth - 1)


class _Reader:
    """Reads one file. It refuses nothing, since nginx has accepted the file."""

    def __init__(self, file: str, text: str) -> None:
        self.file, self.text, self.at, self.line = file, text, 0, 0

    def block(self) -> tuple[DumpedDirective, ...]:
        """Return the directives up to the end of the block, or of the file."""
        found: list[DumpedDirective] = []
        words: list[str] = []
        line = self.line
        while match := _TOKEN.match(self.text, self.at):
            began, self.at = self.line, match.end()
            self.line += match[0].count("\n")
            if match["mark"] is None:
                if match["skip"] is None:
                    line = line if words else began
                    words.append(next(word for word in match.group("double", "single", "word") if word is not None))
                continue
            if match["mark"] == "}" and not words:
                break
            inner = self._inner(words) if match["mark"] == "{" else ()
            if words:
                found.append(DumpedDirective(words[0], tuple(words[1:]), self.file, line, inner))
            words = []
        return tuple(found)

    def _inner(self, words: list[str]) -> tuple[DumpedDirective, ...]:
        """Return a block; programs of other languages inside of one are passed over."""
        if not words or not words[0].endswith("_by_lua_block"):
            return self.block()
        depth = 1
        for match in re.compile(r"[{}]").finditer(self.text, self.at):
            depth += 1 if match[0] == "{" else -1
            if not depth:
                self.line += self.text.count("\n", self.at, match.end())
                self.at = match.end()
                break
        return ()
