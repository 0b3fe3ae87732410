# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Results, messages and warnings of modules."""

from __future__ import annotations

import getpass
import os
import typing as t

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule
from ansible_collections.flaskops.stack.plugins.module_utils.host.shown import learn
from ansible_collections.flaskops.stack.plugins.module_utils.host.user_name import user_name


@pytest.fixture
def module(monkeypatch) -> HostModule:
    """A module whose results go to ``returned`` in place of the standard output."""
    returned: list[dict[str, t.Any]] = []
    monkeypatch.setattr(AnsibleModule, "__init__", lambda _self, **_more: None)
    monkeypatch.setattr(AnsibleModule, "exit_json", lambda _self, **result: returned.append(result))
    monkeypatch.setattr(AnsibleModule, "fail_json", lambda _self, msg, **result: returned.append({"msg": msg, **result}))
    monkeypatch.setattr(AnsibleModule, "warn", lambda _self, warning: returned.append({"warning": warning}))
    made = HostModule(argument_spec={}, exact=("names",))
    made.returned = returned
    learn(["hunter22"])
    return made


def test_results_are_clean(module):
    module.exit_json(changed=True, diff=[{"after": "A=hunter22\n"}], says="\x1b[2J")
    assert module.returned == [{"changed": True, "diff": [{"after": "A=***\n"}], "says": "\\x1b[2J"}]


def test_messages_of_a_failure_are_clean(module):
    module.fail_json(msg="hunter22 \x07", log=["hunter22"])
    assert module.returned == [{"msg": "*** \\x07", "log": ["***"]}]


def test_warnings_are_clean(module):
    module.warn("hunter22 \x07")
    assert module.returned == [{"warning": "*** \\x07"}]


def test_a_value_that_the_controller_goes_on_with_is_exact(module):
    module.exit_json(names=["hunter22"], other=["hunter22"])
    assert module.returned == [{"names": ["hunter22"], "other": ["***"]}]


def test_a_module_that_is_not_root_says_what_to_set(module, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("LOGNAME", "deploy")
    module.require_root()
    assert module.returned == [
        {"msg": "The play runs as deploy on the host, and the roles need root there; set become: true for the play."}
    ]


def test_root_may_go_on(module, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    module.require_root()
    assert module.returned == []


@pytest.mark.parametrize("error", [KeyError("uid not found"), OSError("No username set in the environment")])
def test_a_user_without_an_account_has_a_number(monkeypatch, error):
    def fails():
        raise error

    monkeypatch.setattr(getpass, "getuser", fails)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert user_name() == "12345"
