# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Render a template the way Ansible's own template lookup does, from a role's or the user's ``templates/``."""

from __future__ import annotations

import os
import typing as t
import uuid

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader
from ansible.template import trust_as_template

# Renders one source with the variables of many.
_EACH = "{% for __flaskops_one in __flaskops_all %}SETS{% include __flaskops_source %}{{ __flaskops_mark }}{% endfor %}"


class Job(t.NamedTuple):
    """A template to be rendered."""

    source: str
    variables: t.Mapping[str, t.Any]
    # What it is, for the message.
    what: str


def render_all(action: ActionBase, jobs: t.Sequence[Job], task_vars: dict[str, t.Any]) -> list[str]:
    """Return the text of each template; see :func:`render`."""
    alike: dict[t.Hashable, list[int]] = {}
    for index, job in enumerate(jobs):
        alike.setdefault((job.source, *sorted(job.variables)), []).append(index)
    texts = [""] * len(jobs)
    for indexes in alike.values():
        group = [jobs[index] for index in indexes]
        rendered = _at_once(action, group, task_vars) or [render(action, *job[:2], task_vars, job.what) for job in group]
        for index, text in zip(indexes, rendered, strict=True):
            texts[index] = text
    return texts


def _at_once(action: ActionBase, group: t.Sequence[Job], task_vars: dict[str, t.Any]) -> list[str]:
    """Return the texts of one template with the variables of many, empty where that cannot be."""
    places = _places(task_vars)
    try:
        found = _lookup(action).find_file_in_search_path({**task_vars, "ansible_search_path": places}, "templates", group[0].source)
        text = action._loader.get_text_file_contents(found)
    except (AnsibleError, TypeError):
        return []
    inside = [name for place in places for name in (os.path.join(place, "templates"), place)]

    def template(source: str, more: t.Mapping[str, t.Any]) -> str:
        engine = action._templar.copy_with_new_env(
            available_variables={**task_vars, **more}, searchpath=[os.path.dirname(found), *inside, "/"]
        )
        return engine.template(trust_as_template(source), escape_backslashes=False, overrides={"trim_blocks": True})

    return together(template, found, text, [job.variables for job in group])


def together(
    template: t.Callable[[str, t.Mapping[str, t.Any]], str], source: str, text: str, each: t.Sequence[t.Mapping[str, t.Any]]
) -> list[str]:
    """Return what a template gives with each of some variables of equal names: jinja2 compiles once a call, and that is the work.

    Empty where that cannot be or fails: one by one, it is known which fails.

    :param template: renders a text with some variables
    :param source: absolute path of the template
    :param text: its text
    """
    names = sorted(each[0])
    if len(each) == 1 or text.startswith("#jinja2:") or not all(name.isidentifier() for name in names):
        return []
    mark = uuid.uuid4().hex
    sets = "".join(f"{{% set {name} = __flaskops_one['{name}'] %}}" for name in names)
    more = {"__flaskops_all": [dict(one) for one in each], "__flaskops_source": source, "__flaskops_mark": mark}
    try:
        parts = str(template(_EACH.replace("SETS", sets), more)).split(mark)[:-1]
    except Exception:
        return []
    # jinja2 drops the last newline of what is included; of a whole template ansible-core puts it back.
    whole = [part + "\n" * max(0, _last_newlines(text) - _last_newlines(part)) for part in parts]
    return whole if len(whole) == len(each) else []


def _last_newlines(text: str) -> int:
    return len(text) - len(text.rstrip("\n"))


def _places(task_vars: t.Mapping[str, t.Any]) -> list[str]:
    """Return where templates are looked for."""
    search = list(task_vars.get("ansible_search_path") or [])
    inventory_dir = task_vars.get("inventory_dir")
    return [*search, inventory_dir] if inventory_dir else search


def _lookup(action: ActionBase) -> t.Any:
    return lookup_loader.get("ansible.builtin.template", loader=action._loader, templar=action._templar)


def render(action: ActionBase, source: str, variables: t.Mapping[str, t.Any], task_vars: dict[str, t.Any], what: str) -> str:
    """Return the text of a template.

    A bare name is looked up in the role first, then beside the inventory, where users keep their overlays; an overlay there
    extends a role's base by its bare name.

    :param what: what is rendered, for the message
    :raises AnsibleActionFail: naming ``what``, the template and what is wrong with it
    """
    search = _places(task_vars)
    try:
        return _lookup(action).run(
            [source],
            variables={**task_vars, "ansible_search_path": search},
            template_vars=dict(variables),
            trim_blocks=True,
            lstrip_blocks=True,
        )[0]
    except AnsibleError as error:
        places = f" (looked in {', '.join(os.path.join(place, 'templates') for place in search)})" if "not be found" in str(error) else ""
        raise AnsibleActionFail(f"{what}: the template '{source}' cannot be rendered{places}: {error}") from error
