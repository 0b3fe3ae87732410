#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: host_files
short_description: Make directories and files of the system
version_added: 1.0.0
description:
  - Makes the directories and files that M(flaskops.stack.host_look) has found missing or wrong, all in one task. They belong to root.
  - If units of systemd or their settings are among the files, systemd reads them.
options:
  directories:
    description: Octal permissions of directories, by path. A group other than root's follows after a blank.
    type: dict
    default: {}
  files: {description: Texts of files that everybody may read. Keys are paths., type: dict, default: {}}
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Reports what would be made., support: full}
  diff_mode: {description: Shows the texts of files before and after., support: full}
"""

EXAMPLES = r"""
- name: Have a directory for sockets
  flaskops.stack.host_files:
    directories: {/run/flaskops-nginx: 0750 www-data}
    files:
      /etc/tmpfiles.d/flaskops-nginx.conf: |
        d /run/flaskops-nginx 0750 root www-data -
"""

RETURN = r"""
made: {description: The directories and files that were not as they should be., type: list, elements: path, returned: success}
"""

from ansible_collections.flaskops.stack.plugins.module_utils.host.lacks import wrong_directories, wrong_files
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule
from ansible_collections.flaskops.stack.plugins.module_utils.host.provide import ProvideError, differences, provide
from ansible_collections.flaskops.stack.plugins.module_utils.host.systemd import SystemdError


def main() -> None:
    module = HostModule(
        argument_spec={"directories": {"type": "dict", "default": {}}, "files": {"type": "dict", "default": {}}}, supports_check_mode=True
    )
    module.require_root()
    directories, files = module.params["directories"], module.params["files"]
    directories = {path: directories[path] for path in wrong_directories(directories)}
    files = {path: files[path] for path in wrong_files(files)}
    diff = differences(directories, files)
    try:
        if not module.check_mode:
            provide(directories, files)
    except (ProvideError, SystemdError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(diff), made=[*directories, *files], diff=diff)


if __name__ == "__main__":
    main()
