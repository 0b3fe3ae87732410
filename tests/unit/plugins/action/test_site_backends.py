# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The host is told the address of the server that an operator names, and the sites that have backends."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.flaskops.stack.plugins.action import site_backends
from ansible_collections.flaskops.stack.tests.unit.render import action, describe

APPS = [
    describe(nginx={"front": "proxy", "backends": ["192.0.2.11:8000", "192.0.2.12:8000"]}),
    describe(name="blog", nginx={"front": "proxy", "backends": ["192.0.2.12:8000"]}),
    describe(name="here"),
    describe(name="gone", state="absent"),
]
HOSTS = {"app1": {"ansible_host": "192.0.2.11"}, "192.0.2.12": {}}


def asked_by(**args):
    """Return what the module on the host is asked."""
    asked = {}
    plugin = action(
        site_backends.ActionModule, "nginx_site", {"apps": APPS, **args}, lambda _name, arguments: asked.update(arguments) or {}
    )
    plugin.run(task_vars={"hostvars": HOSTS})
    return asked


@pytest.mark.parametrize(
    ("backend", "address"),
    [("app1", "192.0.2.11"), ("192.0.2.12", "192.0.2.12"), ("192.0.2.11:8000", "192.0.2.11:8000"), ("app9", "app9"), ("", "")],
)
def test_a_server_may_be_named_as_the_inventory_does(backend, address):
    assert asked_by(backend=backend)["server"] == address


def test_only_sites_with_backends_are_meant():
    assert asked_by(backend="app1")["sites"] == {"shop": ["192.0.2.11:8000", "192.0.2.12:8000"], "blog": ["192.0.2.12:8000"]}
    assert asked_by(backend="app1", only="blog")["sites"] == {"blog": ["192.0.2.12:8000"]}
    with pytest.raises(AnsibleActionFail, match="^app is 'gone', but must name an application"):
        asked_by(backend="app1", only="gone")


def test_another_state_is_refused():
    with pytest.raises(AnsibleActionFail, match="drain, restore"):
        asked_by(backend="app1", state="down")
