# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of config_tree: render every file, ship all of them in one module call."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import (
    ARGUMENT_SPEC,
    ConfigTreeError,
    Entry,
    check_request,
    encode_payload,
)
from ansible_collections.flaskops.stack.plugins.plugin_utils.render import together
from jinja2 import TemplateSyntaxError, Undefined

SOURCES = ("src", "content", "link")


class Renderer:
    """Renders templates for one task, as the template action does; reads and looks up each source once."""

    def __init__(self, action: ActionModule, task_vars: dict[str, Any]) -> None:
        self.loader = action._loader
        self.templar = action._templar
        self.task_vars = task_vars
        self.task_path: list[str] = list(action._task.get_search_path())
        self.engines: dict[tuple[str, ...], tuple[str, Any, Any]] = {}

    def render(self, entries: list[dict[str, Any]]) -> list[str]:
        """Return the texts of entries with `src`. Raises AnsibleActionFail: owner, path, template, line."""
        alike: dict[tuple[Any, ...], list[int]] = {}
        for index, entry in enumerate(entries):
            alike.setdefault((entry["src"], tuple(entry["search"]), tuple(sorted(entry["vars"]))), []).append(index)
        texts = [""] * len(entries)
        for indexes in alike.values():
            group = [entries[index] for index in indexes]
            for index, text in zip(indexes, self._together(group) or map(self._one, group), strict=True):
                texts[index] = text
        return texts

    def _together(self, group: list[dict[str, Any]]) -> list[str]:
        """Render entries that differ in variables only; empty where that cannot be or fails."""
        try:
            source, text, engine = self._engine(group[0]["src"], tuple(group[0]["search"]))
        except Exception:
            return []

        def template(each: str, more: Mapping[str, Any]) -> str:
            engine.available_variables = {**self.task_vars, **more}
            return self._text(engine, trust_as_template(each))

        return together(template, source, text, [{**self._about(entry, source), **entry["vars"]} for entry in group])

    def _one(self, entry: dict[str, Any]) -> str:
        """Render one entry. Raises AnsibleActionFail."""
        where = f"files: {entry['owner']}: cannot render {entry['path']} from {entry['src']}"
        try:
            source, text, engine = self._engine(entry["src"], tuple(entry["search"]))
        except AnsibleError as error:
            raise AnsibleActionFail(f"{where}: {error}") from None
        engine.available_variables = {**self.task_vars, **self._about(entry, source), **entry["vars"]}
        try:
            return self._text(engine, text)
        except Exception as error:  # whatever a template or a filter in it raises
            place = _position(error, source) or _failing_place(lambda: self._text(engine, text), source)
            # From None: ansible-core would repeat every cause's words behind ours.
            raise AnsibleActionFail(f"{where}: {_reason(error)} ({place})") from None

    def _text(self, engine: Any, text: str) -> str:
        rendered = engine.template(text, escape_backslashes=False, overrides={"lstrip_blocks": True})
        return "" if rendered is None else str(rendered)

    def _engine(self, src: str, search: tuple[str, ...]) -> tuple[str, Any, Any]:
        """The template's file, its text, and a templar that searches the right directories."""
        key = (src, *search)
        if key not in self.engines:
            directories = [*self.task_path, *search, *self._beside_inventory()]
            source = self.loader.path_dwim_relative_stack(directories, "templates", src)
            if not source:
                raise AnsibleActionFail(f"there is no such file in templates/ of {', '.join(directories)}")
            text = trust_as_template(self.loader.get_text_file_contents(source))
            engine = self.templar.copy_with_new_env(searchpath=self._jinja_path(directories, source))
            self.engines[key] = (source, text, engine)
        return self.engines[key]

    def _beside_inventory(self) -> list[str]:
        directory = self.task_vars.get("inventory_dir")
        return [str(directory)] if directory else []

    def _jinja_path(self, directories: list[str], source: str) -> list[str]:
        """Where extends, include and import look: the same places and order, then beside the source."""
        path = [*directories, self.loader.get_basedir(), os.path.dirname(source)]
        found = [name for directory in path for name in (os.path.join(directory, "templates"), directory)]
        return [*found, "/"]  # for the absolute name of a source

    def _about(self, entry: dict[str, Any], source: str) -> dict[str, str]:
        """The variables a template may expect about itself."""
        return {
            "ansible_managed": self.task_vars.get("ansible_managed", "Ansible managed"),
            "template_path": entry["src"],
            "template_fullpath": source,
            "template_destpath": entry["path"],
        }


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what caused it, outermost first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _reason(error: Exception) -> str:
    """The innermost words, without ansible-core's repetition of the template's text."""
    causes = list(_chain(error))
    told = [getattr(cause, "message", None) or str(cause) for cause in causes]
    return str(next((text for text in reversed(told) if text), type(error).__name__)).strip().split("\n")[0]


