# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The action ``flask_command``: on which hosts a command runs, with which rights, and what is told of it."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.flaskops.stack.plugins.action import flask_command
from ansible_collections.flaskops.stack.plugins.modules.flask_command import ARGUMENT_SPEC
from ansible_collections.flaskops.stack.tests.unit.render import action, describe

SHOP, BLOG = describe(command_limits={"timeout": 600}, secrets={"TOKEN": "hunter22-hunter22"}), describe(name="blog")
# The lists of four hosts: a database host, two that have the shop, and one from which it is to be taken away.
HOSTS = {"db": None, "web1": [BLOG, SHOP], "web2": [SHOP], "old": [describe(state="absent")]}
ENDED = {"changed": True, "rc": 0, "output": ["hello"], "release": "r1", "reason": ""}


def run(host: str = "web1", answer=None, hosts=HOSTS, **args):
    """Return what the module on a host is asked, and the task's result."""
    asked = {}

    def host_says(_name, arguments):
        asked.update(arguments)
        return dict(answer or ENDED)

    args = {"only": "shop", "command": "flask routes", **args}
    variables = {name: {} if apps is None else {"flask_apps": apps} for name, apps in hosts.items()}
    known = {"inventory_hostname": host, "ansible_play_hosts": list(hosts), "hostvars": variables, "flask_apps": hosts[host] or []}
    return asked, action(flask_command.ActionModule, "flask_app", args, host_says).run(task_vars=known)


def test_a_command_goes_to_the_first_host_that_has_the_application():
    assert run("web1")[0]["command"] == "flask routes"
    for host, why in [("web2", "it is done on web1"), ("old", "shop is in the list of web1, web2 and not of this host")]:
        asked, result = run(host)
        assert (asked, result["skipped"], result["skip_reason"]) == ({}, True, why)


def test_or_to_all_hosts_that_have_it():
    assert [bool(run(host, host_count="all")[0]) for host in ("web1", "web2", "old")] == [True, True, False]


def test_an_application_of_no_host_is_told_with_all_there_are():
    wanted = "^app is 'shpo', but must name an application; write -e app=NAME with one of blog, shop.$"
    with pytest.raises(AnsibleActionFail, match=wanted):
        run("old", only="shpo")
    with pytest.raises(AnsibleActionFail, match="one of none: the list is empty.$"):
        run("web1", hosts={"web1": []})
    with pytest.raises(AnsibleActionFail, match="^app is 'all', but must name an application"):
        run(only="all")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({"command": " "}, r"""^command is empty; write -e '\{"command": "flask --app shop routes"\}', for example\.$"""),
        ({"command": "a\0b"}, "^command is .*, which has a control character; remove it"),
        ({"time_limit": 0}, "^time_limit is 0, but must be 1 or more"),
        ({"host_count": "two"}, "host_count is 'two', but must be one of one, all"),
    ],
)
def test_bad_input_is_refused_before_a_host_is_asked(args, says):
    with pytest.raises(AnsibleActionFail, match=says):
        run(**args)


def test_a_host_gets_the_sandbox_and_the_limits_of_the_application_and_no_secret():
    asked, _result = run()
    assert not ArgumentSpecValidator(ARGUMENT_SPEC).validate(asked).error_messages
    assert (asked["user"], asked["time_limit"], asked["memory_max"]) == ("flask-shop", 600, "80%")
    assert "ProtectSystem=strict" in asked["command_sandbox"]
    assert [other["name"] for other in asked["others"]] == ["blog", "shop"]
    assert "hunter" not in str(asked)
    assert run(time_limit=5)[0]["time_limit"] == 5


def test_a_command_that_fails_fails_the_task_with_its_status_and_its_output():
    answer = {**ENDED, "rc": 3, "reason": "ended with 3"}
    _asked, result = run(command="echo hunter22-hunter22; exit 3", answer=answer)
    assert (result["failed"], result["rc"], result["output"]) == (True, 3, ["hello"])
    assert result["msg"] == "shop: 'echo ***; exit 3' ended with 3."
    assert "failed" not in run()[1]


def test_check_mode_says_that_nothing_ran():
    _asked, result = run(answer={"changed": True, "release": "r1"})
    assert result["msg"] == "shop: 'flask routes' is not run in check mode; it would run in the release r1."
    assert "rc" not in result
