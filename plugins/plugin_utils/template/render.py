# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Render the templates of all roles, and overlays of users, by one set of rules.

A line that holds nothing but a block tag leaves nothing, however far it is indented. Templates that are
extended, included or imported are looked for in the same directories as the template itself, and only then beside it.
"""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase

from ...module_utils.host.managed import MANAGED
from ..project import project_directories
from .core_templar import CoreTemplar, read_template
from .errors import failing_place, reason
from .plain_templar import PlainTemplar

_HEADER_MARK = "#jinja2:"


class Job(t.NamedTuple):
    """A template to be rendered."""

    source: str
    variables: t.Mapping[str, t.Any]
    # The setting or file that the template is for, as messages name it.
    what: str
    # Directories that are searched after the role's and the playbook's.
    search: tuple[str, ...] = ()


class _Template(t.NamedTuple):
    """A template that was found, and the templars that render it."""

    path: str
    text: str
    core: CoreTemplar
    plain: PlainTemplar


def render_all(action: ActionBase, jobs: t.Iterable[Job], task_vars: t.Mapping[str, t.Any]) -> list[str]:
    """Return the text of each template.

    :raises AnsibleActionFail: naming what is rendered, the template, what is wrong with it and in which line of which file
    """
    renderer = _Renderer(action, task_vars)
    return [renderer.render(job) for job in jobs]


def render_by_application(
    action: ActionBase, jobs: t.Mapping[str, t.Sequence[Job]], task_vars: t.Mapping[str, t.Any]
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Return the texts of each application's templates by its name, and the message of each application with a template that fails."""
    renderer = _Renderer(action, task_vars)
    texts: dict[str, list[str]] = {}
    failures: dict[str, str] = {}
    for name, own in jobs.items():
        try:
            texts[name] = [renderer.render(job) for job in own]
        except AnsibleActionFail as error:
            failures[name] = str(error)
    return texts, failures


class _Renderer:
    """Renders the templates of one task; each is looked for, read and compiled once."""

    def __init__(self, action: ActionBase, task_vars: t.Mapping[str, t.Any]) -> None:
        self._action = action
        self._task_vars = task_vars
        self._templates: dict[t.Hashable, _Template] = {}
        self._templars: dict[t.Hashable, tuple[CoreTemplar, PlainTemplar]] = {}
        self._resolved: dict[str, t.Any] = {}

    def render(self, job: Job) -> str:
        """Return the text of one template."""
        what = f"{job.what}: cannot render '{job.source}'"
        try:
            template = self._find(job.source, job.search)
        except AnsibleError as error:
            raise AnsibleActionFail(f"{what}: {reason(error)}") from None
        own = {"ansible_managed": MANAGED, "template_path": job.source, "template_fullpath": template.path, **job.variables}
        with contextlib.suppress(Exception):  # ansible-core's templating has words for it, and all that overlays may use
            return template.plain.render(template.text, template.path, own)

        def render() -> str:
            return template.core.render(template.text, template.path, {**self._task_vars, **own})

        try:
            return render()
        except Exception as error:  # whatever a template, or a filter in it, raises
            # ansible-core would repeat the words of every cause behind ours.
            raise AnsibleActionFail(f"{what}: {reason(error)} ({_position(error, render, template)})") from None

    def _find(self, source: str, search: tuple[str, ...]) -> _Template:
        """Return a template by its path or name.

        :raises AnsibleError: if it is not there or cannot be read
        """
        key = (source, search)
        if key not in self._templates:
            directories = self._directories(search)
            path = find_template(source, directories)
            places = (*_in_order(directories), os.path.dirname(path), "/")
            if places not in self._templars:
                self._templars[places] = (CoreTemplar(self._action._templar, places), PlainTemplar(places, self._resolve))
            self._templates[key] = _Template(path, read_template(self._action._loader, path), *self._templars[places])
        return self._templates[key]

    def _resolve(self, name: str) -> t.Any:
        """Return the value of a variable of the task.

        :raises KeyError: if there is none
        """
        if name not in self._resolved:
            value = self._task_vars[name]
            self._resolved[name] = self._action._templar.copy_with_new_env(available_variables=dict(self._task_vars)).template(value)
        return self._resolved[name]

    def _directories(self, search: tuple[str, ...]) -> list[str]:
        """Return the directories of templates: the role's and the playbook's, more of the task's, and those of the project."""
        of_task = self._task_vars.get("ansible_search_path") or self._action._task.get_search_path()
        return list(dict.fromkeys(map(os.path.abspath, [*of_task, *search, *project_directories(self._task_vars)])))


def find_template(source: str, directories: t.Sequence[str]) -> str:
    """Return the absolute path of a template.

    :param source: an absolute path, or a path below ``templates/`` of a directory
    :raises AnsibleError: if there is none
    """
    path = os.path.expanduser(source)
    for candidate in [path] if os.path.isabs(path) else [os.path.join(place, path) for place in _in_order(directories)]:
        if os.path.isfile(candidate):
            return os.path.abspath(candidate)
    if os.path.isabs(path):
        raise AnsibleError("there is no such file; correct the path")
    looked = ", ".join(os.path.join(directory, "templates") for directory in directories)
    raise AnsibleError(f"there is no such file (looked in {looked}); correct the name, or put the file into one of these directories")


def _in_order(directories: t.Iterable[str]) -> list[str]:
    """Return the places where a name is looked for, in the order of the template action."""
    return [place for directory in directories for place in (os.path.join(directory, "templates"), directory)]


def _position(error: Exception, render: t.Callable[[], str], template: _Template) -> str:
    place = failing_place(error, render)
    if place is None:
        return template.path
    if place.variable:
        return f"{place.path}, variable '{place.variable}'"
    # The header is taken away before the lines are counted.
    headers = 1 if place.path == template.path and template.text.startswith(_HEADER_MARK) else 0
    return f"{place.path}, line {place.line + headers}"
