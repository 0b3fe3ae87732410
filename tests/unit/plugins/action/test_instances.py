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

MIGRATING = {"hooks": {"migrate": ["flask db upgrade"]}}
BUILT = {"shop": RELEASE, "blog": RELEASE}


class Host:
    """Answers the calls of the module uwsgi_instance; `calls` has mode and order of each."""

    def __init__(self, **answers) -> None:
        self.answers = {"apply": {"changed": True, "notices": []}, "migrate": {"changed": True}, **answers}
        self.calls: list[tuple[str, dict]] = []

    def __call__(self, name: str, arguments: dict) -> dict:
        assert name == "uwsgi_instance"
        self.calls.append((arguments["mode"], json.loads(base64.b64decode(arguments["order"]))))
        return {"failures": {}, **self.answers[arguments["mode"]]}

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


# --- applications that fail ----------------------------------------------------------------------------------------------------


def test_an_application_that_fails_on_the_host_fails_the_task_with_its_message():
    instances = {"shop": {"id": "two", "switched": True}, "blog": {"id": "one", "switched": False}}
    host = Host(apply={"changed": True, "notices": [], "instances": instances, "failures": {"blog": "blog: the candidate exited"}})
    result = deploy(host, complete(), complete(name="blog"))
    assert (result["failed"], result["msg"], result["changed"]) == (True, "blog: the candidate exited", True)
    assert result["instances"] == instances


def test_applications_that_failed_before_are_not_sent_and_fail_no_task_again():
    host = Host()
    result = deploy(host, complete(), complete(name="blog"), left_out={"blog": "blog: no source"})
    ((_mode, order),) = host.calls
    assert [app["name"] for app in order["apps"]] == ["shop"]
    assert [account["name"] for account in order["accounts"]] == ["shop"]
    assert ("failed" in result, result["failures"]) == (False, {"blog": "blog: no source"})


def test_an_application_without_a_release_keeps_no_other_from_the_switch():
    host = Host(last_built={"releases": {}, "failures": {"blog": "blog: no release stands in /srv/flask/blog"}})
    result = deploy(host, complete(), complete(name="blog"), releases={"shop": RELEASE})
    assert [app["name"] for app in host.calls[-1][1]["apps"]] == ["shop"]
    assert result["msg"] == "blog: no release stands in /srv/flask/blog"


def test_a_template_that_cannot_be_rendered_keeps_no_other_application_from_the_switch(tmp_path):
    (tmp_path / "own.j2").write_text("{{ nobody_defines_this }}")
    host = Host()
    result = deploy(host, complete(name="blog", uwsgi={"template": str(tmp_path / "own.j2")}), complete())
    assert [app["name"] for app in host.calls[-1][1]["apps"]] == ["shop"]
    assert result["msg"].startswith("blog.uwsgi.template: cannot render")


def test_what_has_failed_is_told_where_the_host_can_do_nothing_at_all():
    host = Host(last_built={"releases": {}, "failures": {"blog": "blog: no release"}}, apply={"failed": True, "msg": "another run changes"})
    with pytest.raises(AnsibleActionFail, match="^blog: no release\nanother run changes$"):
        deploy(host, complete(), complete(name="blog"), releases={"shop": RELEASE})


# --- an order that would change nothing -----------------------------------------------------------------------------------------


def digest_of(*apps, **args) -> str:
    """Return the name that the controller gives to an order."""
    host = Host(new_releases={"new": []})
    deploy(host, *apps, **args)
    return host.calls[-1][1]["digest"]


def test_an_order_that_the_host_has_settled_needs_no_call():
    host, done = Host(), {"changed": False, "instances": {"shop": {"id": "one", "switched": False}}, "notices": [], "failures": {}}
    result = deploy(host, complete(**MIGRATING), settled={"digest": digest_of(complete(**MIGRATING)), "result": done})
    assert host.calls == []
    assert (result["changed"], result["instances"], result["failures"]) == (False, done["instances"], {})
    # A host that somebody else rules has kept the digest, too.
    hostile = {**done, "add_host": {"host_name": "localhost"}}
    result = deploy(host, complete(**MIGRATING), settled={"digest": digest_of(complete(**MIGRATING)), "result": hostile})
    assert (host.calls, "add_host" in result) == ([], False)


