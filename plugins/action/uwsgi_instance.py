# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``uwsgi_instance``: render the files of every instance, run migrations once, and have the host switch."""

from __future__ import annotations

import base64
import typing as t
from pathlib import Path

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import AppsAction, present, with_failures
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.host import ask_host, who, with_environment
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.kept_action import KeptAction
from ansible_collections.flaskops.stack.plugins.plugin_utils.host_program import TRIAL, host_program
from ansible_collections.flaskops.stack.plugins.plugin_utils.identity import content_id
from ansible_collections.flaskops.stack.plugins.plugin_utils.orders.instances import host_order
from ansible_collections.flaskops.stack.plugins.plugin_utils.orders.sealing import Sealing
from ansible_collections.flaskops.stack.plugins.plugin_utils.release.plan import prebuilt_release
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.cache import locked

App = dict[str, t.Any]


class ActionModule(KeptAction, AppsAction):
    """One round trip, and none where an earlier look has told that nothing would change.

    There is one more where releases have to be asked for, and there are two more where there are migrations.
    """

    require = ("wsgi",)
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        args = self.arguments(
            releases={"type": "dict", "default": {}},
            secrets_key={"type": "str", "no_log": True, "default": ""},
            allow_rejected={"type": "bool", "default": False},
            lock_timeout={"type": "int", "default": 60},
            trial={"type": "int", "default": 0},
            settled={"type": "dict", "default": {}},
        )
        apps = self.resolve(args, task_vars)
        wanted = present(apps)
        seal = Sealing(args["secrets_key"])
        hosted, failures = self._hosted_releases(wanted, args["releases"], task_vars)
        releases = {**hosted, **args["releases"]}
        wanted = [app for app in wanted if app["name"] not in failures]
        made = host_order(self, [app for app in apps if app["name"] not in failures], releases, seal, args["allow_rejected"], task_vars)
        failures |= made.failures
        order = {
            "apps": made.apps,
            "accounts": made.accounts,
            "absent": made.absent,
            "who": who(),
            "allow_rejected": args["allow_rejected"],
            "digest": "" if failures else made.digest,
            "lock_timeout": args["lock_timeout"],
            "trial": {"seconds": args["trial"], "program": base64.b64encode(host_program(TRIAL) if args["trial"] else b"").decode()},
        }
        if order["digest"] and args["settled"].get("digest") == order["digest"]:
            return with_failures({**result, **self.received(args["settled"]["result"])}, args["left_out"], {})
        answer = self._carry_out(order, {app["name"]: app for app in wanted}, failures, task_vars)
        for notice in answer["notices"]:
            self._display.warning(f"{task_vars.get('inventory_hostname')}: {notice}")
        return with_failures({**result, **answer}, args["left_out"], {**failures, **answer["failures"]})

    def _carry_out(
        self, order: dict[str, t.Any], described: dict[str, App], failures: dict[str, str], task_vars: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        """Run migrations and have the host switch; return its answer.

        :param failures: messages of applications that have failed so far; those of migrations are added
        :raises AnsibleActionFail: if the host cannot do anything, with these messages before its own
        """
        try:
            if not self._task.check_mode:
                failures |= self._migrate(order, described, task_vars)
                left = [app for app in order["apps"] if app["name"] not in failures]
                if failures:
                    # The host does not get all of what the digest stands for.
                    order["digest"] = ""
                order["apps"] = with_environment(left, "after_switch", described)
                order["accounts"] = [app for app in order["accounts"] if app["name"] not in failures]
            return ask_host(self, "apply", order, task_vars)
        except AnsibleActionFail as error:
            raise AnsibleActionFail("\n".join([*failures.values(), str(error)])) from None

    def _hosted_releases(
        self, apps: list[App], known: dict[str, t.Any], task_vars: dict[str, t.Any]
    ) -> tuple[dict[str, t.Any], dict[str, str]]:
        """Return the releases of applications that this run did not build: prebuilt ones, or the last ones on the host.

        Messages of applications without a release come second.
        """
        found: dict[str, t.Any] = {}
        asked: list[dict[str, str]] = []
        for app in apps:
            source = app.get("source", {})
            if app["name"] in known:
                continue
            if "prebuilt" in source:
                found[app["name"]] = prebuilt_release(source)._asdict()
            else:
                asked.append({"name": app["name"], "root": app["root"]})
        if not asked:
            return found, {}
        answer = ask_host(self, "last_built", {"apps": asked}, task_vars)
        return {**found, **answer["releases"]}, answer["failures"]

    def _migrate(self, order: dict[str, t.Any], described: dict[str, App], task_vars: dict[str, t.Any]) -> dict[str, str]:
        """Run the migrations of new releases on the first host that comes here; the others wait for it. Return messages of those that failed.

        A marker file stands for one migration. Its name contains the revision of the source and not the release id, since hosts with
        different interpreters have different releases of one source. It contains the environment, since each environment of a run
        may have its own database.
        """
        apps = [app for app in order["apps"] if app["hooks"]["migrate"]]
        if not apps:
            return {}
        answer = ask_host(self, "new_releases", {**order, "apps": apps}, task_vars)
        failures: dict[str, str] = answer["failures"]
        for app in with_environment([app for app in apps if app["name"] in answer["new"]], "migrate", described):
            deployment = {"revision": app["release"]["revision"], "environment": app["environment"], "hooks": app["hooks"]}
            # Ansible shares this directory among the workers of a run, and removes it when the run ends.
            done = Path(C.DEFAULT_LOCAL_TMP, f"flaskops-migrated-{app['name']}-{content_id('deployment', deployment)}")
            with locked(done):
                if not done.exists():
                    accounts = [account for account in order["accounts"] if account["name"] == app["name"]]
                    failed = ask_host(self, "migrate", {**order, "apps": [app], "accounts": accounts}, task_vars)["failures"]
                    failures |= failed
                    if not failed:
                        done.touch()
        return failures
