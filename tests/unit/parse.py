# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what the roles render the way the programs read it, so that tests look at directives and not at text."""

from __future__ import annotations

import dataclasses
import re
import typing as t
from collections.abc import Iterator, Mapping
from pathlib import Path

import crossplane

# Files of the distribution's package that the roles' files need.
_PACKAGED = {
    "nginx.conf": "events {}\nhttp {\n    include conf.d/*.conf;\n    include sites-enabled/*;\n}\n",
    "mime.types": "types {\n    text/html html;\n}\n",
}


@dataclasses.dataclass(frozen=True)
class Directive:
    """A directive of nginx; the top of a tree is `http`."""

    name: str
    args: tuple[str, ...]
    block: tuple[Directive, ...] = ()

    def all(self, name: str, *args: str) -> list[Directive]:
        """Return the directives of the block with a name, whose arguments begin with `args`."""
        return [inner for inner in self.block if inner.name == name and inner.args[: len(args)] == args]

    def one(self, name: str, *args: str) -> Directive:
        found = self.all(name, *args)
        assert len(found) == 1, f"{len(found)} times {name} {args} in {self.name} {self.args}"
        return found[0]

    def values(self, name: str) -> list[str]:
        """Return the arguments of each directive with a name, as one string."""
        return [" ".join(inner.args) for inner in self.all(name)]

    def names(self) -> Iterator[str]:
        """Yield the names of all directives below, nesting included: the shape of the configuration."""
        for inner in self.block:
            yield inner.name
            yield from (f"{inner.name}/{name}" for name in inner.names())


def write_nginx(files: Mapping[str, str], place: Path) -> Path:
    """Write a tree of files as it would stand in /etc/nginx, and return the main one."""
    for path, text in {**_PACKAGED, **files}.items():
        file = place / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            file.unlink(missing_ok=True)
            file.symlink_to(text.removeprefix("-> "))
        else:
            file.write_text(text.replace("/etc/nginx/", f"{place}/"))
    return place / "nginx.conf"


def nginx(files: Mapping[str, str], place: Path) -> Directive:
    """Return the `http` block of a tree of files with all includes put in, as nginx would read it under /etc/nginx."""
    parsed = crossplane.parse(str(write_nginx(files, place)), combine=True, check_ctx=True, check_args=True)
    assert parsed["errors"] == [], parsed["errors"]
    (http,) = [item for item in parsed["config"][0]["parsed"] if item["directive"] == "http"]
    return _directive(http)


def _directive(item: Mapping[str, t.Any]) -> Directive:
    # The included directives stand at the place of the include.
    block = tuple(_directive(inner) for inner in item.get("block", ()) if inner["directive"] != "include")
    return Directive(item["directive"], tuple(item["args"]), block)


def uwsgi_ini(text: str) -> list[tuple[str, str]]:
    """Return the options of an ini as uWSGI reads them: in order, repeated ones too, one section, no continuation lines."""
    options: list[tuple[str, str]] = []
    section = ""
    for line in text.split("\n"):
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        if line.startswith("["):
            assert not section, "a second section"
            section = line
            continue
        assert section == "[uwsgi]", f"'{line}' stands before [uwsgi]"
        name, equals, value = line.partition("=")
        assert equals, f"'{line}' is no option"
        options.append((name.strip(), value.strip()))
    return options


def unit(text: str) -> dict[str, list[tuple[str, str]]]:
    """Return the assignments of each section of a unit file (systemd.syntax(7))."""
    sections: dict[str, list[tuple[str, str]]] = {}
    section = None
    for line in text.split("\n"):
        assert not line.endswith("\\"), f"'{line}' goes on in the next line"
        if not line.strip() or line.lstrip()[0] in "#;":
            continue
        if header := re.fullmatch(r"\[([\w-]+)\]", line):
            section = sections.setdefault(header.group(1), [])
            continue
        assert section is not None, f"'{line}' stands before a section"
        name, equals, value = line.partition("=")
        assert equals, f"'{line}' is no assignment"
        assert re.fullmatch(r"[A-Z]\w+", name), f"'{name}' is no setting"
        section.append((name, value))
    return sections
