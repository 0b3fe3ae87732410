# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: check_apps
short_description: Check the descriptions of applications on the controller
version_added: 1.0.0
description:
  - Fails with a line for each problem that names application, key, value and remedy. It runs on the controller only, so that bad
    input is refused before anything on a host changes.
  - A source that cannot be had, or cannot become a release, is the fault of its application alone; RV(failures) has its problems then, too.
options:
  apps:
    description:
      - The descriptions as they were written.
      - Without them, they are those of O(variable), and the message names every value that refers to something which is not defined. Without
        O(cache_dir) the variable is then only read.
    type: raw
  require:
    description: Keys that are required in addition to C(name).
    type: list
    elements: str
    default: [source, wsgi]
  variable: {description: Name of the variable that messages mention., type: str, required: true}
  cache_dir:
    description: Directory on the controller for fetched sources. If given, sources are fetched, and those that cannot be had are problems too.
    type: path
  left_out:
    description: Messages of applications that failed earlier in the run, by application. Nothing is done about these applications.
    type: dict
    default: {}
  roles:
    description: Roles of this collection. A variable of one of them is a problem too if its value cannot be used.
    type: list
    elements: str
    default: []
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Changes nothing in either mode., support: full}
  diff_mode: {description: Has nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Refuse bad input
  flaskops.stack.check_apps:
    apps: "{{ flask_apps }}"
    variable: flask_apps
"""

RETURN = r"""
requirements: {description: "By application, the file that declares what is installed; empty if none does.", type: dict, returned: if O(cache_dir) is given}
failures:
  description: Problems of sources by application, with the messages of C(left_out). It is missing if descriptions or variables are wrong.
  type: dict
  returned: when descriptions and variables are right
"""
