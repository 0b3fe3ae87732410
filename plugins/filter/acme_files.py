# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: acme_files
short_description: List the files that tell a host which CA to ask for certificates
version_added: 1.0.0
description:
  - Returns the files that C(flaskops-acme.service) reads, in the form that M(flaskops.stack.config_tree) takes. There is none where no site has
    C(tls.acme).
options:
  _input: {description: Complete descriptions., type: list, elements: dict, required: true}
  variables: {description: The variables of the role nginx_site in their own types., type: dict, required: true}
  owner: {description: Owner of the files., type: str, required: true}
positional: variables, owner
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Show which files there are
  ansible.builtin.debug:
    msg: "{{ flask_apps | flaskops.stack.resolve_apps | flaskops.stack.acme_files(variables, 'nginx_site') | map(attribute='path') }}"
"""

RETURN = r"""
_value: {description: Files., type: list, elements: dict}
"""

import json
import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.description.tls import directory_url

_PREFIX = "nginx_site_acme_"


def acme_files(apps: t.Sequence[dict[str, t.Any]], variables: t.Mapping[str, t.Any], owner: str) -> list[dict[str, t.Any]]:
    """Return the file of the CA, and for an external account a second one with its secrets."""
    if not [app for app in apps if app["state"] == "present" and app["nginx"]["tls"]["kind"] == "acme"]:
        return []
    known = {name: variables[f"{_PREFIX}{name}"] for name in ("server", "email", "key_type", "profile", "ca_bundle", "eab_kid", "eab_key")}
    account = {name: known.pop(name) for name in ("eab_kid", "eab_key")}
    ca = {**known, "server": directory_url(known["server"])}
    files = [{"path": "flaskops/acme.json", "content": _text(ca), "owner": owner}]
    if account["eab_kid"]:
        files.append({"path": "flaskops/acme-account.json", "content": _text(account), "owner": owner, "mode": "0600", "diff": False})
    return files


def _text(values: t.Mapping[str, t.Any]) -> str:
    return json.dumps(values, indent=1, sort_keys=True) + "\n"


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"acme_files": acme_files}
