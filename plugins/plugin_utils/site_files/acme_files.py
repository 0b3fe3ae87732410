# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files that tell ``flaskops-acme.service`` on a host which CA to ask for certificates."""

from __future__ import annotations

import json
import typing as t

from ..description.tls import directory_url

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
