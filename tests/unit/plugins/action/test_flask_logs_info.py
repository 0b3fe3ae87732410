# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The action ``flask_logs_info``: which host is asked for which lines."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.flaskops.stack.plugins.action import flask_logs_info
from ansible_collections.flaskops.stack.plugins.modules.flask_logs_info import ARGUMENT_SPEC
from ansible_collections.flaskops.stack.tests.unit.render import action, describe

WORKERS = [{"name": "queue", "command": "python -m queue", "count": 2}]
TIMERS = [{"name": "nightly", "command": "flask clean", "schedule": "daily"}]
HOSTS = {"web1": [describe(secrets={"TOKEN": "hunter22-hunter22"}, workers=WORKERS, timers=TIMERS)], "web2": [describe(name="blog")]}


def run(host: str = "web1", **args):
    asked = {}
    known = {
        "inventory_hostname": host,
        "ansible_play_hosts": list(HOSTS),
        "hostvars": {name: {"flask_apps": apps} for name, apps in HOSTS.items()},
        "flask_apps": HOSTS[host],
    }
    plugin = action(
        flask_logs_info.ActionModule,
        "flask_app",
        {"only": "shop", **args},
        lambda _name, arguments: asked.update(arguments) or {"entries": [], "shown": []},
    )
    return asked, plugin.run(task_vars=known)


def test_a_host_is_told_where_the_logs_are_and_no_secret():
    asked, _result = run(since="1 hour ago", request_id="0123456789abcdef", lines=5, sources="error,queue.1,nightly")
    assert not ArgumentSpecValidator(ARGUMENT_SPEC).validate(asked).error_messages
    assert (asked["since"], asked["request_id"], asked["lines"]) == ("1 hour ago", "0123456789abcdef", 5)
    assert asked["sources"] == ["error", "queue.1", "nightly"]
    assert "hunter" not in str(asked)


def test_a_host_without_the_application_is_not_asked():
    asked, result = run("web2")
    assert (asked, result["skipped"]) == ({}, True)
    with pytest.raises(AnsibleActionFail, match="^app is 'shpo', but must name an application; write -e app=NAME with one of blog, shop.$"):
        run(only="shpo")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({"lines": 0}, "^lines is 0, but must be from 1 to 10000"),
        ({"lines": 10_001}, "^lines is 10001, but must be"),
        ({"request_id": "short"}, "^request_id is 'short', but must have 8 to 128 letters and digits"),
        ({"sources": "web,queu"}, "^sources has 'queu', but shop has no such source of lines; write one of web, .*, queue, nightly.$"),
        ({"request_id": "0123456789 --output=x"}, "^request_id is"),
    ],
)
def test_bad_input_is_refused(args, says):
    with pytest.raises(AnsibleActionFail, match=says):
        run(**args)
