# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The playbook rollout in real runs over three servers and two edges, whose modules answer what a test has planned for each server.

The playbook, its tasks and its filters are the real ones; no server can be lost at a planned moment of a real run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]
COLLECTION = "ansible_collections/flaskops/stack"
# The action plugin of all modules: it answers as a test has planned for the server, or as if all went well.
PLANNED = """
import json
import os

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        result, args = super().run(tmp, task_vars), dict(self._task.args)
        action = self._task.action.rpartition(".")[2]
        step = {"site_traffic_info": "after" if "before" in args else "before", "flask_rollback": "rollback", "flask_confirm": "confirm"}.get(action)
        step = step or {"cache_purge": "purge"}.get(action) or args["step"]
        host = self._task.delegate_to or task_vars["inventory_hostname"]
        with open(os.environ["ROLLOUT_LOG"], "a") as file:
            file.write(json.dumps([step, host, args], default=str) + "\\n")
        usual = {
            "deploy": {"changed": True, "switched": ["shop"], "instances": {"shop": {"id": "two"}}, "failures": {}, "notices": [], "taken_up": []},
            "before": {"traffic": {}},
            "after": {"traffic": {}, "worse": {}},
            "rollback": {"instances": {str(args.get("only")): {"id": "one"}}, "failures": {}},
            "confirm": {"confirmed": list(args.get("names", ())), "failures": {}},
        }
        plan = self._templar.template(task_vars.get("plan", {}))
        return {**result, **plan.get(step, usual.get(step, {}))}
"""
# The roles, whose tasks rollout runs by way of playbooks/tasks/deploy.yml.
BUILD = """
- {name: Build, flaskops.stack.planned: {step: build}}
- {name: Say what was built, ansible.builtin.set_fact: {flask_app_releases: {}, flask_app_failures: {}}, tags: always}
"""
SWITCH = """
- name: Switch
  flaskops.stack.planned: {step: deploy}
  register: uwsgi_service_result
  failed_when: uwsgi_service_result is failed and uwsgi_service_result.failures is not defined
"""
SERVE = "- {name: Serve, flaskops.stack.planned: {step: nginx}}\n"
SITES = "{__nginx_site_left_out: '{{ plan.sites | default({}) }}', __nginx_site_asked: {}}\n"
LOST = {"unreachable": True, "msg": "the connection was closed"}
WORSE = {"traffic": {}, "worse": {"shop": "shop: 50 of 60 requests were answered with a server error"}}


def both(**more: t.Any) -> dict[str, t.Any]:
    """Return the result of a switch of two applications."""
    well = {"changed": True, "failures": {}, "notices": [], "taken_up": []}
    return {**well, "switched": ["shop", "blog"], "instances": {"shop": {"id": "two"}, "blog": {"id": "b2"}}, **more}


class Ended(t.NamedTuple):
    """A run that has ended: its status, the steps that it has taken as (step, host, arguments), its last table, and its output."""

    code: int
    steps: list[tuple[str, str, dict[str, t.Any]]]
    table: list[str]
    output: str

    def hosts_of(self, step: str) -> list[str]:
        return sorted({host for taken, host, _args in self.steps if taken == step})

    @property
    def reasons(self) -> str:
        """Return what the last play says."""
        return " ".join(self.output.rpartition("PLAY [Tell how the run has ended]")[2].split())


