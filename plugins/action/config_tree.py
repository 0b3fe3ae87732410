# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``config_tree``: render every file, and send all of them in one module call."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import (
    ARGUMENT_SPEC,
    ConfigTreeError,
    Entry,
    check_request,
    encode_payload,
    payload_text,
)
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.host import who
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.host_action import HostAction
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.plugins.plugin_utils.identity import order_digest
from ansible_collections.flaskops.stack.plugins.plugin_utils.site_files.served_sites import ServedSites
from ansible_collections.flaskops.stack.plugins.plugin_utils.template.render import Job, render_all

_SOURCES = ("src", "content", "link")
_FILE_DEFAULTS = {name: option.get("default") for name, option in ARGUMENT_SPEC["files"]["options"].items()}


def to_mode(entry: dict[str, t.Any]) -> int:
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


def check_sources(entry: dict[str, t.Any]) -> None:
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

    :raises AnsibleActionFail: with a line for each problem of a description
    """
    try:
        served = ServedSites(resolve_apps(sites["apps"], (), sites["variable"]), sites["left_out"])
        order = served.order(sites["variables"], sites["pages"])
    except AppError as error:
        raise AnsibleActionFail(str(error)) from None
    return {**order, "files": [{**_FILE_DEFAULTS, **file} for file in order["files"]]}


def to_job(entry: dict[str, t.Any]) -> Job:
    """Return what is to be rendered for an entry with ``src``."""
    variables = {"template_destpath": entry["path"], **entry["vars"]}
    return Job(entry["src"], variables, f"files: {entry['owner']}: {entry['path']}", tuple(entry["search"]))


def to_entry(entry: dict[str, t.Any]) -> Entry:
    """Return an element of ``files`` once it is rendered.

    :raises AnsibleActionFail: for a wrong mode
    """
    common = {name: entry[name] for name in ("path", "owner", "diff", "force", "if_unedited", "spare")}
    common["serves"] = tuple(entry["serves"])
    if entry["link"] is not None:
        return Entry(link=entry["link"], **common)
    return Entry(content=entry["content"].encode("utf-8", "surrogateescape"), mode=to_mode(entry), group=entry["group"], **common)


class ActionModule(HostAction):
    """See the module's documentation."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Render the files, send them, and return the result of the module."""
        result = super().run(tmp, task_vars)
        spec = {name: option for name, option in ARGUMENT_SPEC.items() if name not in ("payload", "digest", "who")}
        _validation, args = self.validate_argument_spec(spec)
        if sites := args.pop("sites"):
            args |= of_sites(sites)
        wanted, settled = args.pop("files"), args.pop("settled")
        for entry in wanted:
            check_sources(entry)
        templates = [entry for entry in wanted if entry["src"] is not None]
        for entry, text in zip(templates, render_all(self, map(to_job, templates), task_vars or {}), strict=True):
            entry["content"] = text
        entries = [to_entry(entry) for entry in wanted]
        try:
            check_request(entries, [])
        except ConfigTreeError as error:
            raise AnsibleActionFail(str(error)) from error
        args = {name: value for name, value in args.items() if value is not None}
        payload = payload_text(entries)
        # The digest is of the text, since each controller may pack it into other bytes.
        args["digest"] = order_digest({**args, "payload": payload})
        if settled.get("digest") == args["digest"]:
            return {**result, **settled["result"]}
        args["payload"] = encode_payload(payload)
        args["who"] = who()
        answer = self.ask_module("config_tree", args, task_vars or {})
        # A tree that is refused has a result with more than a message; a crash has none, and a killed module has what it printed.
        if not answer.get("msg") or "module_stdout" in answer:
            self.require_success("config_tree", answer, task_vars or {})
        return {**result, **answer}
