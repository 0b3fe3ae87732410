# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The inventory of a fleet works as it stands: Ansible reads it, and every host of it has a description without a mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def fleet():
    """Return a function that gives the variables of a host as a play sees them."""
    loader = DataLoader()
    inventory = InventoryManager(loader=loader, sources=[str(ROOT / "inventory/fleet/hosts.yml")])
    manager = VariableManager(loader=loader, inventory=inventory)

    def variables(name: str) -> Templar:
        known = manager.get_vars(host=inventory.get_host(name))
        return Templar(
            loader=loader, variables={**known, "hostvars": HostVars(inventory, manager, loader), "playbook_dir": str(ROOT / "playbooks")}
        )

    return variables


def test_the_edge_asks_every_server(fleet):
    (app,) = resolve_apps(fleet("edge1").template(fleet("edge1").available_variables["flask_apps"]), [], "flask_apps")
    assert app["nginx"]["backends"] == ["192.0.2.11:8000", "192.0.2.12:8000", "192.0.2.13:8000"]


@pytest.mark.parametrize("name", ["app1", "app2", "app3"])
def test_the_servers_answer_the_edge_alone(fleet, name):
    host = fleet(name)
    (app,) = resolve_apps(host.template(host.available_variables["flask_apps"]), ["source", "wsgi"], "flask_apps")
    assert (app["nginx"]["backends"], app["nginx"]["front"], app["nginx"]["server_names"]) == ([], "proxy", ["shop.example.com"])
    assert Path(app["source"]["path"]).is_dir()
    assert host.template(host.available_variables["nginx_site_front_addresses"]) == ["192.0.2.10"]
