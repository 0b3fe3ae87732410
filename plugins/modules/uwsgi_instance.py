#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: uwsgi_instance
short_description: Start uWSGI instances, check them, and switch to them
version_added: 1.0.0
description:
  - Renders the configuration of every application on the controller and names the instance by it. An instance that is not on the
    host is started as a candidate; it must become ready and answer its health request on its private socket. As soon as it has, it is
    switched to, by renaming a symlink; the old instance is stopped after its drain time.
  - First it makes the system users and directories that the host lacks, also of an application whose release was not built by
    M(flaskops.stack.flask_release).
  - A candidate that fails is discarded; the live instance stays as it was. The module goes on with the other applications, and fails
    at its end with a message for each one that failed.
  - An application with C(state=absent) is stopped and removed with its releases; other applications are not touched.
  - Every attempt is written to C(history.jsonl) in the application's directory.
options:
  releases:
    description:
      - Releases by application, as M(flaskops.stack.flask_release_plan) returns them.
      - Other applications run the release that was built last on the host.
    type: dict
    default: {}
  secrets_key:
    description:
      - Key that hashes application secrets into instance ids, so that nobody can guess a secret from an id.
      - Every controller must use the same key. Use another key for each site.
    type: str
    default: ""
  allow_rejected:
    description: Whether a release that was rolled back may be deployed again.
    type: bool
    default: false
  lock_timeout:
    description: Seconds to wait for another run that is changing applications on the same host.
    type: int
    default: 60
  trial:
    description:
      - Seconds for which a switch is on trial. Unless M(flaskops.stack.flask_confirm) confirms it in this time, the host goes back to the
        instance that was live before, also if the run was killed. With 0 a switch is final.
      - An instance that is live and on trial by an earlier run begins its trial anew; with 0 its trial ends.
    type: int
    default: 0
  settled:
    description:
      - The answer of M(flaskops.stack.host_look) about the last order for this host. If it is this one, and would change nothing, the action
        plugin returns what the module would, without another round trip.
    type: dict
    default: {}
extends_documentation_fragment: [flaskops.stack.apps, flaskops.stack.private]
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Reports which instances would be started., support: full}
  diff_mode: {description: "Shows the ini of the live and of the new instance, without secrets.", support: full}
"""

EXAMPLES = r"""
- name: Switch every application to its new instance
  flaskops.stack.uwsgi_instance:
    apps: "{{ flask_apps }}"
"""

RETURN = r"""
instances:
  description: By application, the C(id) of the live instance, and whether this run C(switched) to it.
  type: dict
  returned: success
  sample: {shop: {id: 9d3c21f0aa10, switched: true}}
switched: {description: Applications that this run switched to another instance., type: list, elements: str, returned: success}
accounts: {description: "Declarations and directories that were made or corrected, or would be in check mode.", type: list, elements: str, returned: success}
failures:
  description: Messages of applications that failed, by application, with those of C(left_out). Without failures the dict is empty.
  type: dict
  returned: always
  sample: {blog: "blog: the candidate 4be1c0ffee12 exited with 22 before it was ready."}
taken_up:
  description: Applications whose live instance was on trial by an earlier run, which has not confirmed it.
  type: list
  elements: str
  returned: success
removed: {description: Paths that were removed., type: list, elements: str, returned: success}
notices: {description: "Applications that keep their live release, since the wanted one was rolled back.", type: list, elements: str, returned: success}
"""

import base64
import json
import typing as t

from ansible_collections.flaskops.stack.plugins.module_utils.app import account
from ansible_collections.flaskops.stack.plugins.module_utils.app.secret_values import learn_secrets
from ansible_collections.flaskops.stack.plugins.module_utils.host import lock
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule
from ansible_collections.flaskops.stack.plugins.module_utils.host.systemd import SystemdError, explained
from ansible_collections.flaskops.stack.plugins.module_utils.instance import deploy, verdict
from ansible_collections.flaskops.stack.plugins.module_utils.instance import rollback as instance_rollback
from ansible_collections.flaskops.stack.plugins.module_utils.instance.attempt import Action
from ansible_collections.flaskops.stack.plugins.module_utils.instance.failures import Failures
from ansible_collections.flaskops.stack.plugins.module_utils.instance.host_order import apply, ready
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import Instance


def last_built(order: dict[str, t.Any]) -> dict[str, t.Any]:
    releases, failures = {}, Failures()
    for app in order["apps"]:
        with failures.of(app["name"]):
            releases[app["name"]] = deploy.last_built(app["name"], app["root"])._asdict()
    return {"changed": False, "releases": releases, "failures": failures}


def new_releases(order: dict[str, t.Any]) -> dict[str, t.Any]:
    new, failures = deploy.new_releases([Instance(app) for app in order["apps"]], order["allow_rejected"])
    return {"changed": False, "new": new, "failures": failures}


def migrate(order: dict[str, t.Any]) -> dict[str, t.Any]:
    failures = Failures(account.ensure(order["accounts"], check=False).failures)
    deploy.migrate(ready(order, failures), order["who"], failures)
    return {"changed": True, "failures": failures}


def rollback(order: dict[str, t.Any], check: bool) -> dict[str, t.Any]:
    action = Action.ROLLBACK if order["reject"] else Action.TAKEN_BACK
    live = [(app, order["release"]) for app in order["apps"]]
    return instance_rollback.rollback(live, order["who"], check, action, order["instances"])._asdict()


def confirm(order: dict[str, t.Any], check: bool) -> dict[str, t.Any]:
    outcome = verdict.confirm(order["apps"], check, order["instances"])
    return {**outcome._asdict(), "changed": bool(outcome.confirmed)}


def main() -> None:
    # The action plugins uwsgi_instance, flask_rollback and flask_confirm call this module. The order is one opaque value, so that nothing of it is
    # logged and nothing of a result is masked by accident.
    module = HostModule(
        argument_spec={
            "mode": {"choices": ["last_built", "new_releases", "migrate", "apply", "rollback", "confirm"], "required": True},
            "order": {"type": "str", "no_log": True, "required": True},
        },
        supports_check_mode=True,
        exact=("releases", "new"),
    )
    module.require_root()
    order = json.loads(base64.b64decode(module.params["order"]))
    looks = {"last_built": last_built, "new_releases": new_releases}
    changes = {
        "migrate": lambda: migrate(order),
        "apply": lambda: apply(order, module.check_mode),
        "rollback": lambda: rollback(order, module.check_mode),
        "confirm": lambda: confirm(order, module.check_mode),
    }
    try:
        learn_secrets([*order["apps"], *order.get("absent", [])])
        if module.params["mode"] in looks:
            module.exit_json(**looks[module.params["mode"]](order))
        with lock.held(order["who"], order["lock_timeout"]):
            result = changes[module.params["mode"]]()
        module.exit_json(**result)
    except SystemdError as error:
        module.fail_json(msg=explained(error))
    except lock.LockedError as error:
        module.fail_json(msg=f"{error}. Try again when it has ended.")
    except CommandError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"{error}. What is live answers; the next run goes on from here.")


if __name__ == "__main__":
    main()
