# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All sites of a host together: what they decide about one another, and the files that there are once for all of them."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ..description.role_variables import plain_listen
from .acme_files import acme_files
from .app_files import app_files
from .page_files import page_files

App = dict[str, t.Any]
File = dict[str, t.Any]

# The owner of files that are there once, whatever the applications.
_OWNER = "nginx_site"
_COMMON = {
    "conf.d/flaskops.conf": "flaskops.conf.j2",
    "snippets/flaskops-params.conf": "params.conf.j2",
    "snippets/flaskops-uwsgi.conf": "uwsgi.conf.j2",
    "snippets/flaskops-proxy.conf": "proxy.conf.j2",
    "snippets/flaskops-backend.conf": "backend.conf.j2",
    # Whatever the sites: an application that is left out may have a site with TLS from an earlier description.
    "conf.d/flaskops-tls.conf": "tls_shared.conf.j2",
    "snippets/flaskops-tls.conf": "tls_profile.conf.j2",
}
_CATCH_ALL = "flaskops-catch-all.conf"


class ServedSites:
    """The sites of a host.

    :param described: complete descriptions, also of applications that are absent
    :param left_out: messages of applications that failed, by name; these keep the files and the certificate that they have
    """

    def __init__(self, described: Sequence[App], left_out: Mapping[str, str]) -> None:
        self.described = described
        self.apps = [app for app in described if app["name"] not in left_out]
        self.present = [app for app in self.apps if app["state"] == "present"]
        self.gone = [app["name"] for app in self.apps if app["state"] == "absent"]
        # Sites with TLS. Each is served over HTTP until there is a certificate for it.
        self.certified = [app for app in described if app["state"] == "present" and app["nginx"]["tls"]["kind"]]
        self.http3 = [app["name"] for app in self.certified if app["nginx"]["tls"]["http3"]]
        # Nobody knows whether an application that is left out answers every host already.
        self.catch_all_stays = any(app["nginx"]["catch_all"] for app in described if app["name"] in left_out)

    @property
    def acme(self) -> list[str]:
        """Return the applications whose certificates a service on the host gets from a CA."""
        return [app["name"] for app in self.present if app["nginx"]["tls"]["kind"] == "acme"]

    @property
    def packages(self) -> list[str]:
        """Return the packages of the distribution that the sites need. OpenSSL's program makes self-signed certificates."""
        tls = [app["nginx"]["tls"] for app in self.certified]
        makers = ["openssl"] * any(each["self_signed"] for each in tls) + ["certbot"] * bool(self.acme)
        return ["nginx", "logrotate", *makers, *dict.fromkeys(each["package"] for each in tls if each["package"])]

    @property
    def owners(self) -> list[str]:
        """Return whose files are removed where they are not among those of :meth:`files`."""
        return [_OWNER] * (not self.catch_all_stays) + [app["name"] for app in self.apps]

    @property
    def catch_alls(self) -> list[App]:
        """Return what nginx does for the sites that answer every host."""
        return [app["nginx"] for app in self.present if app["nginx"]["catch_all"]]

    @property
    def taken(self) -> list[str]:
        """Return the servers, ``front`` and ``backend``, whose default is a site that answers every host."""
        behind = [nginx for nginx in self.catch_alls if nginx["front"] == "proxy" and not nginx["backends"]]
        return ["front"] * bool(self.catch_alls) + ["backend"] * bool(behind)

    def decided(self, for_every_host: bool) -> dict[str, t.Any]:
        """Return what the template of a site has to know of the others.

        :param for_every_host: whether there is a server for hosts without a site
        """
        stays = bool(self.taken) or self.catch_all_stays
        listeners = (app["nginx"]["listener"] for app in self.described if app["state"] == "present")
        return {
            "taken": self.taken,
            "certified": bool(self.certified),
            "http3": bool(self.http3),
            "own_default": bool(self.catch_alls) or self.catch_all_stays,
            # The servers that have the parameters of a socket, which nginx takes from one server alone.
            "first": "" if for_every_host or stays else next(listeners, ""),
            "tls_first": "" if for_every_host else next((app["name"] for app in self.certified), ""),
            "http3_first": "" if for_every_host else next(iter(self.http3), ""),
        }

    def files(self, variables: Mapping[str, t.Any], pages: Mapping[str, Sequence[str]]) -> list[File]:
        """Return the files of all sites and those that they share, in the form that the module ``config_tree`` takes.

        :param variables: those of the role, in their own types
        :param pages: by name of a page that nginx sends without an application, its title and a sentence
        """
        for_every_host = variables["nginx_site_catch_all"]
        seen = {**variables, "nginx_site_served": self.decided(for_every_host)}
        shared: list[File] = [{"path": path, "src": template} for path, template in _COMMON.items()]
        if variables["nginx_site_manage_main"]:
            shared.append({"path": "nginx.conf", "src": "nginx.conf.j2", "if_unedited": True})
        if for_every_host and len(self.taken) < 2 and not self.catch_all_stays:
            shared.append({"path": f"sites-available/{_CATCH_ALL}", "src": "catch_all.conf.j2"})
            shared.append({"path": f"sites-enabled/{_CATCH_ALL}", "link": f"../sites-available/{_CATCH_ALL}"})
        return [
            *({**file, "owner": _OWNER, "vars": seen} for file in shared),
            *page_files(pages, _OWNER, self.present),
            *app_files(self.present, seen),
            *acme_files(self.described, variables, _OWNER),
        ]

    def order(self, variables: Mapping[str, t.Any], pages: Mapping[str, Sequence[str]]) -> dict[str, t.Any]:
        """Return options of the module ``config_tree``: the files, whose they are, and the requests that sites must answer.

        :param variables: those of the role, in their own types
        :param pages: as :meth:`files` takes them
        :raises AppError: as :meth:`files` does
        """
        listen, tls_listen = (plain_listen(variables[name]) for name in ("nginx_site_listen", "nginx_site_tls_listen"))
        asked = variables["nginx_site_probe"] and listen
        return {
            "files": self.files(variables, pages),
            "owners": self.owners,
            "probe_listen": listen or None,
            "probe_tls_listen": next(iter(tls_listen), None),
            "probe_sites": [app["site"] for app in self.present] if asked else [],
        }
