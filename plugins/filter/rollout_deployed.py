# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: rollout_deployed
short_description: Return what the deployment to a server adds to the outcome of a rollout
version_added: 1.0.0
description:
  - Takes the result of the role uwsgi_service on a server, which is empty where the run has not come to it, and the failures that the other roles have
    told, and returns what the filter flaskops.stack.rollout_verdict takes.
positional: built, sites, message
options:
  _input: {description: The result of the role uwsgi_service., type: dict, required: true}
  built: {description: "The failures that the role flask_app has told, by application.", type: dict, required: true}
  sites: {description: "The failures that the role nginx_site has told, by application.", type: dict, required: true}
  message: {description: "With which the run has failed on the server, empty if it has not.", type: str, required: true}
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Show what was deployed
  ansible.builtin.debug:
    msg: "{{ uwsgi_service_result | flaskops.stack.rollout_deployed({}, {}, '') }}"
"""

RETURN = r"""
_value: {description: The new part of the outcome., type: dict}
"""

import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.rollout.outcome import deployed


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"rollout_deployed": deployed}
