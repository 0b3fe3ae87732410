# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""New rules are confirmed over a new connection, and a run that is locked out waits until the host has gone back."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.flaskops.stack.plugins.action import flask_firewall
from ansible_collections.flaskops.stack.tests.unit.render import action

LOGIN = "192.0.2.9 50000 198.51.100.1 22"
ON_TRIAL = {"changed": True, "on_trial": True, "login": LOGIN, "lacks": []}


class Host:
    """A host that answers calls one after the other, with what a connection may bring."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: object, transport: str = "ssh") -> None:
        self.answers, self.transport, self.calls, self.now = list(answers), transport, [], 100.0
        monkeypatch.setattr(flask_firewall, "time", self)

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds

    def answer(self, _name, asked):
        self.calls.append(dict(asked))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    def run(self, task_vars=None, **args):
        plugin = action(flask_firewall.ActionModule, "flask_firewall", {"apps": [], **args}, self.answer)
        plugin._connection.transport, plugin._connection.reset = self.transport, lambda: self.calls.append("reset")
        return plugin.run(task_vars=task_vars or {})


def test_rules_that_do_not_change_need_one_call(monkeypatch):
    host = Host(monkeypatch, {"changed": False, "on_trial": False, "lacks": []})
    assert host.run() == {"changed": False, "lacks": []}
    assert len(host.calls) == 1


def test_new_rules_are_confirmed_over_a_new_connection_that_is_not_the_old_one(monkeypatch):
    host = Host(monkeypatch, ON_TRIAL, {"changed": True})
    assert host.run(task_vars={"ansible_port": 2200})["changed"]
    apply, reset, confirm = host.calls
    assert (apply["mode"], reset, confirm["mode"], confirm["login"]) == ("present", "reset", "confirm", LOGIN)
    assert apply["ssh_ports"] == [2200]
    assert {key: confirm[key] for key in ("openings", "ssh_ports", "ssh_from")} == {
        key: apply[key] for key in ("openings", "ssh_ports", "ssh_from")
    }


def test_a_run_on_the_host_itself_has_no_new_connection_to_show(monkeypatch):
    host = Host(monkeypatch, ON_TRIAL, {"changed": True}, transport="local")
    host.run()
    assert host.calls[-1]["login"] == ""


LOST = AnsibleConnectionFailure("Connection timed out")


def test_a_run_that_is_locked_out_waits_for_the_way_back_and_says_why(monkeypatch):
    host = Host(monkeypatch, ON_TRIAL, LOST, LOST, {"failed": True, "msg": "The firewall: the host has gone back to the former ones"})
    with pytest.raises(AnsibleActionFail, match=r"gone back to the former ones.*Connection timed out.*flask_firewall_open"):
        host.run()
    assert [call if call == "reset" else call["mode"] for call in host.calls] == ["present", *["reset", "confirm"] * 3]


def test_a_connection_that_fails_once_and_then_gets_through_confirms(monkeypatch):
    host = Host(monkeypatch, ON_TRIAL, LOST, {"changed": True})
    assert host.run()["changed"]


def test_a_host_that_cannot_be_reached_after_the_trial_is_unreachable(monkeypatch):
    host = Host(monkeypatch, ON_TRIAL, *[LOST] * 100)
    with pytest.raises(AnsibleConnectionFailure, match="Connection timed out"):
        host.run(confirm_within=20)
    assert 150 < host.now < 155


def test_variables_that_cannot_be_used_are_refused_before_the_host_is_asked(monkeypatch):
    host = Host(monkeypatch)
    with pytest.raises(AnsibleActionFail, match="flask_firewall_confirm_within is 5, but must be from 20 to 3600"):
        host.run(confirm_within=5)
    with pytest.raises(AnsibleActionFail, match=r"flask_firewall_beside\[0\] is 'filter', which cannot be used here"):
        host.run(beside=["filter"])
