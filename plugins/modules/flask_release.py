#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: flask_release
short_description: Build releases of Flask applications
version_added: 1.0.0
description:
  - Fetches the source of every application on the controller, names the release by its content, and ships and builds it with its
    virtualenv on hosts that do not have it. A release on the host is never changed.
  - What installs or runs foreign code runs as the application's user; what is built belongs to root.
  - One call for all applications. A run with nothing to build makes one round trip.
options:
  apps:
    description: Complete descriptions, as the filter P(flaskops.stack.resolve_apps#filter) returns them.
    type: list
    elements: dict
    required: true
  cache_dir:
    description: Directory on the controller for fetched sources.
    type: path
    default: ~/.cache/flaskops
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Tells which releases would be built., support: full}
  diff_mode: {description: Shows the release before and after., support: full}
"""

EXAMPLES = r"""
- name: Build the release of every application
  flaskops.stack.flask_release:
    apps: "{{ flask_apps | flaskops.stack.resolve_apps }}"
  register: built
"""

RETURN = r"""
releases:
  description: >-
    The release of every application by name: C(id), C(path), C(virtualenv), C(callable) and C(revision).
  type: dict
  returned: success
  sample: {shop: {id: 0f3a1c9d2b7e, path: /srv/flask/shop/releases/0f3a1c9d2b7e, revision: 9fceb02}}
made:
  description: Paths that were built or would be.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flaskops.stack.plugins.module_utils import release_build


def main() -> None:
    # The action plugin of the same name calls this module twice: to inspect, then to build what is missing.
    module = AnsibleModule(
        argument_spec={
            "mode": {"choices": ["inspect", "build"], "required": True},
            "apps": {"type": "list", "elements": "dict", "required": True},
            "archives": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    apps = module.params["apps"]
    if module.params["mode"] == "inspect":
        module.exit_json(changed=False, hosted={app["name"]: release_build.inspect(app) for app in apps})
    made: list[str] = []
    problems: list[str] = []
    for app in apps:
        try:
            made += release_build.build(app, module.params["archives"].get(app["name"]))
        except release_build.BuildError as error:
            problems.append(f"{app['name']}: the release cannot be built: {error}")
    if problems:
        module.fail_json(msg="\n".join(problems), made=made)
    module.exit_json(changed=bool(made), made=made)


if __name__ == "__main__":
    main()
