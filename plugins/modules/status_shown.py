# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: status_shown
short_description: Show the state of applications on hosts
version_added: 1.0.0
description:
  - Shows a table with a row for each application of each host. On a terminal that is too narrow for the table, each row is a paragraph. It runs
    on the controller only.
options:
  hosts: {description: "By host, the return value C(apps) of M(flaskops.stack.uwsgi_info).", type: dict, required: true}
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Changes nothing in either mode., support: full}
  diff_mode: {description: Has nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Show the applications of a host
  flaskops.stack.status_shown:
    hosts: "{{ {inventory_hostname: look.apps} }}"
"""

RETURN = r"""
msg: {description: The lines of the table., type: list, elements: str, returned: success}
"""
