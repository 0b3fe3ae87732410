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
from ansible_collections.flaskops.stack.plugins.module_utils.app.layout import AppRoot
from ansible_collections.flaskops.stack.plugins.module_utils.app.orders import ReleaseOrder
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import AppsAction, places, present, with_failures
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.host import environment, who
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.kept_action import KeptAction
from ansible_collections.flaskops.stack.plugins.plugin_utils.release import constraints
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.apps import fetch_apps, for_each
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.cache_dir import cache_path
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import SourceError
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi.sandbox import of_builds

App = dict[str, t.Any]

# Sources up to this total size are sent inside the module call, since the transfer of a file takes six round trips.
_INLINE_BYTES = 1_000_000


class ActionModule(KeptAction, AppsAction):
    """No round trip if nothing is missing, one if the sources are small; in check mode one if accounts are missing."""

    _requires_connection = True
    # This action makes a temporary directory only for large sources; ansible-core would make one on every run.
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        args = self.arguments(
            plans={"type": "dict", "required": True},
            missing={"type": "list", "elements": "str", "required": True},
            accounts={"type": "list", "elements": "str", "default": []},
            cache_dir={"type": "path", "default": "~/.cache/flaskops"},
            lock_timeout={"type": "int", "default": 60},
        )
        plans = args["plans"]
        apps = present(self.resolve(args, task_vars))
        missing = [app for app in apps if app["name"] in args["missing"]]
        accounts: list[str] = []
        diff: list[dict[str, str]] = []
        failures: dict[str, str] = {}
        if args["accounts"] or (missing and not self._task.check_mode):
            # In check mode the host predicts accounts alone, since the plans already tell what would be built.
            answer, failures = self._build([] if self._task.check_mode else missing, [places(app) for app in apps], args, task_vars)
            accounts, diff = answer["accounts"], answer["diff"]
        built = [app for app in missing if app["name"] not in failures]
        result |= {
            "changed": bool(built or accounts),
            "made": [path for app in built for path in _would_make(app, plans[app["name"]])],
            "accounts": accounts,
            "diff": [*diff, *(_diff(app, plans[app["name"]]) for app in built)],
        }
        return with_failures(result, args["left_out"], failures)

    def _build(
        self, apps: list[App], accounts: list[App], args: dict[str, t.Any], task_vars: dict[str, t.Any]
    ) -> tuple[dict[str, t.Any], dict[str, str]]:
        """Have the host make accounts and build releases; return its answer, and messages of applications that failed."""
        plans = args["plans"]
        cache = cache_path(args["cache_dir"])
        with tempfile.TemporaryDirectory(dir=C.DEFAULT_LOCAL_TMP) as local:
            packed, failures = self._pack(apps, plans, args["cache_dir"], Path(local), task_vars)
            inline = sum(path.stat().st_size for path in packed.values()) <= _INLINE_BYTES
            texts = {name: base64.b64encode(path.read_bytes()).decode() for name, path in packed.items()} if inline else {}
            archives = {} if inline else self._ship(packed)
        apps = [app for app in apps if app["name"] not in failures]
        if not apps and not args["accounts"]:
            return {"accounts": [], "diff": []}, failures
        undecided = [
            _key(plans[app["name"]]) for app in apps if plans[app["name"]]["open_versions"] and not _has_virtualenv(plans[app["name"]])
        ]
        with constraints.first_to_resolve(cache, undecided):
            wanted = [_order(app, plans[app["name"]], cache) for app in apps]
            # One opaque value: it has secrets for build hooks.
            payload = base64.b64encode(json.dumps({"apps": wanted, "accounts": accounts, "archives": texts}).encode()).decode()
            arguments = {
                "mode": "build",
                "payload": payload,
                "archives": archives,
                "who": who(),
                "lock_timeout": args["lock_timeout"],
            }
            answer = self.ask_kept("flask_release", arguments, task_vars)
            built = {app["name"]: plans[app["name"]]["virtualenv_id"] for app in apps}
            for problem in constraints.harvest(cache, built, answer.get("constraints"), str(task_vars.get("inventory_hostname"))):
                self._display.warning(problem)
        self.require_success("flask_release", answer, task_vars)
        return answer, {**failures, **answer["failures"]}

    def _pack(
        self, apps: list[App], plans: dict[str, t.Any], cache_dir: str, local: Path, task_vars: dict[str, t.Any]
    ) -> tuple[dict[str, Path], dict[str, str]]:
        """Pack the sources of releases that are not on the host; return the files, and messages of those that cannot be packed, by name."""
        wanted = [app for app in apps if plans[app["name"]]["id"] not in plans[app["name"]]["hosted"]["releases"]]
        trees, failures = fetch_apps(wanted, cache_dir, task_vars)

        def pack(app: App) -> Path:
            tree, file = trees[app["name"]], local / f"{app['name']}.tar.gz"
            if tree.digest != plans[app["name"]]["digest"]:
                raise SourceError("source", "the source changed while the run was under way", "run it again")
            tree.write_tar(file)
            return file

        packed, unpacked = for_each([app for app in wanted if app["name"] in trees], pack)
        return packed, {**failures, **unpacked}

    def _ship(self, packed: dict[str, Path]) -> dict[str, str]:
        """Transfer packed sources; return their paths on the host."""
        # ansible-core removes the directory when the task has ended, however it ends.
        remote_tmp = self._make_tmp_path()
        archives = {
            name: self._transfer_file(str(path), self._connection._shell.join_path(remote_tmp, path.name)) for name, path in packed.items()
        }
        self._fixup_perms2([remote_tmp, *archives.values()])
        return archives


