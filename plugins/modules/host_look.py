# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: host_look
short_description: Tell what a host lacks
version_added: 1.0.0
description:
  - Looks at packages, users, directories, services and releases at once and changes nothing, so that a role asks for what is missing and
    a run that changes nothing costs one task.
  - Refuses a host of another distribution.
options:
  apps:
    description: Descriptions, as written or complete, of those whose packages, users, directories and releases are looked at.
    type: list
    elements: dict
    default: []
  variable:
    description: Name of the variable that they are from, for messages.
    type: str
    default: flask_apps
  packages: {description: Packages of the distribution., type: list, elements: str, default: []}
  directories:
    description: Permissions, octal, of directories of root, by path.
    type: dict
    default: {}
  services: {description: Services that are to run, now and at boot., type: list, elements: str, default: []}
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Looks., support: full}
  diff_mode: {description: There is nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Read what the host has
  flaskops.stack.host_look:
    packages: [nginx]
    services: [nginx]
  register: look
"""

RETURN = r"""
packages: {description: Those that apt would install., type: list, elements: str, returned: success}
accounts: {description: Declarations and directories of applications that are not as they should be., type: list, elements: str, returned: success}
directories: {description: Those that are not as they should be., type: list, elements: str, returned: success}
services: {description: Those that do not run or would not after a boot., type: list, elements: str, returned: success}
hosted:
  description: By application, what M(flaskops.stack.flask_release_plan) would ask the host for.
  type: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flaskops.stack.plugins.module_utils.app import account
from ansible_collections.flaskops.stack.plugins.module_utils.host import debian, systemd
from ansible_collections.flaskops.stack.plugins.module_utils.host.files import wrong_directories
from ansible_collections.flaskops.stack.plugins.module_utils.release import store

FAMILY = "debian"


def main() -> None:
    # The action plugin sends of every application what is needed here, and nothing else.
    module = AnsibleModule(
        argument_spec={
            "apps": {"type": "list", "elements": "dict", "default": []},
            "packages": {"type": "list", "elements": "str", "default": []},
            "directories": {"type": "dict", "default": {}},
            "services": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    distribution = debian.distribution()
    if FAMILY not in distribution["family"]:
        module.fail_json(
            msg=f"The host runs {distribution['name']}; flaskops.stack supports the Debian family. Remove the host from the play."
        )
    apps = module.params["apps"]
    files, wrong = account.pending([app["account"] for app in apps])
    module.exit_json(
        changed=False,
        packages=debian.missing_packages(module.params["packages"]),
        accounts=[*sorted(files), *wrong],
        directories=wrong_directories(module.params["directories"]),
        services=systemd.idle_services(module.params["services"]),
        hosted={app["account"]["name"]: store.inspect({**app["account"], "python": app["python"]}) for app in apps},
    )


if __name__ == "__main__":
    main()
