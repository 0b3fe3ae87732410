# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The state of an application tells which workers and timers of its description a host should have and has not."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.action.uwsgi_info import ActionModule, lacking
from ansible_collections.flaskops.stack.tests.unit.render import action, complete

QUEUE, BEAT = {"name": "queue", "command": "rq worker", "count": 2}, {"name": "beat", "command": "celery beat", "hosts": "one"}
MAIL = {"name": "mail", "command": "flask mail", "schedule": "daily", "hosts": "one"}


def state(*workers: str, live: str = "one") -> dict:
    return {"live": live, "workers": [{"name": name} for name in workers], "timers": []}


@pytest.fixture
def app() -> dict:
    return complete(workers=[QUEUE, BEAT], timers=[MAIL])


def test_each_host_has_the_workers_of_all_hosts(app):
    (line,) = lacking(app, state("queue.1"), first=False)
    assert line == "the worker queue.2 of the description is not on this host in the release that is live; deploy it with site.yml"


def test_the_first_host_has_what_is_there_once(app):
    lines = lacking(app, state("queue.1", "queue.2"), first=True)
    assert [line.partition(" of ")[0] for line in lines] == ["the worker beat.1", "the timer mail"]


def test_nothing_is_lacking_where_nothing_is_live(app):
    assert lacking(app, state(live=""), first=True) == []


@pytest.mark.parametrize(("more", "first"), [({}, True), ({"inventory_hostname": "b"}, False), ({"target": "a"}, False)])
def test_a_target_does_not_tell_which_host_is_the_first(app, more, first):
    hosts = {name: {"flask_apps": [{"name": app["name"]}]} for name in ("a", "b")}
    asked = {"inventory_hostname": "a", "ansible_play_hosts_all": ["a", "b"], "hostvars": hosts, **more}
    plugin = action(ActionModule, "uwsgi_service", {}, dict)
    assert plugin._is_first(app, asked) is first
    assert plugin._is_first(complete(workers=[QUEUE]), asked) is False


@pytest.mark.parametrize(("host", "first"), [("a", False), ("b", True), ("c", False)])
def test_the_fleet_of_a_host_tells_it_whatever_the_target_is(app, host, first):
    hosts = {name: {"flask_apps": [{"name": app["name"]}]} for name in ("a", "b", "c")}
    groups = {"all": ["a", "b", "c"], "staging": ["b", "c"]}
    asked = {"inventory_hostname": host, "target": host, "hostvars": hosts, "groups": groups, "flask_fleet": "staging"}
    assert action(ActionModule, "uwsgi_service", {}, dict)._is_first(app, asked) is first
