# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module of the firewall refuses other firewalls, leaves new rules to a trial, and tells the truth in check mode."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.firewall import firewall, nft, others
from ansible_collections.flaskops.stack.plugins.module_utils.firewall.firewall import Firewall, FirewallError
from ansible_collections.flaskops.stack.plugins.module_utils.firewall.login import Login
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError
from ansible_collections.flaskops.stack.plugins.modules import flask_firewall

LOGIN = Login("192.0.2.9", 50000, "198.51.100.1", 22)
PARAMS: dict[str, t.Any] = {
    "openings": [{"why": "ours", "protocol": "tcp", "ports": ["80"], "sources": []}],
    "ssh_ports": [2200],
    "ssh_from": [],
    "beside": [],
    "confirm_within": 60,
    "login": "",
}


@pytest.fixture
def host(monkeypatch, tmp_path):
    """A host with nft and nothing of ours, and the calls that change it."""
    done: list[str] = []
    monkeypatch.setattr(flask_firewall, "login", lambda: LOGIN)
    monkeypatch.setattr(firewall, "RULES", str(tmp_path / "flaskops.nft"))
    monkeypatch.setattr(firewall.systemd, "UNIT_DIR", str(tmp_path))
    monkeypatch.setattr(others, "others", dict)
    monkeypatch.setattr(nft, "is_installed", lambda: True)
    monkeypatch.setattr(nft, "loaded", lambda: "")
    monkeypatch.setattr(nft, "loaded_from", lambda text: text)
    monkeypatch.setattr(Firewall, "begin_trial", lambda _wall, seconds: done.append(f"trial of {seconds} s"))
    for name in ("keep", "confirm"):
        monkeypatch.setattr(Firewall, name, lambda _wall, name=name: done.append(name))
    return done


def test_new_rules_are_on_trial_and_tell_the_connection_that_they_came_by(host):
    result = flask_firewall.apply(PARAMS, check=False)
    assert (result["changed"], result["on_trial"], result["login"]) == (True, True, "192.0.2.9 50000 198.51.100.1 22")
    assert host == ["trial of 60 s"]


def test_check_mode_shows_the_rules_and_does_nothing(host):
    result = flask_firewall.apply(PARAMS, check=True)
    assert (result["changed"], result["on_trial"], host) == (True, False, [])
    (diff,) = result["diff"]
    assert (diff["before"], "tcp dport { 22, 2200 } accept" in diff["after"]) == ("", True)


def test_a_host_without_nft_is_told_what_it_lacks_and_check_mode_what_will_be(host, monkeypatch):
    monkeypatch.setattr(nft, "is_installed", lambda: False)
    checked, done = flask_firewall.apply(PARAMS, check=True), flask_firewall.apply(PARAMS, check=False)
    assert (checked["changed"], checked["lacks"]) == (True, ["nftables"])
    assert "tcp dport { 80 } accept" in checked["diff"][0]["after"]
    assert (done["changed"], done["lacks"], host) == (False, ["nftables"], [])


def test_the_firewall_of_somebody_else_is_refused_before_anything_is_done(host, monkeypatch):
    monkeypatch.setattr(others, "others", lambda: {"ip filter": "has 1 rule", "ufw": "is switched on"})
    with pytest.raises(FirewallError, match="ip filter has 1 rule; ufw is switched on"):
        flask_firewall.apply(PARAMS, check=False)
    with pytest.raises(FirewallError, match="already: ufw is switched on"):
        flask_firewall.apply({**PARAMS, "beside": ["ip filter"]}, check=False)
    assert host == []
    assert flask_firewall.apply({**PARAMS, "beside": ["ip filter", "ufw"]}, check=False)["on_trial"]


def test_the_connection_that_was_there_before_confirms_nothing(host):
    with pytest.raises(FirewallError, match="the connection is the same as before the new rules.*ControlMaster"):
        flask_firewall.confirm({**PARAMS, "login": str(LOGIN)})
    assert host == []


@pytest.mark.parametrize("former", ["", str(LOGIN._replace(client_port=50001))])
def test_a_new_connection_confirms_and_so_does_a_run_on_the_host_itself(host, former):
    assert flask_firewall.confirm({**PARAMS, "login": former}) == {"changed": True}
    assert host == ["confirm"]


def test_a_container_that_may_not_set_rules_is_told_what_it_needs():
    error = CommandError("'nft list ruleset' ended with 1: Operation not permitted (you must be root)")
    assert "A container needs the capabilities NET_ADMIN and SYS_ADMIN" in flask_firewall.explained(error)
    assert flask_firewall.explained(CommandError("other")) == "other"
