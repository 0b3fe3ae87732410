# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""serving_hosts: a run without a server does not end well."""

from __future__ import annotations

import pytest
import yaml
from ansible import context
from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.collections import ImmutableDict
from ansible_collections.flaskops.stack.plugins.filter.serving_hosts import serving_hosts
from ansible_collections.flaskops.stack.tests.unit.render import COLLECTION

GROUPS = {"all": ["web1", "db1"], "ungrouped": ["db1"], "web": ["web1"], "empty": []}


@pytest.mark.parametrize("pattern", ["web", "web1", "w*", "all:!web", "web:empty", "~w.b", "db1,web", ["web1", "db1"], "localhost"])
def test_a_pattern_with_hosts_stays_as_it_is(pattern):
    assert serving_hosts(pattern, GROUPS) == pattern


@pytest.mark.parametrize("pattern", ["flask_servers", "empty", "web:!web1", ["x"], 5])
def test_a_pattern_without_hosts_fails_with_the_groups_that_there_are(pattern):
    with pytest.raises(AnsibleFilterError, match=r"No server of the inventory matches '.*Write -e target=GROUP with one of web, or give"):
        serving_hosts(pattern, GROUPS)


def test_an_inventory_that_was_not_read_is_the_likely_cause_where_there_is_no_group():
    with pytest.raises(
        AnsibleFilterError, match="matches 'flask_servers', .* name the inventory with -i, and correct it if there is a warning"
    ):
        serving_hosts("flask_servers", {"all": [], "ungrouped": []})


def test_servers_without_a_group_are_all_that_can_be_named():
    with pytest.raises(AnsibleFilterError, match="Write -e target=GROUP with one of all, or give the servers that group"):
        serving_hosts("flask_servers", {"all": ["web1"], "ungrouped": ["web1"]})


@pytest.mark.parametrize("option", ["syntax", "listhosts", "listtasks", "listtags"])
def test_what_runs_nothing_needs_no_hosts(option, monkeypatch):
    monkeypatch.setattr(context, "CLIARGS", ImmutableDict({option: True}))
    assert serving_hosts("flask_servers", {}) == "flask_servers"


def test_every_playbook_requires_a_host():
    found = {
        path.name: play["hosts"]
        for path in COLLECTION.glob("playbooks/*.yml")
        for play in yaml.safe_load(path.read_text())
        # The first play of rollout makes the group for its others, and edges are optional.
        if "hosts" in play and play["hosts"] not in ("localhost", "rollout_reached") and "edges" not in play["hosts"].partition("|")[0]
    }
    assert len(found) > 14
    assert {name: hosts for name, hosts in found.items() if "| flaskops.stack.serving_hosts(groups) }}" not in hosts} == {}
