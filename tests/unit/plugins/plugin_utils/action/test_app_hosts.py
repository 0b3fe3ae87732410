# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which host of a play has what is there once, also when a run is limited to others."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.plugins.action import uwsgi_instance
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.app_hosts import first_host, patterns_of
from ansible_collections.flaskops.stack.plugins.plugin_utils.orders.instances import has_single_workers
from ansible_collections.flaskops.stack.tests.unit.render import action, complete

LISTS = {"a": [{"name": "blog"}], "b": [{"name": "shop"}], "c": [{"name": "shop"}], "other": [{"name": "shop"}]}
GROUPS = {"all": ["other", "a", "b", "c"], "web": ["a", "b", "c"], "ungrouped": ["other"]}


def variables(*hosts: str, **more) -> dict:
    """Return the variables of a task in a play with some of the hosts."""
    hostvars = {name: {"flask_apps": apps} for name, apps in LISTS.items()}
    return {"inventory_hostname": hosts[0], "ansible_play_hosts_all": list(hosts), "hostvars": hostvars, "groups": GROUPS, **more}


def test_the_first_host_is_the_first_of_the_play_that_has_the_application():
    # A host that has failed is still one of the play's.
    assert first_host("shop", variables("a", "b", "c", ansible_play_hosts=["a", "c"])) == "b"


def test_in_a_play_that_names_its_applications_itself_the_first_host_is_the_first():
    assert first_host("other", variables("a", "b")) == "a"


@pytest.mark.parametrize("patterns", [["web"], ["a", "b", "c"], ["web", "b"]])
def test_a_limit_makes_no_other_host_the_first(patterns):
    assert first_host("shop", variables("c", ansible_limit="c"), patterns) == "b"
    assert first_host("shop", variables("b", ansible_limit="b"), patterns) == "b"


@pytest.mark.parametrize("patterns", [["w*"], ["web", "!b"], []])
def test_with_other_patterns_the_limited_hosts_are_all_there_are(patterns):
    assert first_host("shop", variables("c", ansible_limit="c"), patterns) == "c"


def test_a_play_on_a_part_of_the_servers_says_which_there_are():
    servers = ["a", "b", "c"]
    assert first_host("shop", variables("c"), ["c"], servers) == "b"
    assert first_host("shop", variables("c", ansible_limit="c"), ["w*"], servers) == "b"


@pytest.mark.parametrize(("hosts", "patterns"), [("web", ["web"]), (["web", "b"], ["web", "b"]), ("web, b", ["web", "b"])])
def test_the_patterns_are_those_of_the_play(hosts, patterns):
    assert patterns_of(SimpleNamespace(get_play=lambda: SimpleNamespace(hosts=hosts))) == patterns
    assert patterns_of(SimpleNamespace()) == []


@pytest.mark.parametrize(
    ("host", "more", "has", "told"),
    [
        ("b", {"ansible_limit": "b"}, True, 0),
        ("c", {"ansible_limit": "c"}, False, 1),
        # The playbook has another play than all servers, for a target or since one cannot be reached.
        ("c", {"uwsgi_service_servers": ["a", "b", "c"]}, False, 1),
        ("c", {"uwsgi_service_servers": ["c"]}, True, 0),
        ("c", {"uwsgi_service_servers": []}, True, 0),
    ],
)
def test_a_run_says_where_single_workers_stay(monkeypatch, host, more, has, told):
    plugin = action(uwsgi_instance.ActionModule, "uwsgi_service", {}, lambda *_: {})
    plugin._task.get_play = lambda: SimpleNamespace(hosts="web")
    said: list[str] = []
    monkeypatch.setattr(type(plugin._display), "warning", lambda _self, text, **_more: said.append(text))
    app = complete(
        workers=[{"name": "beat", "command": "beat", "hosts": "one"}], timers=[{"name": "mail", "command": "x", "schedule": "daily"}]
    )
    task_vars = variables(host, ansible_play_hosts=[host], **more)
    plugin._templar.available_variables = task_vars
    assert has_single_workers(plugin, app, task_vars) is has
    assert len(said) == told
    assert not told or said[0].startswith("shop: beat with hosts: one stay on b, which this run leaves out or has lost")
