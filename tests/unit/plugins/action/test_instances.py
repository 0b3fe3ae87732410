# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The actions check_apps, uwsgi_instance and flask_rollback: what is asked of the host, in which order, and what of it is secret."""

from __future__ import annotations

import base64
import json

import pytest
from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible_collections.flaskops.stack.plugins.action import check_apps, flask_rollback, uwsgi_instance
from ansible_collections.flaskops.stack.tests.unit.render import RELEASE, action, complete, describe, task_vars

BUILT = {"shop": RELEASE, "blog": RELEASE}


class Host:
    """Answers the calls of the module uwsgi_instance; `calls` has mode and order of each."""

    def __init__(self, **answers) -> None:
        self.answers = {"apply": {"changed": True, "notices": []}, "migrate": {"changed": True}, **answers}
        self.calls: list[tuple[str, dict]] = []

    def __call__(self, name: str, arguments: dict) -> dict:
        assert name == "uwsgi_instance"
        self.calls.append((arguments["mode"], json.loads(base64.b64decode(arguments["order"]))))
        return dict(self.answers[arguments["mode"]])

    @property
    def modes(self) -> list[str]:
        return [mode for mode, _order in self.calls]


def deploy(host: Host, *apps, check_mode=False, **args) -> dict:
    plugin = action(uwsgi_instance.ActionModule, "uwsgi_service", {"apps": list(apps), "releases": BUILT, **args}, host, check_mode)
    return plugin.run(task_vars=task_vars("uwsgi_service", flask_apps=[]))


@pytest.fixture(autouse=True)
def _local_tmp(tmp_path, monkeypatch):
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path))


def test_one_call_for_all_applications():
    host = Host()
    assert deploy(host, complete(), complete(name="blog"))["changed"] is True
    ((mode, order),) = host.calls
    assert mode == "apply"
    assert [app["name"] for app in order["apps"]] == ["shop", "blog"]
    assert order["who"].count("@") == 1


def test_applications_that_go_away_are_in_the_same_call():
    host = Host()
    deploy(host, complete(), complete(name="blog", state="absent", purge=True))
    ((_mode, order),) = host.calls
    assert [app["name"] for app in order["apps"]] == ["shop"]
    assert [(account["name"], account["web_group"]) for account in order["accounts"]] == [("shop", "www-data")]
    (gone,) = order["absent"]
    assert (gone["name"], gone["purge"], gone["user"]) == ("blog", True, "flask-blog")


def test_a_release_that_this_run_did_not_build_is_asked_for():
    host = Host(last_built={"releases": {"blog": {**RELEASE, "id": "asked"}}})
    deploy(host, complete(), complete(name="blog"), releases={"shop": RELEASE})
    assert host.calls[0] == ("last_built", {"apps": [{"name": "blog", "root": "/srv/flask/blog"}]})
    assert [app["release"]["id"] for app in host.calls[1][1]["apps"]] == [RELEASE["id"], "asked"]


def test_prebuilt_code_is_not_asked_for():
    host = Host()
    app = complete(source={"path": None, "prebuilt": "/opt/code", "virtualenv": "/opt/venv", "version": "7"})
    deploy(host, app, releases={})
    ((_mode, order),) = host.calls
    assert order["apps"][0]["release"] == {
        "id": "",
        "path": "/opt/code",
        "virtualenv_path": "/opt/venv",
        "callable": "",
        "revision": "7",
        "imports": "",
    }


def test_what_the_host_refuses_is_the_message():
    with pytest.raises(AnsibleActionFail, match="^shop: the candidate exited$"):
        deploy(Host(apply={"failed": True, "msg": "shop: the candidate exited"}), complete())
    with pytest.raises(
        AnsibleActionFail, match="^The module uwsgi_instance ended with 127 on the host before it had an answer:\nno such module$"
    ):
        deploy(Host(apply={"failed": True, "module_stderr": "no such module", "rc": 127}), complete())


def test_a_crash_that_comes_as_a_text_is_told_by_its_last_lines():
    trace = 'Traceback (most recent call last):\n  File "/tmp/x.py", line 3, in <module>\n    main()\nValueError: first line\nsecond line\n'
    with pytest.raises(AnsibleActionFail, match="^The module uwsgi_instance crashed on the host: ValueError: first line\nsecond line. Run"):
        deploy(Host(apply={"failed": True, "exception": trace}), complete())


def test_nothing_of_the_call_is_shown():
    result = deploy(
        Host(apply={"changed": True, "notices": [], "invocation": {"module_args": "hunter2"}}), complete(secrets={"T": "hunter2"})
    )
    assert "hunter2" not in str(result)


def test_notices_are_warnings(capsys):
    deploy(Host(apply={"changed": False, "notices": ["shop: r2 was rolled back"]}), complete())
    assert "shop: r2 was rolled back" in capsys.readouterr().err.replace("\n", " ")


# --- migrations --------------------------------------------------------------------------------------------------------------

MIGRATING = {"hooks": {"migrate": ["flask db upgrade"]}}


def test_a_new_release_is_migrated_before_the_switch():
    host = Host(new_releases={"new": ["shop"]})
    deploy(host, complete(**MIGRATING), complete(name="blog"))
    assert host.modes == ["new_releases", "migrate", "apply"]
    assert [app["name"] for app in host.calls[1][1]["apps"]] == ["shop"]


