# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: flask_rollback
short_description: Roll Flask applications back to an earlier release
version_added: 1.0.0
description:
  - Starts the previous instance of every application, or the newest one of a named release, requires that it answers its health
    request, and switches to it. An instance that is still draining is reactivated at once.
  - The release that was live is remembered as rejected, and the role P(flaskops.stack.uwsgi_service#role) does not deploy it again unless told to.
  - One application that cannot go back stops no other. The module goes on with the others, and fails at its end with a message for each
    one that failed.
options:
  only:
    description: Name of the application that goes back, or C(all).
    type: str
    default: all
  release:
    description: Id of an earlier release. If it is empty, the previous instance is used.
    type: str
    default: ""
  reject:
    description:
      - Whether the release that was live is remembered as rejected. Without it a later run deploys it again, as after a fault that was not the
        release's.
    type: bool
    default: true
  instances:
    description:
      - By application, the id of the instance that must be live. An application where another one is, since another run has switched meanwhile, fails
        and stays as it is.
    type: dict
    default: {}
  lock_timeout:
    description: Seconds to wait for another run that is changing applications on the same host.
    type: int
    default: 60
extends_documentation_fragment: flaskops.stack.apps
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Reports which instances would become live., support: full}
  diff_mode: {description: Shows the ini of the live and of the earlier instance., support: full}
"""

EXAMPLES = r"""
- name: Roll the application shop back to the previous release
  flaskops.stack.flask_rollback:
    only: shop
"""

RETURN = r"""
instances:
  description: By application, the C(id) of the live instance, and whether this run C(switched) to it.
  type: dict
  returned: success
  sample: {shop: {id: 9d3c21f0aa10, switched: true}}
notices:
  description: >-
    Workers and timers that this host has lost by the rollback, or has again. A worker with C(hosts: one) may now run nowhere or twice.
  type: list
  elements: str
  returned: success
failures:
  description: Messages of applications that failed, by application, with those of C(left_out). Without failures the dict is empty.
  type: dict
  returned: always
"""
