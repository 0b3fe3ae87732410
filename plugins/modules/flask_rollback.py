# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: flask_rollback
short_description: Roll Flask applications back to an earlier release
version_added: 1.0.0
description:
  - Starts the previous instance of every application, or the newest instance of a named release. It requires that the instance
    answers its health request, and switches to it. An instance that is still draining is reactivated at once.
  - The release that was rolled back is recorded as rejected. M(flaskops.stack.uwsgi_instance) deploys it again only with
    C(allow_rejected).
  - Either all applications are rolled back, or none.
options:
  apps:
    description: Complete descriptions, as the filter P(flaskops.stack.resolve_apps#filter) returns them.
    type: list
    elements: dict
    required: true
  release:
    description: Id of an earlier release. If it is empty, the previous instance is used.
    type: str
    default: ""
  lock_timeout:
    description: Seconds to wait for another run that is changing applications on the same host.
    type: int
    default: 60
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Reports which instances would become live., support: full}
  diff_mode: {description: Shows the ini of the live and of the earlier instance., support: full}
"""

EXAMPLES = r"""
- name: Roll the application shop back to the previous release
  flaskops.stack.flask_rollback:
    apps: "{{ flask_apps | flaskops.stack.resolve_apps | selectattr('name', 'equalto', 'shop') | list }}"
"""

RETURN = r"""
instances:
  description: By application, the C(id) of the live instance, and whether this run C(switched) to it.
  type: dict
  returned: success
  sample: {shop: {id: 9d3c21f0aa10, switched: true}}
"""
