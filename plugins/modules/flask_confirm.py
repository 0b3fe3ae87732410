#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: flask_confirm
short_description: Confirm the switch of Flask applications, so that the host does not undo it
version_added: 1.0.0
description:
  - With C(uwsgi_service_trial) of the role P(flaskops.stack.uwsgi_service#role), a host goes back to the instance that was live before unless this
    module confirms the switch in time.
  - It fails for an application that is not on trial any more, since its host has gone back or another run has changed it.
options:
  names: {description: Names of the applications., type: list, elements: str, required: true}
  instances:
    description:
      - By application, the id of the instance that must be live. An application where another one is, since another run has switched meanwhile, fails
        and stays on trial.
    type: dict
    default: {}
  lock_timeout:
    description: Seconds to wait for another run that is changing applications on the same host.
    type: int
    default: 60
extends_documentation_fragment: flaskops.stack.apps
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Reports which switches would be confirmed., support: full}
  diff_mode: {description: Has nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Keep the releases that this play has switched to
  flaskops.stack.flask_confirm:
    names: "{{ uwsgi_service_result.switched }}"
    instances: "{{ dict(uwsgi_service_result.switched | zip(uwsgi_service_result.switched | map('extract', uwsgi_service_result.instances, 'id'))) }}"
"""

RETURN = r"""
confirmed: {description: Names of the applications whose switch is final now., type: list, elements: str, returned: success}
failures:
  description: Messages of applications that are not on trial any more, by application, with those of C(left_out).
  type: dict
  returned: always
"""