def test_a_known_release_is_not_migrated():
    host = Host(new_releases={"new": []})
    deploy(host, complete(**MIGRATING))
    assert host.modes == ["new_releases", "apply"]


def test_a_second_host_does_not_migrate_again():
    first, second = Host(new_releases={"new": ["shop"]}), Host(new_releases={"new": ["shop"]})
    for host in (first, second):
        deploy(host, complete(**MIGRATING))
    assert first.modes == ["new_releases", "migrate", "apply"]
    assert second.modes == ["new_releases", "apply"]


def test_another_environment_migrates_its_own():
    hosts = [Host(new_releases={"new": ["shop"]}) for _number in range(2)]
    for number, host in enumerate(hosts):
        deploy(host, complete(**MIGRATING, env={"DATABASE": f"db{number}"}))
    assert hosts[1].modes == ["new_releases", "migrate", "apply"]


def test_a_migration_that_fails_ends_the_run():
    host = Host(new_releases={"new": ["shop"]}, migrate={"failed": True, "msg": "shop: the migrate hook failed"})
    with pytest.raises(AnsibleActionFail, match="the migrate hook failed"):
        deploy(host, complete(**MIGRATING))
    assert host.modes == ["new_releases", "migrate"]
    with pytest.raises(AnsibleActionFail):
        deploy(host, complete(**MIGRATING))
    assert host.modes == ["new_releases", "migrate"] * 2, "it is not remembered as done"


def test_a_check_migrates_nothing():
    host = Host()
    deploy(host, complete(**MIGRATING), check_mode=True)
    assert host.modes == ["apply"]


# --- what hooks are given ------------------------------------------------------------------------------------------------------

ENVIRONMENT = {"env": {"MODE": "live"}, "secrets": {"TOKEN": "hunter2"}}
WHOLE = {"MODE": "live", "TOKEN": "hunter2"}


@pytest.mark.parametrize(
    ("hooks", "check_mode", "sent"),
    [
        ({}, False, [("apply", {})]),
        ({"build": ["make"]}, False, [("apply", {})]),
        ({"migrate": ["migrate"]}, False, [("new_releases", {}), ("migrate", WHOLE), ("apply", {})]),
        ({"after_switch": ["warm"]}, False, [("apply", WHOLE)]),
        ({"after_switch": ["warm"]}, True, [("apply", {})]),
    ],
)
def test_the_environment_is_sent_where_a_hook_of_the_call_needs_it(hooks, check_mode, sent):
    host = Host(new_releases={"new": ["shop"]})
    deploy(host, complete(**ENVIRONMENT, hooks=hooks), complete(name="blog", **ENVIRONMENT), check_mode=check_mode)
    assert [(mode, order["apps"][0]["environment"]) for mode, order in host.calls] == sent
    assert host.calls[-1][1]["apps"][1]["environment"] == {}, "the neighbour has no hooks"


def test_going_back_runs_no_hooks_and_sends_no_environment():
    host = Host(rollback={"changed": True})
    app = complete(**ENVIRONMENT, hooks={"migrate": ["migrate"], "after_switch": ["warm"]})
    action(flask_rollback.ActionModule, "uwsgi_service", {"apps": [app]}, host).run(task_vars={})
    assert "hunter2" not in json.dumps(host.calls)


# --- roll back ---------------------------------------------------------------------------------------------------------------


def test_going_back_is_one_call():
    host = Host(rollback={"changed": True})
    plugin = action(flask_rollback.ActionModule, "uwsgi_service", {"apps": [complete(secrets={"T": "x"})], "release": "r1"}, host)
    assert plugin.run(task_vars={})["changed"] is True
    ((mode, order),) = host.calls
    assert (mode, order["release"], order["apps"][0]["name"]) == ("rollback", "r1", "shop")


# --- check -------------------------------------------------------------------------------------------------------------------


def check(apps, **args):
    plugin = action(
        check_apps.ActionModule,
        "flask_app",
        {"apps": apps, "variable": "flask_app_apps", **args},
        lambda *_call: pytest.fail("no connection is made"),
    )
    return plugin.run(task_vars={})


def test_a_good_description_changes_nothing():
    assert check([describe()])["changed"] is False
    assert check([{"name": "shop"}], require=[])["changed"] is False


def test_a_bad_description_ends_the_run():
    with pytest.raises(
        AnsibleActionFail, match=r"^shop.colour is not a key of the description; [^\n]*\.\nflask_app_apps\[1\]\.name is missing; [^\n]*\.$"
    ):
        check([describe(colour="red"), {**describe(), "name": None}])


def test_a_source_that_is_not_there_ends_the_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AnsibleActionFail, match="^shop.source.path: 'shop' does not exist"):
        check([describe()], cache_dir=str(tmp_path))
    (tmp_path / "shop").mkdir()
    check([describe()], cache_dir=str(tmp_path))


def test_what_is_known_to_hurt_is_warned_of(capsys):
    check([describe(nginx={"routes": [{"path": "/", "mode": "cache", "preset": "seed"}]})])
    assert "preset: seed" in capsys.readouterr().err.replace("\n", " ")