def test_another_order_than_the_settled_one_is_sent():
    host = Host()
    deploy(host, complete(), settled={"digest": digest_of(complete(keep_releases=7)), "result": {}})
    deploy(host, complete(), settled={})
    assert host.modes == ["apply", "apply"]


@pytest.mark.parametrize(
    "other",
    [
        {"env": {"A": "b"}},
        {"secrets": {"TOKEN": "hunter3"}},
        {"keep_releases": 7},
        {"health": {"timeout": 99}},
        {"hooks": {"after_switch": ["true"]}},
        {"user": "somebody"},
    ],
)
def test_all_that_an_application_is_decides_the_name_of_the_order(other):
    assert digest_of(complete(secrets={"TOKEN": "hunter2"})) != digest_of(complete(**{"secrets": {"TOKEN": "hunter2"}, **other}))


def test_the_name_of_an_order_is_the_same_for_everybody_and_names_every_application():
    assert digest_of(complete()) == digest_of(complete(), trial=60, lock_timeout=3)
    assert digest_of(complete()) != digest_of(complete(), complete(name="blog", state="absent"))
    assert digest_of(complete()) != digest_of(complete(), allow_rejected=True)


def test_an_order_of_which_something_failed_has_no_name():
    host = Host(last_built={"releases": {}, "failures": {"blog": "blog: no release"}})
    deploy(host, complete(), complete(name="blog"), releases={"shop": RELEASE})
    assert host.calls[-1][1]["digest"] == ""
    host = Host(new_releases={"new": ["shop"]}, migrate={"failures": {"shop": "shop: the migration failed"}})
    deploy(host, complete(**MIGRATING), complete(name="blog"))
    assert host.calls[-1][1]["digest"] == ""


# --- migrations --------------------------------------------------------------------------------------------------------------


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


def test_a_migration_that_fails_keeps_its_application_alone_from_the_switch():
    answers = {"new_releases": {"new": ["shop"]}, "migrate": {"failures": {"shop": "shop: the migrate hook failed"}}}
    host = Host(**answers)
    result = deploy(host, complete(**MIGRATING), complete(name="blog"))
    assert (result["failed"], result["msg"]) == (True, "shop: the migrate hook failed")
    assert host.modes == ["new_releases", "migrate", "apply"]
    order = host.calls[-1][1]
    assert [app["name"] for app in order["apps"]] == [app["name"] for app in order["accounts"]] == ["blog"]
    again = Host(**answers)
    deploy(again, complete(**MIGRATING), complete(name="blog"))
    assert again.modes == host.modes, "the migration is not remembered as done"


def test_an_application_of_which_nobody_can_say_what_is_live_is_not_migrated():
    host = Host(new_releases={"new": [], "failures": {"shop": "shop: its record is damaged"}})
    result = deploy(host, complete(**MIGRATING), complete(name="blog"))
    assert result["failures"] == {"shop": "shop: its record is damaged"}
    assert host.modes == ["new_releases", "apply"]
    assert [app["name"] for app in host.calls[-1][1]["apps"]] == ["blog"]


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
    host = Host(rollback={"changed": True, "notices": []})
    app = complete(**ENVIRONMENT, hooks={"migrate": ["migrate"], "after_switch": ["warm"]})
    action(flask_rollback.ActionModule, "uwsgi_service", {"apps": [app]}, host).run(task_vars={})
    assert "hunter2" not in json.dumps(host.calls)


# --- roll back ---------------------------------------------------------------------------------------------------------------


def test_going_back_is_one_call():
    host = Host(rollback={"changed": True, "notices": []})
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


def test_a_source_that_is_not_there_is_the_failure_of_its_application(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "blog").mkdir()
    result = check([describe(), describe(name="blog", source={"path": "blog"})], cache_dir=str(tmp_path))
    assert list(result["failures"]) == ["shop"]
    assert result["failed"]
    assert result["msg"].startswith("shop.source.path: 'shop' does not exist")
    (tmp_path / "shop").mkdir()
    result = check([describe()], cache_dir=str(tmp_path))
    assert ("failed" in result, result["failures"]) == (False, {})


def test_what_is_known_to_hurt_is_warned_of(capsys):
    check([describe(nginx={"routes": [{"path": "/", "mode": "cache", "preset": "seed"}]})])
    assert "preset: seed" in capsys.readouterr().err.replace("\n", " ")
