# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: plain_listen
short_description: Where nginx speaks plain HTTP
version_added: 1.0.0
description:
  - Returns the addresses and ports of C(nginx_site_listen) that can be asked by plain HTTP over TCP, without the parameters of C(listen).
    Unix sockets and addresses with C(ssl), C(quic) or C(proxy_protocol) are left out.
options:
  _input: {description: The variable C(nginx_site_listen) as it was written; null is its default., type: raw, required: true}
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Show where a site can be asked
  ansible.builtin.debug:
    msg: "{{ ['443 ssl', '192.0.2.1:8080 reuseport'] | flaskops.stack.plain_listen }}"
"""

RETURN = r"""
_value: {description: Addresses and ports., type: list, elements: str, sample: ["192.0.2.1:8080"]}
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.flaskops.stack.plugins.plugin_utils.description import role_variables
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError


def plain_listen(listen: object) -> list[str]:
    """Return addresses and ports, or fail with variable, value and remedy."""
    try:
        return role_variables.plain_listen(listen)
    except AppError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"plain_listen": plain_listen}
