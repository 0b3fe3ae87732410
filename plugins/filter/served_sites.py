# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: served_sites
short_description: Tell what the sites of a host need, all of them together
version_added: 1.0.0
description:
  - Returns what the role C(nginx_site) has to know of the applications whose sites it serves.
options:
  _input: {description: Complete descriptions., type: list, elements: dict, required: true}
  left_out: {description: "Messages of applications that failed, by application. These keep their files.", type: dict, default: {}}
positional: left_out
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Show which sites have certificates from a CA
  ansible.builtin.debug:
    msg: "{{ (flask_apps | flaskops.stack.resolve_apps | flaskops.stack.served_sites).acme }}"
"""

RETURN = r"""
_value:
  description: Things that the sites need.
  type: dict
  contains:
    acme: {description: Applications whose certificates come from a CA., type: list, elements: str}
"""

import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.site_files.served_sites import ServedSites


def served_sites(apps: t.Sequence[dict[str, t.Any]], left_out: t.Mapping[str, str] | None = None) -> dict[str, t.Any]:
    """Return what the sites of a host need."""
    return {"acme": ServedSites(apps, left_out or {}).acme}


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"served_sites": served_sites}
