# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A run ends behind its look where the host has carried out already what the later roles would ask for, and nowhere else."""

from __future__ import annotations

import base64
import copy
import json
import typing as t

import pytest
from ansible import constants as C
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.flaskops.stack.plugins.action import flask_release_plan, uwsgi_instance
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.looking_action import OF_SITES
from ansible_collections.flaskops.stack.plugins.plugin_utils.orders import sealing
from ansible_collections.flaskops.stack.tests.unit.render import COLLECTION, action, describe, nginx_order, task_vars

ROLES = ("flask_app", "uwsgi_service", "nginx_site")
CODE = {"path": None, "prebuilt": "/opt/code", "virtualenv": "/opt/venv", "version": "7"}
SHOP = describe(
    source=CODE,
    secrets={"SECRET_KEY": "a-long-secret"},
    workers=[{"name": "queue", "command": "rq worker"}],
    nginx={"tls": {"self_signed": True}, "backends": ["192.0.2.7:80", "192.0.2.8:80"], "front": "proxy"},
)
BLOG = describe(name="blog", source=CODE)
GONE = describe(name="gone", state="absent")
APPS = [SHOP, BLOG, GONE]


class Server:
    """A host on which a run of all three roles has ended."""

    def __init__(self, apps: list[dict[str, t.Any]], **variables: t.Any) -> None:
        self.look = {
            **dict.fromkeys(OF_SITES, []),
            **{
                "packages": [],
                "accounts": [],
                "failures": {},
                "hosted": {},
                "nginx": "1.26.3",
                "ipv6": True,
                "drained": {},
                "former_backend": "",
            },
            "instances": self._instances(apps, **variables),
            "tree": {
                "digest": nginx_order(apps, __nginx_site_look={"nginx": "1.26.3"}, **variables)["digest"],
                "result": {"files": {"kept": []}},
            },
        }

    @staticmethod
    def _instances(apps: list[dict[str, t.Any]], **variables: t.Any) -> dict[str, t.Any]:
        sent: list[dict[str, t.Any]] = []

        def carry_out(_name: str, call: dict[str, t.Any]) -> dict[str, t.Any]:
            sent.append(json.loads(base64.b64decode(call["order"])))
            return {"notices": [], "failures": {}}

        key = variables.get("uwsgi_service_secrets_key", "")
        plugin = action(uwsgi_instance.ActionModule, "uwsgi_service", {"apps": apps, "secrets_key": key}, carry_out)
        plugin.run(task_vars=task_vars("uwsgi_service", flask_apps=apps))
        sealed = {app["name"]: app["sealed"] for app in sent[0]["apps"] if "sealed" in app}
        return {"digest": sent[0]["digest"], "result": {"switched": [], "taken_up": []}, "sealed": sealed}

    def plan(self, apps: list[dict[str, t.Any]], **variables: t.Any) -> dict[str, t.Any]:
        """Return what the first task of a run finds."""
        known = {name: value for role in reversed(ROLES) for name, value in task_vars(role, flask_apps=apps, **variables).items()}
        args = Templar(DataLoader(), known).template({"apps": known["flask_app_apps"], "sites": known["__nginx_site_asked"]})
        args |= {"variable": "flask_app_apps"}
        plugin = action(flask_release_plan.ActionModule, "flask_app", args, lambda *_: copy.deepcopy(self.look))
        return plugin.run(task_vars=known)


@pytest.fixture(autouse=True)
def _another_run(tmp_path, monkeypatch):
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path))


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(APPS)


def test_a_run_ends_where_the_host_has_carried_out_the_same(server, monkeypatch):
    monkeypatch.setattr(sealing, "secret_digest", lambda *_: pytest.fail("the digest of secrets is made anew, which takes long"))
    found = server.plan(APPS)
    assert found["settled"] is True, found
    assert "sealed" not in json.dumps(found), "a short secret could be tried out from it"


@pytest.mark.parametrize(
    "change",
    [
        {"env": {"NEW": "1"}},
        {"secrets": {"SECRET_KEY": "another-secret"}},
        {"nginx": {"headers": {"X-New": "1"}}},
        {"workers": [{"name": "queue", "command": "rq worker", "count": 2}]},
        {"source": {"version": "8"}},
        {"state": "absent"},
    ],
    ids=str,
)
def test_a_changed_description_is_carried_out(server, change):
    assert server.plan([{**describe(**{**copy.deepcopy(SHOP), **change})}, BLOG, GONE])["settled"] is False


@pytest.mark.parametrize(
    "variables",
    [
        {"uwsgi_service_secrets_key": "a-key"},
        {"uwsgi_service_allow_rejected": True},
        {"uwsgi_service_releases": {"shop": {"id": "another"}}},
        {"uwsgi_service_apps": [SHOP]},
        {"nginx_site_apps": [SHOP]},
        {"nginx_site_worker_connections": 99},
        {"nginx_site_left_out": {"shop": "it failed"}},
        {"uwsgi_service_left_out": {"shop": "it failed"}},
        {"nginx_site_trusted_proxies": ["192.0.2.1"]},
    ],
    ids=str,
)
def test_a_changed_variable_of_a_later_role_is_carried_out(server, variables):
    assert server.plan(APPS, **variables)["settled"] is False


@pytest.mark.parametrize(
    "change",
    [
        {"instances": {}},
        {"tree": {}},
        {"packages": ["nginx"]},
        {"accounts": ["/srv/flask/shop"]},
        {"services": ["nginx"]},
        {"unwanted": ["/var/cache/nginx/gone"]},
        {"acme": ["shop"]},
        {"files": ["/etc/tmpfiles.d/flaskops-nginx.conf"]},
        {"failures": {"shop": "shop: its directory cannot be read"}},
        {"drained": {"shop": {"192.0.2.7:80": {"since": "now", "who": "me"}}}},
        {"nginx": "1.22.1"},
    ],
    ids=str,
)
def test_a_host_that_lacks_something_is_worked_on(server, change):
    other = copy.deepcopy(server)
    other.look |= change
    assert other.plan(APPS)["settled"] is False


@pytest.mark.parametrize("place", ["taken_up", "kept"])
def test_what_a_run_has_to_tell_is_told(server, place):
    other = copy.deepcopy(server)
    told = {"taken_up": other.look["instances"]["result"], "kept": other.look["tree"]["result"]["files"]}[place]
    told[place] = ["shop"]
    assert other.plan(APPS)["settled"] is False


def test_the_seal_of_another_key_does_not_count():
    server = Server(APPS, uwsgi_service_secrets_key="a-key")
    assert server.plan(APPS, uwsgi_service_secrets_key="a-key")["settled"] is True
    assert server.plan(APPS)["settled"] is False


@pytest.mark.parametrize("role", ["uwsgi_service", "nginx_site"])
def test_the_later_roles_end_where_the_playbooks_say_so(role):
    (block,) = DataLoader().load_from_file(str(COLLECTION / "playbooks/tasks/deploy.yml"), trusted_as_template=True)
    known = {**task_vars(role, flask_apps=[]), **block["vars"]}
    for plan, ends in (({"settled": True}, True), ({"settled": False}, False), (None, False)):
        given = known if plan is None else {**known, "__flask_app_plan": plan}
        assert Templar(DataLoader(), given).template(known[f"__{role}_ends"]) is ends
