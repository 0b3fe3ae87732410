# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Render templates of this collection by jinja2 alone, which takes a tenth of the time that ansible-core's templating takes.

They need none of what ansible-core adds: their values come resolved, and they use few filters. Overlays of users may need all of it.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import os
import stat
import types
import typing as t
from pathlib import Path

import jinja2
from ansible.plugins.loader import filter_loader, test_loader
from ansible.release import __version__ as core_version
from jinja2.bccache import Bucket
from jinja2.runtime import Context, missing

_ROLES = str(Path(__file__).parents[3] / "roles")
# Filters and tests that jinja2 lacks or has in another way.
_FILTERS = ("comment", "flaskops.stack.to_uwsgi_ini", "regex_escape", "regex_replace", "unique")
_TESTS = ("match", "search")

# Compiled templates of earlier runs. To compile takes longer than to render.
_COMPILED = "~/.cache/flaskops/templates"

Lookup = t.Callable[[str], t.Any]


class NotOurs(jinja2.TemplateNotFound):
    """A template is another one than the collection's."""


class PlainTemplar:
    """Renders templates that are found in the collection, also by those that they extend, include and import."""

    def __init__(self, search_path: t.Sequence[str], lookup: Lookup) -> None:
        """Prepare an environment.

        :param search_path: directories in which templates find others, in order
        :param lookup: returns the resolved value of a variable; raises ``KeyError`` if there is none
        """
        self._environment = _Environment(
            loader=_Loader(search_path),
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
            finalize=lambda value: "" if value is None else value,
            auto_reload=False,
            bytecode_cache=_compiled(),
        )
        self._environment.lookup = lookup
        filters = self._environment.filters | {name: filter_loader.get(name).j2_function for name in _FILTERS}
        self._environment.filters = {name: _returning_lists(function) for name, function in filters.items()}
        self._environment.tests |= {name: test_loader.get(name).j2_function for name in _TESTS}

    def render(self, text: str, path: str, variables: t.Mapping[str, t.Any]) -> str:
        """Return the text of a template.

        :param text: the template, which ends with as many line feeds as what is returned has at least
        :param path: absolute path of the template
        :raises Exception: whatever a template raises, or :class:`NotOurs`
        """
        for template in (self._environment.cache or {}).values():
            # A file imported without context keeps its variables, and macros may change them.
            template._module = None
        rendered = self._environment.get_template(path).render(variables)
        return rendered + "\n" * (_line_feeds(text) - _line_feeds(rendered))


def _returning_lists(function: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    """Return a filter whose results can be read more than once, as those of ansible-core can."""

    @functools.wraps(function)
    def listed(*args: t.Any, **named: t.Any) -> t.Any:
        result = function(*args, **named)
        return list(result) if isinstance(result, types.GeneratorType) else result

    return listed


class _Compiled(jinja2.FileSystemBytecodeCache):
    """Keeps compiled templates by their paths and contents, as long as what compiles them is the same."""

    def get_source_checksum(self, source: str) -> str:
        return super().get_source_checksum(f"{_compiler()}\n{source}")

    def dump_bytecode(self, bucket: Bucket) -> None:
        with contextlib.suppress(OSError):  # a disk that is full or read-only makes the next run compile again
            super().dump_bytecode(bucket)


@functools.cache
def _compiler() -> str:
    """Return what code depends on beside the template: jinja2 tells the versions of Python apart and nothing more."""
    ours = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return f"jinja2 {importlib.metadata.version('jinja2')}, ansible-core {core_version}, {ours}"


def _compiled() -> jinja2.BytecodeCache | None:
    """Return the cache of compiled templates, ``None`` where there can be none or somebody else could put code there."""
    try:
        place = Path(_COMPILED).expanduser()
        # The directories above may come to hold code, too: whoever fetches sources later refuses one that others can write to.
        for missing in [above for above in (*reversed(place.parents), place) if not above.exists()]:
            missing.mkdir(mode=0o700, exist_ok=True)
        status = place.stat()
    except (OSError, RuntimeError):
        return None
    if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return None
    return _Compiled(str(place))


def _line_feeds(text: str) -> int:
    """Return how many line feeds a text ends with. jinja2 takes one away, and ansible-core puts it back."""
    return len(text) - len(text.rstrip("\n"))


class _Loader(jinja2.FileSystemLoader):
    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str, t.Callable[[], bool]]:
        found = next((path for place in self.searchpath if os.path.isfile(path := os.path.join(place, template))), template)
        if not os.path.abspath(found).startswith(f"{_ROLES}{os.sep}"):
            raise NotOurs(template)
        with open(found, encoding="utf-8") as file:
            return file.read(), found, lambda: True


class _Context(Context):
    """Asks for a variable where a template needs it: to resolve one may be more work than to render."""

    def resolve_or_missing(self, key: str) -> t.Any:
        found = super().resolve_or_missing(key)
        if found is not missing:
            return found
        try:
            return self.environment.lookup(key)
        except KeyError:
            return missing


class _Environment(jinja2.Environment):
    context_class = _Context
    lookup: Lookup
