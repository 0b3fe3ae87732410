# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The variables of the roles, beside their applications: checked and converted in one place, for roles and playbooks.

A value given by ``-e NAME=value``, or by a survey, is a text whatever the role's specification says: Ansible converts the copy
that it checks and leaves the variable. A template would take a text for a list apart into letters.
"""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Mapping

from ..keys import addresses
from ..keys.access import NETWORK
from ..keys.key import ABSOLUTE, Key
from .validate import AppError, Validator, outline, shown

_WAIT = Key("int", "Seconds.", default=60, minimum=0, maximum=86400)
_NETWORKS = Key(
    "list",
    "Networks.",
    default=(),
    elements=NETWORK,
)
_OPENING = Key(
    "dict",
    "A port.",
    keys={
        "port": Key("str", "A port, or a range such as 60000-60100.", required=True, advice=addresses.port_range_remedy),
        "protocol": Key("str", "The protocol.", default="tcp", choices=("tcp", "udp")),
        "from": _NETWORKS,
    },
)
_MAP_REMEDY = "leave it out, or write a mapping of applications to "
_FAIL_AT_END = Key("bool", "Whether.", default=True)
_LEFT_OUT = Key("map", "Messages by application.", default={}, remedy=f"{_MAP_REMEDY}messages")
# The argument_specs of each role describe its variables, and a test compares types and defaults.
VARIABLES: dict[str, Key] = {
    "flask_app_cache_dir": Key("str", "A directory.", default="~/.cache/flaskops", pattern=r".*\S.*", remedy="write a directory"),
    "flask_app_lock_timeout": _WAIT,
    "flask_app_fail_at_end": _FAIL_AT_END,
    "uwsgi_service_releases": Key("map", "Releases by application.", default={}, remedy=f"{_MAP_REMEDY}releases"),
    "uwsgi_service_allow_rejected": Key("bool", "Whether.", default=False),
    "uwsgi_service_lock_timeout": _WAIT,
    "uwsgi_service_trial": Key("int", "Seconds.", default=0, minimum=0, maximum=86400),
    "uwsgi_service_servers": Key("list", "Servers.", default=(), elements=Key("str", "A server.")),
    "uwsgi_service_left_out": _LEFT_OUT,
    "uwsgi_service_fail_at_end": _FAIL_AT_END,
    "flask_metrics_state": Key("str", "A state.", default="present", choices=("present", "absent")),
    "flask_metrics_directory": Key(
        "str",
        "A directory.",
        default="/var/lib/prometheus/node-exporter",
        pattern=ABSOLUTE,
        remedy="write an absolute path of plain characters, such as /var/lib/prometheus/node-exporter",
    ),
    "flask_metrics_interval": Key("int", "Seconds.", default=30, minimum=5, maximum=3600),
    "flask_firewall_state": Key("str", "A state.", default="present", choices=("present", "absent")),
    "flask_firewall_open": Key("list", "Ports.", default=(), elements=_OPENING),
    "flask_firewall_ssh_from": _NETWORKS,
    "flask_firewall_beside": Key(
        "list",
        "Tables.",
        default=(),
        elements=Key(
            "str",
            "A table.",
            pattern=r"(ip|ip6|inet) [A-Za-z0-9_.-]+|ufw|firewalld",
            remedy="write a table as nft names it, such as 'ip filter', or ufw or firewalld",
        ),
    ),
    "flask_firewall_confirm_within": Key("int", "Seconds.", default=60, minimum=20, maximum=3600),
    "nginx_site_listen": Key(
        "list",
        "Addresses.",
        default=("80", "[::]:80"),
        minimum=1,
        elements=Key("str", "An address.", remedy=addresses.LISTEN_REMEDY, advice=addresses.listen_remedy),
    ),
    "nginx_site_tls_listen": Key(
        "list",
        "Addresses.",
        default=("443", "[::]:443"),
        minimum=1,
        elements=Key("str", "An address.", remedy=addresses.LISTEN_REMEDY, advice=addresses.tls_listen_remedy),
    ),
    "nginx_site_tls_profile": Key("str", "A profile.", default="intermediate", choices=("intermediate", "modern")),
    "nginx_site_acme_server": Key(
        "str",
        "A CA.",
        default="letsencrypt",
        pattern=r"letsencrypt|staging|https://[^\s\"'\\]+",
        remedy="write letsencrypt, staging, or the URL of a CA's directory, such as https://ca.example.com/acme/directory",
    ),
    "nginx_site_acme_email": Key(
        "str",
        "An address.",
        default="",
        pattern=r"([^\s@\"'\\-][^\s@\"'\\]*@[^\s@\"'\\]+)?",
        remedy="write a mail address, or an empty string",
    ),
    "nginx_site_acme_profile": Key(
        "str",
        "A profile.",
        default="",
        pattern=r"[A-Za-z0-9._-]{0,60}",
        remedy="write a profile of the CA, such as shortlived of Let's Encrypt, or an empty string",
    ),
    "nginx_site_acme_key_type": Key("str", "A type.", default="ecdsa", choices=("ecdsa", "rsa")),
    "nginx_site_acme_ca_bundle": Key(
        "str", "A path.", default="", pattern=rf"({ABSOLUTE})?", remedy="write an absolute path of the host, or an empty string"
    ),
    "nginx_site_acme_eab_kid": Key(
        "str", "An identifier.", default="", pattern=r"[!-~]*", remedy="write the key identifier that the CA gave you, as one word"
    ),
    "nginx_site_acme_eab_key": Key(
        "str",
        "A key.",
        default="",
        pattern=r"[A-Za-z0-9_=+/-]*",
        remedy="write the HMAC key that the CA gave you, in base64url, and keep it in a vault",
        secret=True,
    ),
    "nginx_site_acme_required": Key("bool", "Whether.", default=True),
    "nginx_site_backend_listen": Key(
        "str", "An address.", default="0.0.0.0:8000", remedy=addresses.BACKEND_REMEDY, advice=addresses.backend_remedy
    ),
    "nginx_site_catch_all": Key("bool", "Whether.", default=True),
    "nginx_site_trusted_proxies": _NETWORKS,
    "nginx_site_forwarded_ports": Key("list", "Ports.", default=(), elements=Key("int", "A port.", minimum=1, maximum=65535)),
    "nginx_site_front_addresses": _NETWORKS,
    "nginx_site_manage_main": Key("bool", "Whether.", default=True),
    "nginx_site_worker_connections": Key("int", "Connections.", default=8192, minimum=16, maximum=1048576),
    "nginx_site_probe": Key("bool", "Whether.", default=True),
    "nginx_site_left_out": _LEFT_OUT,
    "nginx_site_fail_at_end": _FAIL_AT_END,
}
_LISTENS = ("nginx_site_listen", "nginx_site_tls_listen")
# Texts that Ansible takes for true and false (ansible.module_utils.parsing.convert_bool).
_TRUE, _FALSE = ("y", "yes", "on", "1", "true", "t"), ("n", "no", "off", "0", "false", "f")
# A list that became a text: [80], ["80"], [[::]:80], but not the address [::]:80.
_IN_BRACKETS = re.compile(r"\[(\s*(?:[\"'\[].*|[0-9,\s]*))\]")


class _TextValidator(Validator):
    """Takes also what a value is as a text; everything else is refused as in a description."""

    def _list(self, where: str, key: Key, value: object) -> list | None:
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            if self.refuse_misread(where, value):
                return None
            return self._list_of_one(where, key, str(value).strip())
        if isinstance(value, list):
            value = [item.strip() if isinstance(item, str) else item for item in value]
        return super()._list(where, key, value)

    def _list_of_one(self, where: str, key: Key, text: str) -> list | None:
        if "," in text or _IN_BRACKETS.fullmatch(text):
            remedy = f"write a list, on the command line as JSON: -e '{{\"{where}\": {_as_json(text)}}}'"
            self.refuse(where, f"is the text {shown(text)}, but must be a list", remedy)
            return None
        return [self.check(where, key.elements, text)]

    def _map(self, where: str, key: Key, value: object) -> dict | None:
        if not isinstance(value, Mapping):
            self.refuse(where, f"is {outline(value)}, but must be a mapping", key.remedy)
            return None
        return super()._map(where, key, value)

    def _bool(self, where: str, key: Key, value: object) -> bool | None:
        text = str(value).strip().lower() if isinstance(value, (str, int)) else ""
        return text in _TRUE if text in (*_TRUE, *_FALSE) else super()._bool(where, key, value)


def _as_json(text: str) -> str:
    """Return the list that somebody meant by a text."""
    inner = _IN_BRACKETS.fullmatch(text)
    items = [item.strip(" \"'") for item in (inner.group(1) if inner else text).split(",")]
    return json.dumps([item for item in items if item])


def resolve_variables(given: Mapping[str, object], with_tls: bool = False) -> dict[str, t.Any]:
    """Return variables of a role in their own types; one that is null has its default.

    :param given: variables by name, as the inventory or the command line has them
    :param with_tls: whether a site listens at ``nginx_site_tls_listen``
    :raises AppError: with a line for each problem: variable, value and remedy
    """
    validator = _TextValidator()
    found = {
        name: validator.check(name, VARIABLES[name], VARIABLES[name].default if value is None else value) for name, value in given.items()
    }
    if not validator.problems:
        _check_listen(validator, found, with_tls)
    if validator.problems:
        raise AppError(validator.problems)
    return found


def without_ipv6(found: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return variables without addresses of nginx that mean every address of IPv6, for a host without it, unless a list had no others."""
    lists = {name: [value for value in found[name] if not value.startswith("[::]")] for name in _LISTENS if name in found}
    return {**found, **{name: left for name, left in lists.items() if left}}


