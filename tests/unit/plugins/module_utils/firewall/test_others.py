# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Firewalls of somebody else are told from tables that decide nothing about ports."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.firewall import nft, others
from ansible_collections.flaskops.stack.plugins.module_utils.firewall.others import in_ruleset, in_saved, message


def chain(
    family: str, table: str, name: str = "INPUT", hook: str = "input", policy: str = "accept", type_: str = "filter"
) -> dict[str, t.Any]:
    return {"chain": {"family": family, "table": table, "name": name, "hook": hook, "policy": policy, "type": type_}}


def rule(family: str, table: str, name: str = "INPUT", **verdict: t.Any) -> dict[str, t.Any]:
    return {"rule": {"family": family, "table": table, "chain": name, "expr": [{"match": {}}, verdict or {"accept": None}]}}


UFW = [chain("ip", "filter", policy="drop"), rule("ip", "filter", jump={"target": "ufw-before-input"}), rule("ip", "filter")]
DOCKER = [
    chain("ip", "filter"),
    chain("ip", "filter", "FORWARD", "forward", "drop"),
    rule("ip", "filter", "FORWARD", jump={"target": "DOCKER-USER"}),
    chain("ip", "nat", "PREROUTING", "prerouting", type_="nat"),
    rule("ip", "nat", "PREROUTING"),
]
OURS = [chain("inet", "flaskops", "input", policy="drop"), rule("inet", "flaskops", "input")]
DEBIAN = [chain("inet", "filter", "input"), {"metainfo": {"version": "1.0.6"}}, {"table": {"family": "inet", "name": "filter"}}]
FAIL2BAN = [chain("inet", "f2b-table", "f2b-chain"), rule("inet", "f2b-table", "f2b-chain", reject=None)]
CROWDSEC = [chain("ip6", "crowdsec6", "crowdsec6-chain-input"), rule("ip6", "crowdsec6", "crowdsec6-chain-input", drop=None)]
FAIL2BAN_BY_IPTABLES = [chain("ip", "filter"), rule("ip", "filter", jump={"target": "f2b-sshd"})]


@pytest.mark.parametrize("rules", [[], OURS, DOCKER, DEBIAN, FAIL2BAN, CROWDSEC, FAIL2BAN_BY_IPTABLES])
def test_tables_that_decide_nothing_about_ports_may_stay(rules):
    assert in_ruleset(rules) == {}


@pytest.mark.parametrize(
    ("rules", "name", "says"),
    [
        (UFW, "ip filter", "has 2 rules for incoming packets and drops all others"),
        ([chain("inet", "mine", "in", policy="drop")], "inet mine", "has 0 rules for incoming packets and drops all others"),
        ([chain("ip6", "filter"), rule("ip6", "filter")], "ip6 filter", "has 1 rule for incoming packets"),
        ([*FAIL2BAN_BY_IPTABLES, rule("ip", "filter", jump={"target": "mine"})], "ip filter", "has 1 rule for incoming packets"),
        ([*OURS, *DOCKER, rule("ip", "filter")], "ip filter", "has 1 rule for incoming packets"),
    ],
)
def test_others_are_told(rules, name, says):
    assert in_ruleset(rules) == {name: says}


SAVED = "*filter\n:INPUT {} [0:0]\n:FORWARD DROP [0:0]\n-A FORWARD -j ACCEPT\n{}COMMIT\n"


@pytest.mark.parametrize(
    ("policy", "rules", "wanted"),
    [
        ("ACCEPT", "", {}),
        ("ACCEPT", "-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd\n", {}),
        ("ACCEPT", "-A INPUT -p tcp --dport 22 -j ACCEPT\n", {"ip6 filter": "has 1 rule for incoming packets"}),
        ("DROP", "", {"ip6 filter": "has 0 rules for incoming packets and drops all others"}),
    ],
)
def test_rules_of_iptables_are_read_where_nft_cannot(policy, rules, wanted):
    assert in_saved(SAVED.format(policy, rules), "ip6") == wanted


def test_a_kernel_that_has_no_such_table_says_nothing():
    assert in_saved("", "ip") == {}


@pytest.fixture
def host(monkeypatch):
    """A host that has nothing in the beginning: each answer by what it is asked for."""
    has: dict[str, t.Any] = {"nft": True, "ruleset": [], "files": {}, "saved": {}, "firewalld": False}
    monkeypatch.setattr(others, "read_text", lambda path: has["files"].get(path))
    monkeypatch.setattr(others.systemd, "is_enabled", lambda _unit: has["firewalld"])
    monkeypatch.setattr(others.systemd, "is_active", lambda _unit: False)
    monkeypatch.setattr(nft, "is_installed", lambda: has["nft"])
    monkeypatch.setattr(nft, "everything", lambda: has["ruleset"])
    monkeypatch.setattr(nft, "saved_by_iptables", lambda programs: {name: has["saved"].get(name, "") for name in programs})
    return has


def test_a_host_is_asked_in_each_way(host):
    assert others.others() == {}
    host["ruleset"] = UFW
    host["files"] = {"/etc/ufw/ufw.conf": "# comment\nENABLED=yes\n", "/proc/net/ip6_tables_names": "filter\n"}
    host["saved"] = {"ip6tables-legacy-save": SAVED.format("DROP", ""), "iptables-nft-save": SAVED.format("DROP", "")}
    host["firewalld"] = True
    assert list(others.others()) == ["ufw", "firewalld", "ip filter", "ip6 filter"]
    # ufw is installed and switched off, and nft is missing, so that iptables is asked.
    host |= {"nft": False, "firewalld": False, "files": {"/etc/ufw/ufw.conf": "ENABLED=no\n"}}
    assert list(others.others()) == ["ip filter"]


def test_the_message_has_both_remedies():
    said = message({"ufw": "is switched on", "ip filter": "has 1 rule"})
    for part in ("ufw is switched on; ip filter has 1 rule", "nothing was changed", "flask_firewall_beside: [ufw, ip filter]"):
        assert part in said