def _order(app: App, plan: dict[str, t.Any], cache: Path) -> ReleaseOrder:
    return {
        "name": app["name"],
        "user": app["user"],
        "root": app["root"],
        "hooks": app["hooks"],
        "python": plan["hosted"]["python"]["path"],
        "uwsgi": app["uwsgi"]["package"],
        "gevent": app["uwsgi"]["gevent"],
        "extra_requirements": app["extra_requirements"],
        "build_constraints": app["build_constraints"],
        "system_site_packages": app["system_site_packages"],
        "environment": {**environment(app), **app["build_env"]} if app["hooks"]["build"] else {},
        "build_environment": app["build_env"],
        "command_sandbox": of_builds(app),
        "command_limits": app["command_limits"],
        "secrets": sorted(app["secrets"]) if app["hooks"]["build"] else [],
        "constraints": constraints.known(cache, _key(plan)) if plan["open_versions"] else None,
        "release": {
            "id": plan["id"],
            "virtualenv_id": plan["virtualenv_id"],
            "requirements": plan["requirements"],
            "declared": plan["declared"],
            "package": plan["package"],
            "callable": plan["callable"],
            "revision": plan["revision"],
            "imports": plan["imports"],
            "hashed": plan["hashed"],
            "shared_paths": app["shared_paths"],
            "instance_path": plan["instance_path"],
            "pinned": plan["pinned"],
        },
    }


def _key(plan: dict[str, t.Any]) -> str:
    return constraints.key(plan["name"], plan["virtualenv_id"])


def _has_virtualenv(plan: dict[str, t.Any]) -> bool:
    return plan["virtualenv_id"] in plan["hosted"]["virtualenvs"]


def _would_make(app: App, plan: dict[str, t.Any]) -> list[str]:
    places, hosted = AppRoot(app["root"]), plan["hosted"]
    made = [] if _has_virtualenv(plan) else [places.virtualenv(plan["virtualenv_id"])]
    made += [] if plan["id"] in hosted["releases"] else [places.release(plan["id"])]
    return made + ([] if hosted["next"] == plan["id"] else [places.next])


def _diff(app: App, plan: dict[str, t.Any]) -> dict[str, str]:
    link, before = AppRoot(app["root"]).next, plan["hosted"]["next"]
    return {"before_header": link, "after_header": link, "before": f"{before}\n" if before else "", "after": f"{plan['id']}\n"}
