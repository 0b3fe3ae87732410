# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what ``nginx -T`` prints: the directives of all files, as nginx reads them, each with its file and line."""

from __future__ import annotations

import fnmatch
import functools
import glob
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
# Nearly all directives have words without backslashes and no comment between them. They are read by one match, which is four times as fast.
_PLAIN_WORD = r"""(?:"[^"\\]*"|'[^'\\]*'|[^\s;{}"'\\#][^\s;{}\\]*)"""
_PLAIN = re.compile(rf"\s*(?:#[^\n]*\n\s*)*(?:({_PLAIN_WORD}(?:\s+{_PLAIN_WORD})*)\s*)?((?<!\$)\{{|;|(?<![^\s;{{}}])\}})")
_QUOTED = re.compile(r"""["']""")
_PLAIN_WORDS = re.compile(r""""([^"]*)"|'([^']*)'|(\S+)""")
_DEEPEST = 20


class DumpedFile(t.NamedTuple):
    """A file that nginx has read; its text begins with the line feed before the first line."""

    path: str
    text: str


class DumpedDirective(t.NamedTuple):
    """A directive of nginx, with the directives of its block.

    :param at: where in the text of its file it begins
    """

    name: str
    args: tuple[str, ...]
    source: DumpedFile
    at: int
    block: tuple[DumpedDirective, ...] = ()

    @property
    def file(self) -> str:
        return self.source.path

    @property
    def line(self) -> int:
        return self.source.text.count("\n", 0, self.at)

    @property
    def place(self) -> str:
        """Return file and line, as nginx writes them."""
        return f"{self.file}:{self.line}"

    @property
    def text(self) -> tuple[t.Any, ...]:
        """Return what it says, wherever it stands."""
        return (self.name, self.args, tuple(inner.text for inner in self.block))


def read(dump: str) -> list[DumpedDirective]:
    """Return the directives of the main file, with those of each included file in place of the ``include``."""
    parts = _FILE.split(dump)
    texts = dict(zip(parts[1::2], parts[2::2], strict=True))
    if not texts:
        return []
    main = parts[1]
    files = {path: _Reader(DumpedFile(path, text)).block() for path, text in texts.items()}
    return list(_Includes(files, os.path.dirname(main)).within(files[main], _DEEPEST))


def distinct(block: t.Iterable[DumpedDirective]) -> list[DumpedDirective]:
    """Return all directives of a block and of the blocks in it; those of a file that is included often are there once."""
    found: dict[int, DumpedDirective] = {}
    waiting = list(block)[::-1]
    while waiting:
        directive = waiting.pop()
        if id(directive) not in found:
            found[id(directive)] = directive
            waiting += directive.block[::-1]
    return list(found.values())


class _Includes:
    """Puts the directives of files in place of what includes them.

    :param base: where relative paths begin
    """

    def __init__(self, files: t.Mapping[str, tuple[DumpedDirective, ...]], base: str) -> None:
        self.files, self.base = files, base
        self._beside: dict[str, list[str]] = {}
        for path in sorted(files):
            self._beside.setdefault(os.path.dirname(path), []).append(path)
        self._named: dict[str, list[str]] = {}
        self._whole: dict[tuple[str, int], tuple[DumpedDirective, ...]] = {}

    def within(self, block: t.Iterable[DumpedDirective], depth: int) -> t.Iterator[DumpedDirective]:
        for directive in block:
            if directive.name == "include" and len(directive.args) == 1:
                for path in self._paths(directive.args[0]) if depth else []:
                    yield from self._file(path, depth - 1)
            elif directive.block:
                yield directive._replace(block=tuple(self.within(directive.block, depth)))
            else:
                yield directive

    def _file(self, path: str, depth: int) -> tuple[DumpedDirective, ...]:
        if (path, depth) not in self._whole:
            self._whole[path, depth] = tuple(self.within(self.files[path], depth))
        return self._whole[path, depth]

    def _paths(self, written: str) -> list[str]:
        pattern = os.path.join(self.base, written)
        if pattern in self.files:
            return [pattern]
        if pattern not in self._named:
            # A star of nginx's stands for no slash, so a directory and a name are compared each for itself.
            directory, name = os.path.split(pattern)
            # Each site includes a directory that may not be there, and fnmatch would compile an expression for it.
            others = fnmatch.filter(self._beside, directory) if glob.has_magic(directory) else []
            named = [directory] if directory in self._beside else others
            places = [place for place in named if place.count("/") == directory.count("/")]
            found = [path for place in places for path in self._beside[place] if fnmatch.fnmatchcase(os.path.basename(path), name)]
            self._named[pattern] = sorted(found)
        return self._named[pattern]


class _Reader:
    """Reads one file. It refuses nothing, since nginx has accepted the file."""

    def __init__(self, file: DumpedFile) -> None:
        self.file, self.text, self.at = file, file.text, 0

    def block(self) -> tuple[DumpedDirective, ...]:
        """Return the directives up to the end of the block, or of the file."""
        found: list[DumpedDirective] = []
        while True:
            plain = _PLAIN.match(self.text, self.at)
            if plain:
                began, self.at = plain.start(1), plain.end()
                words, mark = _plain_words(plain[1]) if plain[1] else (), plain[2]
            else:
                began, words, mark = self._statement()
            if not mark or (mark == "}" and not words):
                return tuple(found)
            inner = self._inner(words) if mark == "{" else ()
            if words:
                found.append(DumpedDirective(words[0], words[1:], self.file, began, inner))

    def _statement(self) -> tuple[int, tuple[str, ...], str]:
        """Return the place and the words of a directive, and the mark that ends it, empty at the end of the file."""
        began, words = self.at, t.cast("list[str]", [])
        while match := _TOKEN.match(self.text, self.at):
            self.at = match.end()
            if match["mark"]:
                return began, tuple(words), match["mark"]
            if match["skip"] is None:
                began = began if words else match.start()
                words.append(next(word for word in match.group("double", "single", "word") if word is not None))
        return began, (), ""

    def _inner(self, words: tuple[str, ...]) -> tuple[DumpedDirective, ...]:
        """Return a block; programs of other languages inside of one are passed over."""
        if not words or not words[0].endswith("_by_lua_block"):
            return self.block()
        depth = 1
        for match in re.compile(r"[{}]").finditer(self.text, self.at):
            depth += 1 if match[0] == "{" else -1
            if not depth:
                self.at = match.end()
                break
        return ()


@functools.cache  # sites have many lines in common
def _plain_words(text: str) -> tuple[str, ...]:
    if not _QUOTED.search(text):
        return tuple(text.split())
    return tuple([double or single or word for double, single, word in _PLAIN_WORDS.findall(text)])