def _position(error: Exception, source: str) -> str:
    """Where a template breaks jinja2's syntax, "" for other errors."""
    for cause in _chain(error):
        if isinstance(cause, TemplateSyntaxError):
            return f"{cause.filename or source}, line {cause.lineno}"
    return ""


def _failing_place(render: Callable[[], str], source: str) -> str:
    """Where in which template. ansible-core does not keep it: render again and watch.

    An error becomes a marker where it happens and is raised after the last line: note each marker's line.
    """
    main: Any = None
    place = source
    markers: list[tuple[Any, str]] = []

    def watch(frame: FrameType, event: str, _arg: Any) -> Any:
        nonlocal main, place
        template = frame.f_globals.get("__jinja_template__")
        if template is None:
            made = frame.f_locals.get("self") if frame.f_code.co_name == "__init__" else None
            if isinstance(made, Undefined):
                markers.append((made, place))
            return None
        main = main or template
        if template is not main and not os.path.isabs(template.filename or ""):
            place = source  # a variable whose value is a template too: its lines say nothing
        elif event == "line":
            name = source if template is main else template.filename
            place = f"{name}, line {template.get_corresponding_lineno(frame.f_lineno)}"
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        render()
    except Exception as error:
        sys.settrace(before)
        causes = list(_chain(error))
        guilty = [id(cause) for cause in (*causes, *(getattr(cause, "source", None) for cause in causes))]
        for marker, where in markers:
            held = getattr(marker, "_marker_captured_exception", None)
            if id(marker) in guilty or (held is not None and id(held) in guilty):
                return where
        return place
    finally:
        sys.settrace(before)
    return source


def to_mode(entry: dict[str, Any]) -> int:
    """The permissions as a number. Raises AnsibleActionFail."""
    mode = entry["mode"]
    try:
        number = mode if isinstance(mode, int) else int(str(mode), 8)
    except ValueError:
        number = -1
    if not 0 <= number <= 0o7777:
        raise AnsibleActionFail(f"files: {entry['owner']}: mode '{mode}' of {entry['path']} is not octal, such as '0644'")
    return number


def check_sources(entry: dict[str, Any]) -> None:
    """Raise AnsibleActionFail unless the entry says in one way what is to be at its path."""
    given = [name for name in SOURCES if entry[name] is not None]
    if len(given) != 1:
        raise AnsibleActionFail(
            f"files: {entry['owner']}: {entry['path']} needs exactly one of src, content and link, got {', '.join(given) or 'none'}"
        )


def to_entry(entry: dict[str, Any]) -> Entry:
    """One element of `files` once it is rendered. Raises AnsibleActionFail for a wrong mode."""
    common = {name: entry[name] for name in ("path", "owner", "diff", "force", "if_unedited")}
    if entry["link"] is not None:
        return Entry(link=entry["link"], **common)
    return Entry(content=entry["content"].encode("utf-8", "surrogateescape"), mode=to_mode(entry), **common)


class ActionModule(ActionBase):
    """See the module's documentation."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Render, ship, return the module's result."""
        result = super().run(tmp, task_vars)
        spec = {name: option for name, option in ARGUMENT_SPEC.items() if name != "payload"}
        _validation, args = self.validate_argument_spec(spec)
        wanted = args.pop("files")
        for entry in wanted:
            check_sources(entry)
        templates = [entry for entry in wanted if entry["src"] is not None]
        for entry, text in zip(templates, Renderer(self, task_vars or {}).render(templates), strict=True):
            entry["content"] = text
        entries = [to_entry(entry) for entry in wanted]
        try:
            check_request(entries, [])
        except ConfigTreeError as error:
            raise AnsibleActionFail(str(error)) from error
        args = {name: value for name, value in args.items() if value is not None}
        args["payload"] = encode_payload(entries)
        result.update(self._execute_module("flaskops.stack.config_tree", module_args=args, task_vars=task_vars))
        return result
