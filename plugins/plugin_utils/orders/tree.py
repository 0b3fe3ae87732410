# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Orders of configuration trees for a host: every file rendered, and the name that comes from all of them."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ...module_utils.config_tree.request import ARGUMENT_SPEC, ConfigTreeError, Entry, check_request, payload_text
from ..description.resolve import resolve_apps
from ..description.validate import AppError
from ..identity import order_digest
from ..site_files.served_sites import ServedSites
from ..template.render import Job, render_all

_SOURCES = ("src", "content", "link")
_FILE_DEFAULTS = {name: option.get("default") for name, option in ARGUMENT_SPEC["files"]["options"].items()}
# The action plugin sets these options of the module itself.
_OWN_OPTIONS = ("payload", "digest", "who")
# The options for nginx, whatever its sites are.
_OF_NGINX: dict[str, t.Any] = {
    "absent": [{"path": "sites-enabled/default", "only_if_link": "/etc/nginx/sites-available/default", "if_unedited": True}],
    "validate": ["nginx", "-T"],
    "validate_fallback": ["nginx", "-T", "-c", "{root}/nginx.conf"],
    "included": ["conf.d", "sites-enabled"],
    "service": "nginx",
    "service_log": "/var/log/nginx/error.log",
    "reload_check": "workers",
    # A busy host reads the files of hundreds of sites for longer than the ten seconds of the module. A refusal ends the wait at once.
    "reload_timeout": 60,
}
TASK_SPEC = {name: option for name, option in ARGUMENT_SPEC.items() if name not in _OWN_OPTIONS}


class TreeOrder(t.NamedTuple):
    """Options of the module ``config_tree`` without ``payload`` and ``who``, and the text of the payload. ``options["digest"]`` names both."""

    options: dict[str, t.Any]
    payload: str


def tree_order(action: ActionBase, options: t.Mapping[str, t.Any], task_vars: t.Mapping[str, t.Any]) -> TreeOrder:
    """Return what a host is asked to have.

    :param options: those of a task, with ``files``; an option that is ``None`` is left out
    :raises AnsibleActionFail: for an entry that cannot be used, or a template that fails
    """
    wanted = [dict(entry) for entry in options["files"]]
    for entry in wanted:
        _check_sources(entry)
    templates = [entry for entry in wanted if entry["src"] is not None]
    for entry, text in zip(templates, render_all(action, map(_to_job, templates), task_vars), strict=True):
        entry["content"] = text
    entries = [_to_entry(entry) for entry in wanted]
    try:
        check_request(entries, [])
    except ConfigTreeError as error:
        raise AnsibleActionFail(str(error)) from error
    sent = {name: value for name, value in options.items() if name not in ("files", "settled", "sites") and value is not None}
    payload = payload_text(entries)
    # The digest is of the text, since each controller may pack it into other bytes.
    return TreeOrder({**sent, "digest": order_digest({**sent, "payload": payload})}, payload)


def sites_digest(
    action: ActionBase,
    root: str,
    served: ServedSites,
    variables: t.Mapping[str, t.Any],
    pages: t.Mapping[str, t.Sequence[str]],
    task_vars: t.Mapping[str, t.Any],
) -> str:
    """Return the name of the order that a task with nothing but ``root`` and ``sites`` sends.

    :raises AnsibleActionFail: as :func:`tree_order` does
    :raises AppError: as :func:`of_sites` does
    """
    given = {name: option.get("default") for name, option in TASK_SPEC.items()}
    return str(tree_order(action, {**given, "root": root, **_of_served(served, variables, pages)}, task_vars).options["digest"])


def _to_mode(entry: dict[str, t.Any]) -> int:
    """Return the permissions of an entry as a number.

    :raises AnsibleActionFail: if they are not octal
    """
    mode = entry["mode"]
    try:
        number = mode if isinstance(mode, int) else int(str(mode), 8)
    except ValueError:
        number = -1
    if not 0 <= number <= 0o7777:
        raise AnsibleActionFail(f"files: {entry['owner']}: mode '{mode}' of {entry['path']} is not octal, such as '0644'")
    return number


def _check_sources(entry: dict[str, t.Any]) -> None:
    """Require that an entry says in exactly one way what is to be at its path.

    :raises AnsibleActionFail: if it does not
    """
    given = [name for name in _SOURCES if entry[name] is not None]
    if len(given) != 1:
        raise AnsibleActionFail(
            f"files: {entry['owner']}: {entry['path']} needs exactly one of src, content and link, got {', '.join(given) or 'none'}"
        )


def of_sites(sites: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the options that the option ``sites`` stands for. Files have all of theirs.

    nginx gets the site of its package taken away, tests the whole tree, and is watched while it takes up the new one.

    :raises AnsibleActionFail: with a line for each problem of a description
    """
    try:
        served = ServedSites(resolve_apps(sites["apps"], (), sites["variable"]), sites["left_out"])
        return _of_served(served, sites["variables"], sites["pages"])
    except AppError as error:
        raise AnsibleActionFail(str(error)) from None


def _of_served(served: ServedSites, variables: t.Mapping[str, t.Any], pages: t.Mapping[str, t.Sequence[str]]) -> dict[str, t.Any]:
    order = served.order(variables, pages)
    return {**_OF_NGINX, **order, "files": [{**_FILE_DEFAULTS, **file} for file in order["files"]]}


def _to_job(entry: dict[str, t.Any]) -> Job:
    """Return what is to be rendered for an entry with ``src``."""
    variables = {"template_destpath": entry["path"], **entry["vars"]}
    return Job(entry["src"], variables, f"files: {entry['owner']}: {entry['path']}", tuple(entry["search"]))


def _to_entry(entry: dict[str, t.Any]) -> Entry:
    """Return an element of ``files`` once it is rendered.

    :raises AnsibleActionFail: for a wrong mode
    """
    common = {name: entry[name] for name in ("path", "owner", "diff", "force", "if_unedited", "spare")}
    common["serves"] = tuple(entry["serves"])
    if entry["link"] is not None:
        return Entry(link=entry["link"], **common)
    return Entry(content=entry["content"].encode("utf-8", "surrogateescape"), mode=_to_mode(entry), group=entry["group"], **common)