def without_secrets(found: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return variables without those that nothing may show."""
    return {name: value for name, value in found.items() if not VARIABLES[name].secret}


def plain_listen(listen: object) -> list[str]:
    """Return the addresses and ports of ``nginx_site_listen`` where plain HTTP is spoken, as it can be asked on the host.

    :param listen: the variable as it was written
    :raises AppError: if it cannot be used
    """
    return addresses.plain_addresses(resolve_variables({"nginx_site_listen": listen})["nginx_site_listen"])


def _check_listen(validator: Validator, found: Mapping[str, t.Any], with_tls: bool) -> None:
    """Refuse what nginx would not accept of addresses together."""
    seen: dict[str, list[addresses.Listen]] = {name: [] for name in _LISTENS}
    for name, index, value in [(variable, *item) for variable in seen for item in enumerate(found.get(variable, ()))]:
        # Each value alone has been found right before.
        where, listen = f"{name}[{index}]", t.cast("addresses.Listen", addresses.parse_listen(value))
        if any(addresses.same_place(listen, other) for other in seen[name]):
            validator.refuse(where, f"is {shown(value)}, where another item listens already", "keep one of the two")
        elif (
            with_tls and name == "nginx_site_tls_listen" and any(addresses.same_place(listen, other) for other in seen["nginx_site_listen"])
        ):
            says = f"is {shown(value)}, where an item of nginx_site_listen listens already, and a site has tls"
            validator.refuse(where, says, "keep it in one of the two, for sites with tls in nginx_site_tls_listen")
        if "proxy_protocol" in listen.parameters and "nginx_site_trusted_proxies" in found and not found["nginx_site_trusted_proxies"]:
            says = f"is {shown(value)}, and no proxy is trusted, so that every client would have the address of the proxy"
            validator.refuse(where, says, "write the addresses of the proxies into nginx_site_trusted_proxies")
        seen[name].append(listen)
        # The server for hosts that no site has listens at all of these addresses, and is the default of each.
        if found.get("nginx_site_catch_all") and "default_server" in listen.parameters:
            says = f"is {shown(value)}, but with nginx_site_catch_all the default server is the one for hosts that no site has"
            validator.refuse(where, says, "remove default_server, or set nginx_site_catch_all: false")
        # Without front servers on other hosts nothing listens there.
        backend = addresses.parse_listen(found.get("nginx_site_backend_listen", "")) if found.get("nginx_site_front_addresses") else None
        if backend and addresses.same_place(listen, backend):
            validator.refuse(
                where, f"is {shown(value)}, where the server of nginx_site_backend_listen listens", "give one of them another port"
            )
