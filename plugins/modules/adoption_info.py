#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: adoption_info
short_description: Read configuration and code of a host that was set up by hand
version_added: 1.0.0
description:
  - Reads files and directories for the playbook C(flaskops.stack.adopt), in bounded number and size, and changes nothing.
  - A file is read only if everybody who named it, by a path in a file or by a link, could have read it alone.
options:
  files:
    description: Paths and patterns of files, each with the number of the user who wrote it.
    type: list
    elements: dict
    default: []
    suboptions:
      path: {description: Absolute path or pattern., type: str, required: true}
      author: {description: Number of the user., type: int, default: 0}
  trees:
    description: Directories of applications, with the number of the user who named each.
    type: list
    elements: dict
    default: []
    suboptions:
      path: {description: Absolute path., type: str, required: true}
      author: {description: Number of the user., type: int, default: 0}
      virtualenv: {description: Virtualenv whose packages are listed., type: str, default: ""}
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Changes nothing in either mode., support: full}
  diff_mode: {description: Has nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Read the sites
  flaskops.stack.adoption_info:
    files: [{path: /etc/nginx/sites-enabled/*}]
"""

RETURN = r"""
files: {description: "The files with path, real path, text and owner.", type: list, elements: dict, returned: success}
refused: {description: Reasons by path for what was not read., type: dict, returned: success}
servers: {description: Application servers that run., type: list, elements: dict, returned: success}
trees: {description: "The directories with data, repository, packages and a packed copy of the code.", type: list, elements: dict, returned: success}
users: {description: "Numbers of the users that have a group of their own name, by name.", type: dict, returned: success}
"""

import grp
import pwd

from ansible_collections.flaskops.stack.plugins.module_utils.host.found_trees import FoundTree, name_of, packages_of
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule
from ansible_collections.flaskops.stack.plugins.module_utils.host.named_files import Reader
from ansible_collections.flaskops.stack.plugins.module_utils.host.servers_running import running

_NAMED = {"path": {"type": "str", "required": True}, "author": {"type": "int", "default": 0}}


def main() -> None:
    module = HostModule(
        argument_spec={
            "files": {"type": "list", "elements": "dict", "default": [], "options": _NAMED},
            "trees": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {**_NAMED, "virtualenv": {"type": "str", "default": ""}},
            },
        },
        supports_check_mode=True,
        exact=("files", "trees", "servers"),
    )
    module.require_root()
    reader = Reader()
    for wanted in module.params["files"]:
        reader.read(wanted["path"], wanted["author"])
    trees = []
    for wanted in module.params["trees"]:
        tree = FoundTree(wanted["path"])
        tree.look(wanted["author"])
        packages = packages_of(wanted["virtualenv"], wanted["author"]) if wanted["virtualenv"] else []
        trees.append({**tree.told(), "asked": wanted["path"], "packages": packages})
    groups = {group.gr_gid: group.gr_name for group in grp.getgrall()}
    module.exit_json(
        changed=False,
        files=[{**file._asdict(), "owner_name": name_of(file.owner)} for file in reader.files],
        refused=reader.refused,
        servers=running(),
        trees=trees,
        users={user.pw_name: user.pw_uid for user in pwd.getpwall() if groups.get(user.pw_gid) == user.pw_name},
    )


if __name__ == "__main__":
    main()
