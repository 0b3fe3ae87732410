# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: adopted_inventory
short_description: Write an inventory about a host that was set up by hand
version_added: 1.0.0
description:
  - Reads nginx, uWSGI, gunicorn and what starts them on a host, and writes descriptions of the Flask applications on the controller. It
    changes nothing on the host. The playbook C(flaskops.stack.adopt) calls it.
options:
  directory: {description: Directory on the controller that the files are written into., type: str, required: true}
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Writes nothing in check mode., support: full}
  diff_mode: {description: "Shows nothing, since the files have secrets.", support: none}
"""

EXAMPLES = r"""
- name: Write what the host has
  flaskops.stack.adopted_inventory:
    directory: moved-in
  register: adopted
"""

RETURN = r"""
apps: {description: Names of the applications., type: list, elements: str, returned: success}
absent: {description: "Variable for the command line, as JSON, with which a run takes the applications away.", type: str, returned: success}
left: {description: "Lines about all that could not be carried over, each with its place and a remedy.", type: list, elements: str, returned: success}
files: {description: Files below the directory., type: list, elements: str, returned: success}
connection: {description: Variables that say how Ansible reaches the host., type: dict, returned: success}
"""
