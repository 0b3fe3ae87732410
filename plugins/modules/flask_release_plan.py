# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: flask_release_plan
short_description: Compute the release ids of Flask applications and find releases that hosts lack
version_added: 1.0.0
description:
  - Reads what the host has, as M(flaskops.stack.host_look) does, and fetches the source of every application on the controller. The id of the
    release is made from the source and the host's interpreter.
  - An application without a plan, as one whose source cannot be had, stops no other; the module fails at its end with a message for each one.
  - Changes nothing. M(flaskops.stack.flask_release) builds missing releases.
options:
  sites:
    description: The module also looks at these things for the web server, as O(flaskops.stack.host_look#module:sites) describes them.
    type: dict
    default: {}
  packages_installed:
    description: Whether missing packages have just been installed. Otherwise the module makes no plans where the host lacks packages.
    type: bool
    default: false
  cache_dir:
    description: Directory on the controller where fetched sources are cached.
    type: path
    default: ~/.cache/flaskops
extends_documentation_fragment: [flaskops.stack.apps, flaskops.stack.private]
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Changes nothing in either mode., support: full}
  diff_mode: {description: Has nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Find releases that the host lacks
  flaskops.stack.flask_release_plan:
    apps: "{{ flask_apps }}"
  register: plan
"""

RETURN = r"""
plans: {description: "The input of M(flaskops.stack.flask_release), by application whose release the host lacks.", type: dict, returned: success}
releases:
  description: The release of every application by name, with C(id), C(path), C(virtualenv_path), C(callable) and C(revision).
  type: dict
  returned: success
  sample: {shop: {id: 0f3a1c9d2b7e, path: /srv/flask/shop/releases/0f3a1c9d2b7e, revision: 9fceb02}}
packages: {description: Packages of applications that are not installed., type: list, elements: str, returned: success}
packages_of: {description: "The packages of this list that an application needs, by application.", type: dict, returned: success}
accounts: {description: Declarations and directories of applications that are not as they should be., type: list, elements: str, returned: success}
sites:
  description: Things that the web server lacks, as RV(flaskops.stack.host_look#module:sites) describes them.
  type: dict
  returned: if O(sites) is given
settled:
  description: Whether the roles C(uwsgi_service) and C(nginx_site) would change nothing and tell of nothing, so that their tasks can be left out.
  type: bool
  returned: success
missing: {description: Applications whose release the host lacks., type: list, elements: str, returned: success}
failures:
  description: Messages of applications that failed, by application, with those of C(left_out). Without failures the dict is empty.
  type: dict
  returned: always
"""
