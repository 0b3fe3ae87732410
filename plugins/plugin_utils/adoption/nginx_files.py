# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The configuration of nginx on a host, parsed by crossplane on the controller, one file at a time."""

from __future__ import annotations

import dataclasses
import fnmatch
import posixpath
import tempfile
import typing as t
from pathlib import Path

from .findings import FoundAt, HostFile, Left

MAIN = "/etc/nginx/nginx.conf"
_DEEPEST = 10
_MOST_DIRECTIVES = 50_000
# Files of the distribution's package: lists of types, of parameters that the roles pass too, and of modules.
_KNOWN = ("mime.types", "uwsgi_params", "proxy_params", "fastcgi_params", "fastcgi.conf", "scgi_params", "fastcgi-php.conf")
_KNOWN_DIRECTORIES = ("/etc/nginx/modules-enabled/", "/usr/share/nginx/modules/")


class AdoptionError(Exception):
    """A reason why nothing can be adopted, with its remedy."""


@dataclasses.dataclass
class Directive:
    """A directive of nginx with the place where it stands. ``block`` has those inside of it."""

    name: str
    args: list[str]
    place: FoundAt
    block: list[Directive] = dataclasses.field(default_factory=list)

    def all(self, name: str) -> list[Directive]:
        return [inner for inner in self.block if inner.name == name]

    def value(self, name: str) -> str:
        """Return the arguments of the last directive with a name as one text, empty without one."""
        return " ".join(self.all(name)[-1].args) if self.all(name) else ""

    def below(self) -> t.Iterator[Directive]:
        """Yield all directives inside, those of blocks too."""
        for inner in self.block:
            yield inner
            yield from inner.below()


class NginxFiles:
    """The parsed files, with includes that the host has to be asked for."""

    def __init__(self) -> None:
        self.left: list[Left] = []
        self._parsed: dict[str, list[Directive]] = {}
        self._files: dict[str, HostFile] = {}
        self._count = 0

    def add(self, files: t.Iterable[HostFile]) -> None:
        for file in files:
            if file.path not in self._parsed:
                self._files[file.path] = file
                self._parsed[file.path] = self._parse(file)

    def includes(self) -> dict[str, int]:
        """Return the paths and patterns that the files include, with the number of the user who wrote each file."""
        return {
            pattern: self._files[path].owner
            for path, parsed in self._parsed.items()
            for directive in Directive("", [], FoundAt(path, 0), parsed).below()
            if (pattern := _included(directive))
        }

    def tree(self) -> Directive:
        """Return the main file with what it includes in the place of each include."""
        return Directive("main", [], FoundAt(MAIN, 0), self._whole(self._parsed.get(MAIN, []), ()))

    def _whole(self, block: t.Sequence[Directive], above: tuple[str, ...]) -> list[Directive]:
        found: list[Directive] = []
        for directive in block:
            pattern = _included(directive)
            if not pattern:
                found.append(dataclasses.replace(directive, block=self._whole(directive.block, above)))
                continue
            for path in sorted(path for path in self._parsed if matches(path, pattern)):
                if path in above or len(above) >= _DEEPEST:
                    self.left.append(Left(str(directive.place), f"includes {path} in a circle", "nginx would not load it; mend it first"))
                    continue
                found += self._whole(self._parsed[path], (*above, path))
        self._count += len(found)
        if self._count > _MOST_DIRECTIVES:
            raise AdoptionError(f"nginx has more than {_MOST_DIRECTIVES} directives on this host; describe its applications by hand.")
        return found

    def _parse(self, file: HostFile) -> list[Directive]:
        crossplane = _crossplane()
        with tempfile.TemporaryDirectory(prefix="flaskops-adopt-") as directory:
            path = Path(directory, "file.conf")
            path.write_text(file.text, encoding="utf-8", errors="replace")
            try:
                payload = crossplane.parse(str(path), single=True, check_ctx=False, check_args=False)
            # A file of a stranger may be anything, and crossplane fails on some of it with errors that are not its own.
            except Exception:
                self.left.append(Left(file.path, "cannot be parsed as configuration of nginx", "look at it by hand"))
                return []
        for error in payload["errors"]:
            place = FoundAt(file.path, error.get("line") or 0)
            self.left.append(Left(str(place), "cannot be parsed as configuration of nginx", "look at it by hand"))
        return [_directive(item, file.path) for config in payload["config"] for item in config["parsed"]]


def matches(path: str, pattern: str) -> bool:
    """Return whether a path is one that a pattern of glob(3) means."""
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(fnmatch.fnmatchcase(part, each) for part, each in zip(parts, wanted, strict=True))


def _crossplane() -> t.Any:
    """Return the parser, which only this playbook needs.

    :raises AdoptionError: with the remedy where the controller does not have it
    """
    try:
        import crossplane
    except ImportError:
        raise AdoptionError("This controller cannot read configuration of nginx; install crossplane beside ansible-core.") from None
    return crossplane


def _directive(item: t.Mapping[str, t.Any], path: str) -> Directive:
    block = [_directive(inner, path) for inner in item.get("block", ())]
    return Directive(item["directive"], list(item["args"]), FoundAt(path, item["line"]), block)


def _included(directive: Directive) -> str:
    """Return the absolute pattern of an include that matters, empty for any other directive."""
    if directive.name != "include" or not directive.args:
        return ""
    pattern = posixpath.normpath(posixpath.join(posixpath.dirname(MAIN), directive.args[0]))
    return "" if posixpath.basename(pattern) in _KNOWN or pattern.startswith(_KNOWN_DIRECTORIES) else pattern
