#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: flask_account
short_description: System users and directories of Flask applications
version_added: 1.0.0
description:
  - Declares a system user and the directories of every application in C(sysusers.d) and C(tmpfiles.d), and lets systemd create
    missing ones. At boot systemd creates the directories in C(/run) again from these declarations.
  - One call works on all applications. The module never removes a user.
extends_documentation_fragment: flaskops.stack.apps
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Reports what would change., support: full}
  diff_mode: {description: Shows the declarations., support: full}
"""

EXAMPLES = r"""
- name: Ensure users and directories of every application
  flaskops.stack.flask_account:
    apps: "{{ flask_apps }}"
"""

RETURN = r"""
files: {description: Declarations that were written., type: list, elements: str, returned: always}
directories: {description: Directories that were created or whose owner or mode was corrected., type: list, elements: str, returned: always}
"""


from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flaskops.stack.plugins.module_utils.app import account
from ansible_collections.flaskops.stack.plugins.module_utils.host import command
from ansible_collections.flaskops.stack.plugins.module_utils.host.files import read_text


def main() -> None:
    paths = {name: {"type": "path", "required": True} for name in ("root", "config_dir", "run_dir")}
    names = {name: {"type": "str", "required": True} for name in ("name", "user", "web_group")}
    module = AnsibleModule(
        argument_spec={"apps": {"type": "list", "elements": "dict", "required": True, "options": {**names, **paths}}},
        supports_check_mode=True,
    )
    apps = module.params["apps"]
    files, wrong = account.pending(apps)
    diff = [
        {"before": read_text(path) or "", "after": text, "before_header": path, "after_header": path}
        for path, text in sorted(files.items())
    ]
    if (files or wrong) and not module.check_mode:
        try:
            account.apply(files, apps, command.run)
        except (command.CommandError, OSError) as error:
            module.fail_json(msg=f"users and directories of applications: {error}")
    module.exit_json(changed=bool(files or wrong), files=sorted(files), directories=wrong, diff=diff)


if __name__ == "__main__":
    main()
