# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: site_files
short_description: List the nginx files of applications
version_added: 1.0.0
description:
  - Returns the file and the enabling link of every application's site, in the form that M(flaskops.stack.config_tree) takes.
options:
  _input: {description: Complete descriptions., type: list, elements: dict, required: true}
  variables: {description: Variables that the templates of sites have in these values whatever the inventory says., type: dict, default: {}}
positional: variables
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Show the files of all sites
  ansible.builtin.debug:
    msg: "{{ flask_apps | flaskops.stack.resolve_apps | flaskops.stack.site_files | map(attribute='path') }}"
"""

RETURN = r"""
_value: {description: Files., type: list, elements: dict}
"""

import json
import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.description.tls import shown

# nginx templates do not need these keys, and messages may show the variables of a file.
_PRIVATE = ("env", "secrets")


def site_files(apps: t.Sequence[dict[str, t.Any]], variables: t.Mapping[str, t.Any] | None = None) -> list[dict[str, t.Any]]:
    """Return the files and the link of every application's site."""
    files: list[dict[str, t.Any]] = []
    for app in apps:
        name = app["name"]
        seen = {key: value for key, value in app.items() if key not in _PRIVATE}
        given = {**(variables or {}), "nginx_site_app": {**seen, "nginx": shown(app["nginx"])}}
        files.append({"path": f"sites-available/{name}.conf", "src": app["nginx"]["template"], "vars": given, "owner": name})
        files.append({"path": f"flaskops/{name}.closed.conf", "src": "closed.conf.j2", "vars": given, "owner": name})
        if app["nginx"]["tls"]["kind"]:
            files.append({"path": f"flaskops/{name}.tls.conf", "src": "tls.conf.j2", "vars": given, "owner": name})
        if app["nginx"]["tls"]["kind"] == "acme":
            wanted = json.dumps({"app": name, "names": app["nginx"]["tls"]["names"]}, indent=1, sort_keys=True) + "\n"
            files.append({"path": f"flaskops/{name}.cert.json", "content": wanted, "owner": name})
        files.append({"path": f"sites-enabled/{name}.conf", "link": f"../sites-available/{name}.conf", "owner": name})
    return files


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"site_files": site_files}
