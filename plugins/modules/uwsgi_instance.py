#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: uwsgi_instance
short_description: Start, gate and switch to uWSGI instances
version_added: 1.0.0
description:
  - Renders the configuration of every application on the controller and names the instance by it. An instance that is not on the
    host is started as a candidate; it must become ready and answer its health request on its private socket. Only when all
    candidates do are they switched to, by renaming a symlink; the old instances are stopped after their drain time.
  - A candidate that fails is taken away, and nothing of what is live has changed.
options:
  apps:
    description: Complete descriptions, as the filter P(flaskops.stack.resolve_apps#filter) returns them.
    type: list
    elements: dict
    required: true
  releases:
    description:
      - Releases by name, as M(flaskops.stack.flask_release) returns them.
      - For an application that is not among them, the release that was built last on the host.
    type: dict
    default: {}
  secrets_key:
    description: Secret that the secrets of applications enter ids with; the same for all controllers, different for each site.
    type: str
    default: ""
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Tells which instances would be started., support: full}
  diff_mode: {description: Shows the ini of the live instance and the new one; never secrets., support: full}
"""

EXAMPLES = r"""
- name: Switch every application to its new instance
  flaskops.stack.uwsgi_instance:
    apps: "{{ flask_apps | flaskops.stack.resolve_apps }}"
    releases: "{{ built.releases }}"
"""

RETURN = r"""
instances:
  description: By application, C(id) of the live instance and whether it was C(switched) to in this run.
  type: dict
  returned: success
  sample: {shop: {id: 9d3c21f0aa10, switched: true}}
removed: {description: Paths of old instances, releases and virtualenvs that were removed., type: list, elements: str, returned: success}
"""

import base64
import json
import os
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flaskops.stack.plugins.module_utils import instance as instances
from ansible_collections.flaskops.stack.plugins.module_utils import systemd
from ansible_collections.flaskops.stack.plugins.module_utils.atomic import read_link, read_text
from ansible_collections.flaskops.stack.plugins.module_utils.release_build import release_record


def releases(module: AnsibleModule) -> None:
    """Answer what was built last for applications."""
    found: dict[str, t.Any] = {}
    missing: list[str] = []
    for app in module.params["apps"]:
        root = app["root"]
        record = release_record(root, os.path.basename(read_link(f"{root}/next") or ""))
        if not record:
            missing.append(
                f"{app['name']}: no release stands in {root}; run the role flask_app before, or point `source.prebuilt` to the code."
            )
            continue
        found[app["name"]] = {
            "id": record["id"],
            "path": f"{root}/releases/{record['id']}",
            "virtualenv": f"{root}/venvs/{record['virtualenv']}",
            "callable": record["callable"],
            "revision": record["revision"],
        }
    if missing:
        module.fail_json(msg="\n".join(missing))
    module.exit_json(changed=False, releases=found)


def apply(module: AnsibleModule) -> dict[str, t.Any]:
    """Bring every instance up and switch to it, or change nothing that is live."""
    wanted = [instances.Instance(app) for app in json.loads(base64.b64decode(module.params["payload"]))]
    states = systemd.show([instance.unit for instance in wanted])
    pending = [instance for instance in wanted if not instances.is_settled(instance, states[instance.unit])]
    result = {
        "changed": bool(pending),
        "instances": {instance.name: {"id": instance.id, "switched": instance in pending} for instance in wanted},
        "diff": [diff(instance) for instance in pending],
        "removed": [],
    }
    if module.check_mode or not pending:
        return result
    templates = {instance.name: read_text(instance.template_path) for instance in pending}
    for instance in pending:
        instance.write()
    systemd.daemon_reload()
    systemd.reset_failed([instance.unit for instance in pending])
    systemd.start([instance.unit for instance in pending])
    problems = instances.gate(pending)
    if problems:
        # The instance that is live already keeps its files, whatever state it is in.
        for instance in pending:
            if instance.live_id != instance.id:
                instances.discard(instance, templates[instance.name])
        systemd.daemon_reload()
        module.fail_json(msg="\n".join(problem.text() for problem in problems))
    for instance in pending:
        instances.switch(instance)
        instances.drain(instance)
        result["removed"] += instances.prune(instance)
    return result


def diff(instance: instances.Instance) -> dict[str, str]:
    live = instance.live_id
    before = read_text(f"{instance.config_dir}/{live}.ini") if live else ""
    return {
        "before_header": f"{instance.unit_of(live)}" if live else "(none)",
        "after_header": instance.unit,
        "before": before or "",
        "after": instance.app["files"]["ini"],
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "mode": {"choices": ["apply", "releases"], "default": "apply"},
            "apps": {"type": "list", "elements": "dict", "default": []},
            # One opaque value, so that nothing of it is logged and nothing of a result is masked by accident.
            "payload": {"type": "str", "no_log": True},
        },
        supports_check_mode=True,
    )
    if module.params["mode"] == "releases":
        releases(module)
    try:
        module.exit_json(**apply(module))
    except systemd.SystemdError as error:
        module.fail_json(msg=f"{error}. The host must run systemd.")


if __name__ == "__main__":
    main()
