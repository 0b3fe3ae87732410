# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Results, messages and warnings of modules."""

from __future__ import annotations

import typing as t

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule
from ansible_collections.flaskops.stack.plugins.module_utils.host.shown import learn


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