Rollout = t.Callable[..., Ended]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the collection, whose modules answer as planned."""
    place = tmp_path_factory.mktemp("rollout")
    stack = place / COLLECTION
    for directory in ("plugins", "playbooks", "meta"):
        shutil.copytree(CHECKOUT / directory, stack / directory)
    shutil.copy(CHECKOUT / "galaxy.yml", stack)
    for action in ("site_traffic_info", "flask_rollback", "flask_confirm", "cache_purge", "planned"):
        (stack / f"plugins/action/{action}.py").write_text(PLANNED)
    (stack / "plugins/modules/planned.py").write_text("")
    (stack / "playbooks/tasks/check.yml").write_text("[]\n")
    roles = {
        "flask_app/tasks/build": BUILD,
        "uwsgi_service/tasks/switch": SWITCH,
        "nginx_site/tasks/serve": SERVE,
        "nginx_site/vars/main": SITES,
    }
    for path, text in roles.items():
        file = stack / f"roles/{path}.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (place / "ansible.cfg").write_text(f"[defaults]\ncollections_path = {place}\ncallback_result_format = yaml\nforks = 1\n")
    return place


@pytest.fixture
def rollout(lab: Path, tmp_path: Path) -> Rollout:
    """Return a function that rolls out to three servers, two of them first, as planned for each of them, and returns how that has ended."""

    def rollout(options: dict[str, t.Any] | None = None, **plans: dict[str, t.Any]) -> Ended:
        servers = {name: {"plan": plans.get(name, {})} for name in ("web1", "web2", "web3")}
        groups = {"flask_servers": servers, "flask_edges": {name: {"plan": plans.get(name, {})} for name in ("edge1", "edge2")}}
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False}
        shared = {**local, "flask_apps": [{"name": "shop"}, {"name": "blog"}]}
        children = {name: {"hosts": hosts} for name, hosts in groups.items()}
        (tmp_path / "hosts.json").write_text(json.dumps({"all": {"vars": shared, "children": children}}))
        given = json.dumps({"batches": "2,100%", "soak": 1, **(options or {})})
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "hosts.json", "flaskops.stack.rollout", "-e", given]
        log = tmp_path / "steps.jsonl"
        log.touch()
        environment = {**os.environ, "ANSIBLE_CONFIG": str(lab / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", "ROLLOUT_LOG": str(log)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        steps = [tuple(json.loads(line)) for line in log.read_text().splitlines()]
        # Long lines are broken, and each line of the table begins with a dash.
        table = re.split(r"\n +- ", done.stdout.rpartition("- host ")[2].partition("\n\n")[0])
        rows = [" ".join(line.strip(" '\"").split()) for line in table[1:]]
        return Ended(done.returncode, steps, rows, done.stdout + done.stderr)

    return rollout


def test_a_good_release_is_confirmed_everywhere_and_every_edge_forgets_the_one_before(rollout):
    run = rollout({"edges": ["edge1", "edge2"]})
    assert run.code == 0, run.output
    assert run.hosts_of("confirm") == run.hosts_of("after") == ["web1", "web2", "web3"]
    assert run.hosts_of("purge") == ["edge1", "edge2"]
    assert run.table == [f"web{number} shop switched" for number in (1, 2, 3)]


def test_a_server_that_is_lost_while_it_is_switched_ends_the_run(rollout):
    run = rollout(web2={"deploy": LOST})
    assert run.code != 0
    (back,) = [args for step, host, args in run.steps if step == "rollback"]
    assert (back["only"], back["reject"]) == ("shop", False)
    assert run.hosts_of("deploy") == ["web1", "web2"], "no further server gets the release"
    assert run.table[:2] == ["web1 shop switched, then taken back", "web2 - could not be reached any more while it was deployed"]
    assert "the batch was taken back (shop): web2: it could not be reached any more while it was switched" in run.reasons


def test_a_server_that_is_lost_before_its_switch_is_left_out(rollout):
    run = rollout(web2={"build": LOST})
    assert run.code == 4, run.output
    assert run.hosts_of("confirm") == ["web1", "web3"]
    assert run.table[1] == "web2 - could not be reached any more while it was deployed"


def test_an_application_is_watched_beside_one_that_has_failed(rollout):
    """The message of the run that fails with it is no fault of anything else."""
    gate = both(switched=["shop"], failures={"blog": "blog: the gate got 500"}, failed=True)
    run = rollout(web1={"deploy": both(), "after": WORSE}, web2={"deploy": gate})
    assert "Pausing for" in run.output
    assert run.hosts_of("after") == ["web1", "web2"]
    assert run.table[:4] == [
        "web1 shop switched, then taken back",
        "web1 blog switched, then taken back",
        "web2 shop switched, then taken back",
        "web2 blog failed: blog: the gate got 500",
    ]
    rejected = {(host, args["only"]): args["reject"] for step, host, args in run.steps if step == "rollback"}
    assert rejected == {("web1", "shop"): True, ("web1", "blog"): False, ("web2", "shop"): True}


def test_a_failure_of_a_site_is_one_of_its_application(rollout):
    run = rollout(web2={"sites": {"blog": "blog: its certificate is missing"}})
    assert run.code == 2
    assert run.hosts_of("rollback") == []
    assert run.hosts_of("confirm") == ["web1", "web2"]
    assert "web2 blog failed: blog: its certificate is missing" in run.table
    assert "msg: blog: its certificate is missing" in run.reasons.replace("'", "")


def test_a_fault_of_nginx_is_told_beside_failures_of_applications(rollout):
    """It takes back all that was switched, since no application is to blame for it."""
    gate = both(switched=["shop"], failures={"blog": "blog: the gate got 500"}, failed=True)
    run = rollout(web2={"deploy": gate, "nginx": {"failed": True, "msg": "nginx -t refuses x"}})
    assert run.hosts_of("rollback") == ["web1", "web2"]
    assert {args["reject"] for step, _host, args in run.steps if step == "rollback"} == {False}
    assert "web2 - failed: nginx -t refuses x" in run.table
    assert "nginx -t refuses x" in run.reasons
    assert "blog: the gate got 500" in run.reasons


def test_releases_that_nobody_can_judge_go_back_and_are_not_rejected(rollout):
    run = rollout(web2={"after": {"failed": True, "msg": "an access log cannot be read"}})
    assert run.hosts_of("rollback") == ["web1", "web2"]
    assert {args["reject"] for step, _host, args in run.steps if step == "rollback"} == {False}
    assert "web2: it cannot be told how visitors fare. an access log cannot be read" in run.reasons


def test_a_log_that_cannot_be_read_before_the_switch_ends_the_run_with_a_verdict(rollout):
    run = rollout(web2={"before": {"failed": True, "msg": "an access log cannot be read"}})
    assert run.hosts_of("deploy") == ["web1"]
    assert run.table[:2] == ["web1 shop switched, then taken back", "web2 - failed: an access log cannot be read"]
    assert "an access log cannot be read" in run.reasons


def test_edges_forget_what_was_switched_also_if_the_run_ends_badly(rollout):
    """One application stays, and one has gone back; the edges may have cached answers of both."""
    plan = {"deploy": both()}
    run = rollout(web1=plan, web2=plan, web3={**plan, "after": WORSE}, edge2={"purge": LOST})
    assert run.code == 2
    assert run.table[4:6] == ["web3 shop switched, then taken back", "web3 blog switched"]
    assert {(host, args["only"]) for step, host, args in run.steps if step == "purge"} == {
        (edge, app) for edge in ("edge1", "edge2") for app in ("shop", "blog")
    }
    assert (
        "edge2: the cache could not be purged, and the edge may still have cached answers of the releases before shop, blog" in run.reasons
    )
    assert "the batch was taken back (shop): shop: 50 of 60 requests were answered with a server error" in run.reasons


def test_a_server_that_is_lost_on_its_way_back_changes_nothing_for_the_others(rollout):
    plan = {"deploy": both()}
    run = rollout({"batches": "100%"}, web1={**plan, "after": WORSE, "rollback": LOST}, web2=plan, web3=plan)
    for name in ("web2", "web3"):
        assert f"{name} shop switched, then taken back" in run.table
        assert f"{name} blog switched" in run.table


def test_a_server_that_is_lost_before_it_is_confirmed_takes_nothing_back(rollout):
    run = rollout(web2={"confirm": LOST})
    assert run.hosts_of("rollback") == []
    assert run.hosts_of("deploy") == ["web1", "web2"]
    assert run.table[:2] == [
        "web1 shop switched",
        "web2 shop switched, and goes back by itself if there was a release before: the server could not be reached any more",
    ]
    assert "web2: it could not be reached any more after it was switched" in run.reasons
    assert "taken back" not in run.reasons


def test_what_cannot_go_back_or_be_confirmed_is_told(rollout):
    """A module that could not do its work keeps nobody from the verdict."""
    refused = {"failed": True, "msg": "shop: there is no earlier instance on this host to go back to"}
    run = rollout({"batches": "1,1,100%"}, web2={"after": WORSE, "rollback": refused})
    assert run.table[1] == "web2 shop switched, and could not go back: shop: there is no earlier instance on this host to go back to"
    assert "taken back" not in run.reasons
    run = rollout(web1={"confirm": {"failed": True, "msg": "flask_apps is no list"}})
    assert run.table[0] == "web1 shop switched, and was not confirmed: flask_apps is no list"
    assert "flask_apps is no list" in run.reasons


def test_the_plays_that_are_planned_for_are_those_of_the_playbook():
    """A task of another name in the roles would never be asked here."""
    deploy = yaml.safe_load((CHECKOUT / "playbooks/tasks/deploy.yml").read_text())
    roles = [task["ansible.builtin.import_role"] for task in deploy[0]["block"]]
    assert [(role["name"], role["tasks_from"]) for role in roles] == [
        ("flaskops.stack.flask_app", "build.yml"),
        ("flaskops.stack.uwsgi_service", "switch.yml"),
        ("flaskops.stack.nginx_site", "serve.yml"),
    ]
