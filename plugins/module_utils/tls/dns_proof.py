# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prove names to a CA by records in the DNS (RFC 8555, section 8.4), which a plugin of certbot writes at the provider of the zone."""

from __future__ import annotations

import json
import re
import typing as t

# These plugins read a file of their provider instead of one in the form of certbot.
_GOOGLE, _ROUTE53 = "google", "route53"
_AWS_FILE = "AWS_SHARED_CREDENTIALS_FILE"
_CREDENTIALS = "credentials"
# The values of these names are no secrets, and messages may need them.
_PUBLIC = re.compile(r".*_(server|port|name|algorithm|email|endpoint|zone|zone_id|ttl|uri|url)|type|project_id|region")


class DnsProof(t.NamedTuple):
    """How one site proves its names by the DNS.

    :param plugin: what follows ``dns-`` in the name of the plugin
    :param credentials: what the plugin has to know, by the names of its manual
    :param propagation: seconds between the record and the question of the CA, ``None`` for those of the plugin
    """

    plugin: str
    credentials: t.Mapping[str, str]
    propagation: int | None = None

    @classmethod
    def from_dict(cls, values: t.Mapping[str, t.Any]) -> DnsProof:
        return cls(values["plugin"], values["credentials"], values["propagation"])

    def secrets(self) -> list[str]:
        """Return what no message may show."""
        return [value for name, value in self.credentials.items() if not _PUBLIC.fullmatch(name)]

    def file_text(self) -> str:
        """Return the text of the file with the credentials, empty for a plugin that needs none."""
        if not self.credentials:
            return ""
        if self.plugin == _GOOGLE:
            return json.dumps(dict(self.credentials))
        if self.plugin == _ROUTE53:
            return "\n".join(["[default]", *(f"{name} = {value}" for name, value in sorted(self.credentials.items())), ""])
        return "".join(f"{name} = {quoted(value)}\n" for name, value in sorted(self.credentials.items()))

    def arguments(self, path: str) -> list[str]:
        """Return the arguments of certbot.

        :param path: the file with the credentials
        """
        option = f"--dns-{self.plugin}-"
        named = [f"{option}{_CREDENTIALS}", path] if self.credentials and self.plugin != _ROUTE53 else []
        waits = [f"{option}propagation-seconds", str(self.propagation)] if self.propagation is not None else []
        return ["--authenticator", f"dns-{self.plugin}", *named, *waits]

    def environment(self, path: str) -> dict[str, str]:
        """Return the variables by which a plugin finds its file, for one that has no option for it."""
        return {_AWS_FILE: path} if self.credentials and self.plugin == _ROUTE53 else {}


def quoted(value: str) -> str:
    """Return a value as certbot's files have it (ConfigObj): in quotes that are not in it, since there is no way to escape them."""
    return f"'{value}'" if '"' in value else f'"{value}"'


def unwritable(plugin: str, value: str) -> str:
    """Return why a value cannot stand in the file of a plugin, empty if it can."""
    if plugin == _GOOGLE:
        return ""
    if "\n" in value or "\t" in value:
        return "has a line break or a tab"
    if plugin != _ROUTE53 and '"' in value and "'" in value:
        return "has both kinds of quotes"
    # ConfigObj puts the value of another key in the place of %(name)s.
    return "has %(, which certbot takes for the name of another value" if plugin != _ROUTE53 and "%(" in value else ""
