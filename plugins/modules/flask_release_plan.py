# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: flask_release_plan
short_description: Name the releases of Flask applications and look at what hosts have of them
version_added: 1.0.0
description:
  - Fetches the source of every application on the controller and names the release by its content and the host's interpreter.
  - Changes nothing. M(flaskops.stack.flask_release) builds what is missing.
options:
  apps:
    description: Descriptions, as written or complete, as the filter P(flaskops.stack.resolve_apps#filter) returns them.
    type: list
    elements: dict
    required: true
  variable:
    description: Name of the variable that they are from, for messages.
    type: str
    default: flask_apps
  hosted:
    description: The return value C(hosted) of M(flaskops.stack.host_look). Without it, or if it is empty, the host is asked.
    type: dict
  cache_dir:
    description: Directory on the controller where fetched sources are cached.
    type: path
    default: ~/.cache/flaskops
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Changes nothing in either mode., support: full}
  diff_mode: {description: Has nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Look at which releases the host has
  flaskops.stack.flask_release_plan:
    apps: "{{ flask_apps | flaskops.stack.resolve_apps }}"
  register: look
"""

RETURN = r"""
plans: {description: What M(flaskops.stack.flask_release) builds from, by application., type: dict, returned: success}
releases:
  description: The release of every application by name, with C(id), C(path), C(virtualenv), C(callable) and C(revision).
  type: dict
  returned: success
  sample: {shop: {id: 0f3a1c9d2b7e, path: /srv/flask/shop/releases/0f3a1c9d2b7e, revision: 9fceb02}}
missing: {description: Applications whose release the host lacks., type: list, elements: str, returned: success}
"""
