# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: site_files
short_description: List the files of nginx for all sites
version_added: 1.0.0
description:
  - Returns the files of every application's site, and those that there are once for all of them, in the form that
    M(flaskops.stack.config_tree) takes. They are one text of JSON, since ansible-core looks for templates in every value of a list.
options:
  _input: {description: Complete descriptions., type: list, elements: dict, required: true}
  variables: {description: "The variables of the role nginx_site in their own types. Templates have them in these values.", type: dict, required: true}
  left_out: {description: "Messages of applications that failed, by application. These keep their files.", type: dict, default: {}}
  pages: {description: "By name of a page that nginx sends without an application, its title and a sentence.", type: dict, default: {}}
positional: variables, left_out, pages
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Show the files of all sites
  ansible.builtin.debug:
    msg: "{{ flask_apps | flaskops.stack.resolve_apps | flaskops.stack.site_files(variables) | from_json | map(attribute='path') }}"
"""

RETURN = r"""
_value: {description: Files., type: str}
"""

import json
import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.site_files.served_sites import ServedSites


def site_files(
    apps: t.Sequence[dict[str, t.Any]],
    variables: t.Mapping[str, t.Any],
    left_out: t.Mapping[str, str] | None = None,
    pages: t.Mapping[str, t.Sequence[str]] | None = None,
) -> str:
    """Return the files of all sites as JSON."""
    return json.dumps(ServedSites(apps, left_out or {}).files(variables, pages or {}))


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"site_files": site_files}
