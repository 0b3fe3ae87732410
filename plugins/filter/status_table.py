# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: status_table
short_description: Format the state of applications on hosts as a table
version_added: 1.0.0
description:
  - Takes the results of M(flaskops.stack.uwsgi_info) from all hosts and returns lines of text.
options:
  _input: {description: "By host, the return value C(apps) of the module.", type: dict, required: true}
  now: {description: Seconds since the epoch that ages are counted to., type: float, required: true}
positional: now
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Show the applications of all hosts
  ansible.builtin.debug:
    msg: "{{ {inventory_hostname: look.apps} | flaskops.stack.status_table(now().timestamp()) }}"
"""

RETURN = r"""
_value: {description: Lines., type: list, elements: str}
"""

import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.ages import age

_COLUMNS = (
    "host",
    "app",
    "state",
    "release",
    "revision",
    "age",
    "workers",
    "busy",
    "streams",
    "memory",
    "requests",
    "earlier",
    "tls",
    "last attempt",
    "notes",
)
_REVISION_SHOWN = 14


def status_table(hosts: dict[str, dict[str, t.Any]], now: float) -> list[str]:
    """Return a table with a row for each application of each host."""
    rows = [_COLUMNS, *(_row(host, name, app, now) for host, apps in sorted(hosts.items()) for name, app in sorted(apps.items()))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _row(host: str, name: str, app: dict[str, t.Any], now: float) -> tuple[str, ...]:
    live = app["instances"].get(app["live"], {})
    stream = live.get("stream")
    earlier = sorted({item["release"] for key, item in app["instances"].items() if key != app["live"]} - {app["release"]["id"], ""})
    last = app["history"][0] if app["history"] else None
    return (
        host,
        name,
        live.get("active", "nothing live"),
        app["release"]["id"] or "-",
        app["release"]["revision"][:_REVISION_SHOWN] or "-",
        age(now - app["release"]["built"]) if app["release"]["built"] else "-",
        str(len(live.get("workers", []))),
        _busy(live),
        _busy(stream) if stream else "-",
        f"{sum(item.get('memory', 0) for item in (live, stream or {})) / 2**20:.0f}M",
        str(live.get("requests", 0)),
        " ".join(earlier) or "-",
        _left(app.get("certificate"), now),
        f"{last['action']} {last['result']} {last['time']} by {last['who']}" if last else "-",
        _notes(app) or "-",
    )


def _left(certificate: dict[str, t.Any] | None, now: float) -> str:
    """Return how long a certificate is still valid."""
    if not certificate:
        return "-"
    return age(certificate["not_after"] - now) if certificate["not_after"] > now else "expired"


def _busy(uwsgi: dict[str, t.Any]) -> str:
    """Return the number of running requests and the number of possible ones, such as 3/4."""
    return f"{uwsgi.get('busy', 0)}/{uwsgi.get('slots', 0)}"


def _notes(app: dict[str, t.Any]) -> str:
    notes = [*app["problems"]]
    notes += [f"changed by hand: {path}" for path in app["changed_by_hand"]]
    again = [worker for worker in app.get("workers", []) if worker["restarts"]]
    notes += [f"worker {worker['name']} was started again {worker['restarts']} times" for worker in again]
    notes += [f"rejected: {name}" for name in sorted(app["rejected"])]
    return "; ".join(notes)


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"status_table": status_table}
