# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files of each application's site, in the form that the module ``config_tree`` takes."""

from __future__ import annotations

import json
import typing as t

from ..description.access import logins, without_passwords
from ..description.passwords import user_file
from ..description.platform import DEBIAN
from ..description.shared_servers import is_proxied, shared_servers
from ..description.tls import proof, shown

# nginx templates do not need these keys, and messages may show the variables of a file.
_PRIVATE = ("env", "secrets", "build_env")


def app_files(apps: t.Sequence[dict[str, t.Any]], variables: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """Return the files and links of every application's site, and of the servers that applications share.

    :param apps: complete descriptions
    :param variables: those that the templates have in these values whatever the inventory says
    """
    files: list[dict[str, t.Any]] = []
    for app in apps:
        name, nginx = app["name"], app["nginx"]
        seen = {key: value for key, value in app.items() if key not in _PRIVATE}
        given = {**variables, "nginx_site_app": {**seen, "nginx": without_passwords(shown(nginx))}}
        for path, part in _parts(app).items():
            file = {"path": path, "src": nginx["template"], "vars": {**given, "nginx_site_part": part}, "owner": name}
            files.append(file if part else {**file, "serves": _served(app)})
        files.append({"path": f"flaskops/{name}.closed.conf", "src": "closed.conf.j2", "vars": given, "owner": name})
        if nginx["tls"]["kind"]:
            files.append({"path": f"flaskops/{name}.tls.conf", "src": "tls.conf.j2", "vars": given, "owner": name})
        if nginx["tls"]["clients_file"]:
            files.append({"path": nginx["tls"]["clients_file"], "content": f"{nginx['tls']['client_ca'].strip()}\n", "owner": name})
        if nginx["tls"]["kind"] == "acme":
            wanted = json.dumps({"app": name, "names": nginx["tls"]["names"]}, indent=1, sort_keys=True) + "\n"
            files.append({"path": f"flaskops/{name}.cert.json", "content": wanted, "owner": name})
        if nginx["tls"]["package"]:
            secret = json.dumps(proof(nginx["tls"]), indent=1, sort_keys=True) + "\n"
            files.append({"path": f"flaskops/{name}.dns.json", "content": secret, "owner": name, "mode": "0600", "diff": False})
        files += [_user_file(rules, name) for rules in logins(nginx)]
        files.append({"path": f"sites-enabled/{name}.conf", "link": f"../sites-available/{name}.conf", "owner": name})
    return files + [file for server in shared_servers(apps) for file in _server_files(server, variables)]


def _user_file(rules: t.Mapping[str, t.Any], name: str) -> dict[str, t.Any]:
    """Return the file with hashed passwords, for root and the web server alone."""
    path = rules["user_file"]
    text = user_file(f"{name}:{path}", rules["basic"]["users"])
    return {"path": path, "content": text, "owner": name, "mode": "0640", "group": DEBIAN.web_group, "diff": False}


def _parts(app: dict[str, t.Any]) -> dict[str, str]:
    """Return the parts of a site's template by the path of their files; the part of a whole site is empty."""
    name, nginx = app["name"], app["nginx"]
    if not nginx["prefix"]:
        return {f"sites-available/{name}.conf": ""}
    parts = {f"sites-available/{name}.conf": "http", f"{nginx['share_dir']}/{name}.conf": "locations"}
    if is_proxied(app):
        parts |= {f"{nginx['share_dir']}/{part}/{name}.conf": part for part in ("backend", "remote")}
    return parts


def _served(app: dict[str, t.Any]) -> list[str]:
    """Return the directories whose locations the servers of a site include."""
    directory = app["nginx"]["share_dir"]
    return [directory, *([f"{directory}/backend"] if is_proxied(app) else [])]


def _server_files(server: dict[str, t.Any], variables: t.Mapping[str, t.Any]) -> t.Iterator[dict[str, t.Any]]:
    """Yield the files of a server for applications below prefixes; the host leaves them out where an application at / has the server."""
    key = server["dir"].rpartition("/")[2]
    wanted = [("server", "shared_server.conf.j2", server["dir"])]
    if server["proxied"]:
        wanted.append(("backend", "shared_backend.conf.j2", f"{server['dir']}/backend"))
    for kind, template, directory in wanted:
        name = f"flaskops-{kind}-{key}.conf"
        common = {"owner": f"{kind} of {key}", "serves": [directory], "spare": True}
        yield {**common, "path": f"sites-available/{name}", "src": template, "vars": {**variables, "nginx_site_shared": server}}
        yield {**common, "path": f"sites-enabled/{name}", "link": f"../sites-available/{name}"}
