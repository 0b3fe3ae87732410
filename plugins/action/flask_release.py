# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``flask_release``: send sources that the host lacks, and let the host build the releases."""

from __future__ import annotations

import base64
import json
import tempfile
import typing as t
from pathlib import Path

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.flaskops.stack.plugins.plugin_utils.host import who
from ansible_collections.flaskops.stack.plugins.plugin_utils.release import constraints
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.apps import fetch_apps

App = dict[str, t.Any]

# Sources up to this total size are sent inside the module call, since the transfer of a file takes six round trips.
_INLINE_BYTES = 1_000_000


class ActionModule(ActionBase):
    """This action makes no round trip if no release is missing, and one if the sources are small."""

    _requires_connection = True
    # This action makes a temporary directory only for large sources; ansible-core would make one on every run.
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _result, args = self.validate_argument_spec(
            {
                "apps": {"type": "list", "elements": "dict", "required": True},
                "plans": {"type": "dict", "required": True},
                "missing": {"type": "list", "elements": "str", "required": True},
                "cache_dir": {"type": "path", "default": "~/.cache/flaskops"},
                "lock_timeout": {"type": "int", "default": 60},
            }
        )
        plans = args["plans"]
        missing = [app for app in args["apps"] if app["name"] in args["missing"]]
        result["made"] = [path for app in missing for path in _would_make(app, plans[app["name"]])]
        result["changed"] = bool(missing)
        result["diff"] = [_diff(app, plans[app["name"]]) for app in missing]
        if missing and not self._task.check_mode:
            self._build(missing, plans, args, task_vars)
        return result

    def _build(self, apps: list[App], plans: dict[str, t.Any], args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> None:
        cache = Path(args["cache_dir"]).expanduser()
        with tempfile.TemporaryDirectory(dir=C.DEFAULT_LOCAL_TMP) as local:
            packed = self._pack(apps, plans, args["cache_dir"], Path(local), task_vars)
            inline = sum(path.stat().st_size for path in packed.values()) <= _INLINE_BYTES
            texts = {name: base64.b64encode(path.read_bytes()).decode() for name, path in packed.items()} if inline else {}
            remote_tmp = "" if inline else self._make_tmp_path()
            archives = {} if inline else self._ship(packed, remote_tmp)
        undecided = [
            plan["virtualenv_id"] for plan in (plans[app["name"]] for app in apps) if plan["open_versions"] and not _has_virtualenv(plan)
        ]
        with constraints.first_to_resolve(cache, undecided):
            wanted = [_module_app(app, plans[app["name"]], cache) for app in apps]
            # The payload may contain secrets for build hooks, so it is one opaque value.
            payload = base64.b64encode(json.dumps({"apps": wanted, "archives": texts}).encode()).decode()
            arguments = {
                "mode": "build",
                "payload": payload,
                "archives": archives,
                "who": who(),
                "lock_timeout": args["lock_timeout"],
            }
            answer = self._execute_module("flaskops.stack.flask_release", module_args=arguments, task_vars=task_vars)
            for name, text in (answer.get("locks") or {}).items():
                constraints.remember(cache, plans[name]["virtualenv_id"], text)
        if remote_tmp:
            self._remove_tmp_path(remote_tmp)
        if answer.get("failed"):
            raise AnsibleActionFail(str(answer.get("msg") or answer.get("module_stderr") or "the module gave no message"))

    def _pack(self, apps: list[App], plans: dict[str, t.Any], cache_dir: str, local: Path, task_vars: dict[str, t.Any]) -> dict[str, Path]:
        """Pack the sources of releases that are not on the host; return the files by application."""
        wanted = [app for app in apps if plans[app["name"]]["id"] not in plans[app["name"]]["hosted"]["releases"]]
        packed: dict[str, Path] = {}
        for name, tree in fetch_apps(wanted, cache_dir, task_vars).items():
            if tree.digest != plans[name]["digest"]:
                raise AnsibleActionFail(f"{name}.source: the source changed while the run was under way; run it again.")
            packed[name] = local / f"{name}.tar.gz"
            tree.write_tar(packed[name])
        return packed

    def _ship(self, packed: dict[str, Path], remote_tmp: str) -> dict[str, str]:
        """Transfer packed sources; return their paths on the host."""
        archives = {
            name: self._transfer_file(str(path), self._connection._shell.join_path(remote_tmp, path.name)) for name, path in packed.items()
        }
        self._fixup_perms2([remote_tmp, *archives.values()])
        return archives


def _module_app(app: App, plan: dict[str, t.Any], cache: Path) -> dict[str, t.Any]:
    return {
        **{key: app[key] for key in ("name", "user", "root", "hooks")},
        "python": plan["hosted"]["python"]["path"],
        "uwsgi": app["uwsgi"]["package"],
        "gevent": app["uwsgi"]["gevent"],
        "environment": {**app["env"], **app["secrets"]} if app["hooks"]["build"] else {},
        "lock": constraints.known(cache, plan["virtualenv_id"]) if plan["open_versions"] else None,
        "release": {
            **{key: plan[key] for key in ("id", "requirements", "package", "callable", "revision")},
            "virtualenv": plan["virtualenv_id"],
        },
    }


def _has_virtualenv(plan: dict[str, t.Any]) -> bool:
    return plan["virtualenv_id"] in plan["hosted"]["virtualenvs"]


def _would_make(app: App, plan: dict[str, t.Any]) -> list[str]:
    root, hosted = app["root"], plan["hosted"]
    made = [] if _has_virtualenv(plan) else [f"{root}/venvs/{plan['virtualenv_id']}"]
    made += [] if plan["id"] in hosted["releases"] else [f"{root}/releases/{plan['id']}"]
    return made + ([] if hosted["next"] == plan["id"] else [f"{root}/next"])


def _diff(app: App, plan: dict[str, t.Any]) -> dict[str, str]:
    link, before = f"{app['root']}/next", plan["hosted"]["next"]
    return {"before_header": link, "after_header": link, "before": f"{before}\n" if before else "", "after": f"{plan['id']}\n"}
