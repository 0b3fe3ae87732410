# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The file of rules: what is always let in, and ports and networks as nft takes them."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.firewall.rules import NO_RULES, Opening, ruleset


def opening(*ports: str, sources: tuple[str, ...] = (), protocol: str = "tcp") -> Opening:
    return Opening("ours", protocol, ports, sources)


@pytest.mark.parametrize(
    ("ports", "written"),
    [
        (["443", "80"], "80, 443"),
        (["80", "80"], "80"),
        (["8000-8100", "8050", "8090-8200", "80"], "80, 8000-8200"),
        (["80", "80-81"], "80-81"),
        (["80-81", "82"], "80-81, 82"),
        (["9", "1000"], "9, 1000"),
    ],
)
def test_ports_that_overlap_are_one(ports, written):
    assert opening(*ports).lines() == [f"tcp dport {{ {written} }} accept"]


def test_networks_are_named_by_family_and_without_overlaps():
    sources = ("10.1.0.0/16", "192.0.2.7", "10.0.0.0/8", "2001:db8::1/32")
    assert opening("53", sources=sources, protocol="udp").lines() == [
        "ip saddr { 10.0.0.0/8, 192.0.2.7/32 } udp dport { 53 } accept",
        "ip6 saddr { 2001:db8::/32 } udp dport { 53 } accept",
    ]


def test_networks_of_one_family_let_nobody_of_the_other_in():
    assert opening("22", sources=("192.0.2.7",)).lines() == ["ip saddr { 192.0.2.7/32 } tcp dport { 22 } accept"]


def test_the_file_replaces_the_table_in_one_step_and_touches_no_other():
    text = ruleset([opening("22"), Opening("nothing", "udp", [])])
    assert text.count("table inet flaskops {") == 1
    assert text.index(NO_RULES) < text.index("table inet flaskops {")
    assert "flush" not in text
    assert "# nothing" not in text


def test_all_but_what_is_listed_is_dropped_and_what_hosts_need_comes_in():
    text = ruleset([opening("22")])
    assert "policy drop;" in text
    chain = text[text.index("policy drop;") :]
    assert [line.strip() for line in chain.splitlines() if "accept" in line][-1] == "tcp dport { 22 } accept"
    for needed in (
        "ct state new tcp flags & syn == 0x0 accept",
        "established,related accept",
        'iifname "lo" accept',
        "nd-neighbor-solicit",
        "packet-too-big",
        "udp dport 546 accept",
    ):
        assert needed in chain
