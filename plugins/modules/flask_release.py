#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: flask_release
short_description: Build releases of Flask applications
version_added: 1.0.0
description:
  - Sends and builds the releases that M(flaskops.stack.flask_release_plan) reported as missing, each with its virtualenv. A release
    on the host is never changed.
  - Commands that install or run foreign code run as the application's user. The finished release and virtualenv belong to root.
  - The first host that builds resolves requirements without a version, and the other hosts install the same versions.
  - Before that it makes the system users and directories that the host lacks, by C(sysusers.d) and C(tmpfiles.d). At boot systemd
    makes the directories in C(/run) again. The module never removes a user.
  - An application whose release cannot be built stops no other. The module goes on with the others, and fails at its end with a message
    for each one that failed.
  - One call works on all applications. If neither releases nor accounts are missing, the module does not contact the host.
options:
  plans:
    description: The return value C(plans) of M(flaskops.stack.flask_release_plan).
    type: dict
    required: true
  missing:
    description: The return value C(missing) of M(flaskops.stack.flask_release_plan).
    type: list
    elements: str
    required: true
  accounts:
    description: The return value C(accounts) of M(flaskops.stack.host_look). If it is not empty, users and directories are made.
    type: list
    elements: str
    default: []
  cache_dir:
    description: Directory on the controller where fetched sources are cached.
    type: path
    default: ~/.cache/flaskops
  lock_timeout:
    description: Seconds to wait for another run that is changing applications on the same host.
    type: int
    default: 60
extends_documentation_fragment: [flaskops.stack.apps, flaskops.stack.private]
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Reports which releases and accounts would be made., support: full}
  diff_mode: {description: Shows declarations of accounts and the release before and after., support: full}
"""

EXAMPLES = r"""
- name: Make the accounts and build the releases that the host lacks
  flaskops.stack.flask_release:
    apps: "{{ flask_apps }}"
    plans: "{{ plan.plans }}"
    missing: "{{ plan.missing }}"
    accounts: "{{ look.accounts }}"
"""

RETURN = r"""
made: {description: "Paths that were built, or would be built in check mode.", type: list, elements: str, returned: success}
accounts: {description: "Declarations and directories that were made or corrected, or would be in check mode.", type: list, elements: str, returned: success}
failures:
  description: Messages of applications that failed, by application, with those of C(left_out). Without failures the dict is empty.
  type: dict
  returned: always
  sample: {blog: "blog: the release cannot be built: the build hook 'npm run build' ended with 1."}
"""

import base64
import json
import typing as t

from ansible_collections.flaskops.stack.plugins.module_utils.app import account, history
from ansible_collections.flaskops.stack.plugins.module_utils.app.orders import ReleaseOrder
from ansible_collections.flaskops.stack.plugins.module_utils.app.secret_values import learn_secrets
from ansible_collections.flaskops.stack.plugins.module_utils.host import lock
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule
from ansible_collections.flaskops.stack.plugins.module_utils.release import store
from ansible_collections.flaskops.stack.plugins.module_utils.release.build import Built, build_all


def build(module: HostModule) -> dict[str, t.Any]:
    """Make the accounts that the host lacks, and build every release, also beside one that cannot be built."""
    order = json.loads(base64.b64decode(module.params["payload"]))
    learn_secrets(order["apps"])
    accounts = account.ensure(order["accounts"], module.check_mode)
    apps = [] if module.check_mode else [app for app in order["apps"] if app["name"] not in accounts.failures]
    archives = {**module.params["archives"], **{name: base64.b64decode(text) for name, text in order["archives"].items()}}
    built = {app["name"]: outcome for app, outcome in zip(apps, build_all(apps, archives), strict=True)}
    failed = {name: outcome for name, outcome in built.items() if outcome.problem}
    for app in [app for app in apps if app["name"] in failed]:
        record_failure(app, failed[app["name"]], module.params["who"])
    made = [path for outcome in built.values() for path in outcome.made]
    return {
        "changed": bool(made or accounts.paths),
        "made": made,
        "accounts": accounts.paths,
        "diff": accounts.diff,
        "constraints": {
            app["name"]: store.read_constraints(app["root"], app["release"]["virtualenv_id"]) for app in apps if app["name"] not in failed
        },
        "failures": {
            **accounts.failures,
            **{name: f"{name}: the release cannot be built: {outcome.problem}" for name, outcome in failed.items()},
        },
    }


def record_failure(app: ReleaseOrder, outcome: Built, who: str) -> None:
    """Write into the history that a release cannot be built."""
    release = app["release"]
    entry = {"action": "build", "release": release["id"], "revision": release["revision"], "who": who}
    history.record(app["root"], {**entry, "result": "failed", "reason": outcome.problem, "seconds": {"build": round(outcome.seconds, 1)}})


def main() -> None:
    # The action plugins call this module: flask_release_plan for constraints, flask_release to build.
    module = HostModule(
        argument_spec={
            "mode": {"choices": ["constraints", "build"], "required": True},
            "apps": {"type": "list", "elements": "dict", "default": []},
            "payload": {"type": "str", "no_log": True},
            "archives": {"type": "dict", "default": {}},
            "who": {"type": "str", "default": ""},
            "lock_timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
        exact=("constraints",),
    )
    module.require_root()
    apps = module.params["apps"]
    if module.params["mode"] == "constraints":
        constraints = {app["name"]: store.read_constraints(app["root"], app["virtualenv_id"]) for app in apps}
        module.exit_json(changed=False, constraints={name: text for name, text in constraints.items() if text is not None})
    try:
        with lock.held(module.params["who"], module.params["lock_timeout"]):
            result = build(module)
    except lock.LockedError as error:
        module.fail_json(msg=f"{error}. Try again when it has ended.")
    except OSError as error:
        module.fail_json(msg=f"{error}. What is live answers; the next run goes on from here.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
