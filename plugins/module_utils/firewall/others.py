# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Firewalls of somebody else: a packet comes in only if all of them let it in, so two of them close each other's ports."""

from __future__ import annotations

import re
import typing as t

from ..host import systemd
from ..host.files import read_text
from . import nft
from .rules import TABLE

# Programs that keep single addresses out decide nothing about ports: fail2ban and CrowdSec.
_BANS = re.compile(r"f2b-|crowdsec", re.IGNORECASE)
_FAMILIES = ("ip", "ip6", "inet")
_UFW = "/etc/ufw/ufw.conf"
# Tables of the old iptables, which nft does not see; the kernel makes these files when there is one.
_LEGACY = {"ip": "/proc/net/ip_tables_names", "ip6": "/proc/net/ip6_tables_names"}
_SAVE = {"ip": "iptables", "ip6": "ip6tables"}


def others() -> dict[str, str]:
    """Return what else decides about incoming packets, by the name of a table or a program, with words for a message."""
    found = _programs()
    legacy = [family for family, path in _LEGACY.items() if "filter" in (read_text(path) or "").split()]
    saved = {f"{_SAVE[family]}-legacy-save": family for family in legacy}
    if nft.is_installed():
        found.update(in_ruleset(nft.everything()))
    else:
        saved.update({f"{_SAVE[family]}-nft-save": family for family in _SAVE})
    for program, text in nft.saved_by_iptables(saved).items():
        found.update(in_saved(text, saved[program]))
    return found


def message(found: t.Mapping[str, str]) -> str:
    """Return why rules of somebody else are in the way, with the remedy."""
    return (
        f"This host has a firewall already: {'; '.join(f'{name} {says}' for name, says in found.items())}. Packets come in only if both let them in,"
        " so nothing was changed. Switch the other one off, such as with 'ufw disable', or name what is to stay in flask_firewall_beside:"
        f" [{', '.join(found)}]."
    )


def in_ruleset(ruleset: t.Iterable[t.Mapping[str, t.Any]]) -> dict[str, str]:
    """Return the tables whose chains decide about incoming packets, of what ``nft --json list ruleset`` prints."""
    objects = list(ruleset)
    chains = [item["chain"] for item in objects if item.get("chain", {}).get("hook") == "input"]
    rules = [item["rule"] for item in objects if "rule" in item]
    found: dict[str, str] = {}
    for chain in chains:
        table = (chain["family"], chain["table"])
        if table == TABLE or chain["family"] not in _FAMILIES or chain.get("type") != "filter" or _BANS.match(chain["table"]):
            continue
        own = [rule for rule in rules if (rule["family"], rule["table"], rule["chain"]) == (*table, chain["name"])]
        _judge(found, " ".join(table), chain.get("policy", "accept"), sum(not _bans(rule) for rule in own))
    return found


def _bans(rule: t.Mapping[str, t.Any]) -> bool:
    return any(_BANS.match(part["jump"]["target"]) for part in rule.get("expr", ()) if "jump" in part)


def in_saved(text: str, family: str) -> dict[str, str]:
    """Return the same of what ``iptables-save -t filter`` prints."""
    found: dict[str, str] = {}
    policy = re.search(r"^:INPUT (\w+)", text, re.MULTILINE)
    rules = [line for line in text.splitlines() if line.startswith("-A INPUT ")]
    if policy:
        decide = [line for line in rules if not _BANS.match(line.rpartition(" -j ")[2])]
        _judge(found, f"{family} filter", policy[1].lower(), len(decide))
    return found


def _judge(found: dict[str, str], name: str, policy: str, rules: int) -> None:
    if policy == "drop" or rules:
        counted = f"has {rules} {'rule' if rules == 1 else 'rules'} for incoming packets"
        found[name] = f"{counted} and drops all others" if policy == "drop" else counted


def _programs() -> dict[str, str]:
    """Return firewalls that may have no rules at this moment, and will have some after a boot."""
    found = {}
    if re.search(r"^ENABLED=yes\b", read_text(_UFW) or "", re.MULTILINE | re.IGNORECASE):
        found["ufw"] = "is switched on"
    if systemd.is_enabled("firewalld.service") or systemd.is_active("firewalld.service"):
        found["firewalld"] = "is switched on"
    return found
