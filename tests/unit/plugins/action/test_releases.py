# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The actions flask_release_plan and flask_release: what is looked at, shipped and built."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from pathlib import Path

import pytest
from ansible import constants as C
from ansible.utils.display import Display
from ansible_collections.flaskops.stack.plugins.action import flask_release, flask_release_plan
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.looking_action import OF_SITES
from ansible_collections.flaskops.stack.plugins.plugin_utils.release import constraints
from ansible_collections.flaskops.stack.plugins.plugin_utils.requirements.locked import NOMINAL
from ansible_collections.flaskops.stack.tests.unit.render import action, complete

PYTHON = {"path": "/usr/bin/python3.11", "version": "3.11.2", "tag": "cpython-3.11-linux-x86_64", "markers": NOMINAL}
EMPTY = {"python": PYTHON, "releases": [], "virtualenvs": [], "next": "", "current": ""}


class Host:
    """Answers the modules host_look and flask_release as a host that has what `hosted` says."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.hosted: dict[str, dict] = {}
        self.lacking: list[str] = []
        self.constraints: dict[str, str] = {}
        self.answer: dict = {"changed": True, "failures": {}, "accounts": [], "diff": []}
        self.calls: list[dict] = []
        self.shipped: dict[str, list[str]] = {}

    def __call__(self, name: str, arguments: dict) -> dict:
        if name == "host_look":
            self.calls.append({"mode": "look"})
            hosted = {app["name"]: self.hosted.get(app["name"], EMPTY) for app in arguments["apps"]}
            return {**dict.fromkeys(OF_SITES), "hosted": hosted, "packages": self.lacking, "accounts": [], "failures": {}}
        assert name == "flask_release"
        self.calls.append(arguments)
        if arguments["mode"] == "build":
            inline = json.loads(base64.b64decode(arguments["payload"]))["archives"]
            packed = {name: io.BytesIO(base64.b64decode(text)) for name, text in inline.items()}
            for app, archive in {
                **packed,
                **{name: io.BytesIO(Path(path).read_bytes()) for name, path in arguments["archives"].items()},
            }.items():
                with tarfile.open(fileobj=archive) as tar:
                    self.shipped[app] = tar.getnames()
        return {"constraints": self.constraints, **self.answer}

    def ordered(self, key: str) -> list[dict]:
        return json.loads(base64.b64decode(self.calls[-1]["payload"]))[key]

    def built(self) -> list[dict]:
        return self.ordered("apps")

    @property
    def modes(self) -> list[str]:
        return [call["mode"] for call in self.calls]


@pytest.fixture
def host(tmp_path, monkeypatch) -> Host:
    for name in ("shop", "blog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app.py").write_text("app = 1")
        (tmp_path / name / "requirements.txt").write_text("flask")
    (tmp_path / "tmp").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path / "tmp"))
    return Host(tmp_path)


def app(name: str = "shop", **changes):
    return complete(name=name, **{"source": {"path": name}, "wsgi": "app.py", **changes})


def look(host: Host, *apps, **args) -> dict:
    plugin = action(
        flask_release_plan.ActionModule, "flask_app", {"apps": list(apps), "cache_dir": str(host.place / "cache"), **args}, host
    )
    return plugin.run(task_vars={})


def build(host: Host, *apps, check_mode=False, accounts=()) -> dict:
    """Look, then build what is missing."""
    plan = look(host, *apps)
    args = {"apps": list(apps), "plans": plan["plans"], "missing": plan["missing"], "cache_dir": str(host.place / "cache")}
    args["accounts"] = list(accounts)
    plugin = action(flask_release.ActionModule, "flask_app", args, host, check_mode)
    plugin._make_tmp_path = lambda: str(host.place)
    plugin._remove_tmp_path = lambda _path: None
    plugin._fixup_perms2 = lambda _paths: None
    plugin._transfer_file = lambda local, remote: Path(local).rename(f"{remote}.there").__str__()
    return plugin.run(task_vars={})


def finished(plan: dict, name: str = "shop", **changes) -> dict:
    made = plan["plans"][name]
    return {**EMPTY, "releases": [made["id"]], "virtualenvs": [made["virtualenv_id"]], "next": made["id"], **changes}


# --- look --------------------------------------------------------------------------------------------------------------------


def test_looking_is_one_call_for_all(host):
    plan = look(host, app(), app("blog"))
    assert host.modes == ["look"]
    assert plan["missing"] == ["blog", "shop"]
    assert not plan.get("changed")
    assert plan["releases"]["shop"]["path"] == f"/srv/flask/shop/releases/{plan['plans']['shop']['id']}"


def test_a_host_that_has_everything_misses_nothing(host):
    host.hosted["shop"] = finished(look(host, app()))
    constraints.remember(host.place / "cache", f"shop-{host.hosted['shop']['virtualenvs'][0]}", "")
    found = look(host, app())
    assert (found["missing"], found["plans"]) == ([], {})


def test_nothing_is_planned_before_packages_are_installed(host):
    """The interpreter may be one of them."""
    host.lacking, host.hosted["shop"] = ["python3.12"], {**EMPTY, "python": None}
    shop = app(packages=["python3.12"])
    plan = look(host, shop)
    assert (plan["packages"], plan["plans"], plan["missing"], plan["failures"]) == (["python3.12"], {}, [], {})
    assert "'python3' is not on the host" in look(host, shop, packages_installed=True)["failures"]["shop"]


@pytest.mark.parametrize("lost", [{"releases": []}, {"virtualenvs": []}, {"next": "other"}])
def test_whatever_is_missing_is_missing(host, lost):
    host.hosted["shop"] = finished(look(host, app()), **lost)
    assert look(host, app())["missing"] == ["shop"]


def test_an_interpreter_that_is_not_there_is_told(host):
    host.hosted["shop"] = {**EMPTY, "python": None}
    plan = look(host, app(python="python3.13"), app("blog"))
    assert plan["msg"].startswith("shop.python: 'python3.13' is not on the host; name an interpreter")
    assert (plan["missing"], list(plan["plans"]), list(plan["releases"])) == (["blog"], ["blog"], ["blog"])


def test_an_interpreter_that_cannot_be_used_is_told_with_the_remedy(host):
    host.hosted["shop"] = {**EMPTY, "python": {"problem": "'/opt/python' leads to /opt, which others may change", "remedy": "name another"}}
    message = "shop.python: '/opt/python' leads to /opt, which others may change; name another."
    assert look(host, app(python="/opt/python"))["failures"] == {"shop": message}


def test_prebuilt_code_has_a_release_without_an_id(host):
    plan = look(host, complete(source={"path": None, "prebuilt": "/opt/code", "virtualenv": "/opt/venv"}))
    assert plan["missing"] == []
    assert plan["releases"]["shop"]["path"] == "/opt/code"


def test_what_a_host_resolved_is_learnt_before_another_resolves_it(host):
    host.hosted["shop"] = finished(look(host, app()))
    host.constraints = {"shop": "flask==3.1.3\n"}
    look(host, app())
    assert host.modes == ["look", "look", "constraints"]
    assert constraints.known(host.place / "cache", f"shop-{host.hosted['shop']['virtualenvs'][0]}") == "flask==3.1.3\n"
    look(host, app())
    assert host.modes[3:] == ["look"], "once"


# --- build -------------------------------------------------------------------------------------------------------------------


def test_what_is_missing_is_shipped_and_built(host):
    result = build(host, app(), app("blog"))
    assert host.modes == ["look", "build"]
    assert host.shipped == {"shop": ["app.py", "requirements.txt"], "blog": ["app.py", "requirements.txt"]}
    shop, blog = host.built()
    assert (shop["name"], shop["user"], shop["root"], shop["python"]) == ("shop", "flask-shop", "/srv/flask/shop", PYTHON["path"])
    assert (shop["release"]["requirements"], shop["release"]["callable"], shop["constraints"]) == ("requirements.txt", "app", None)
    assert result["changed"] is True
    assert len(result["made"]) == 6
    assert result["diff"][0]["after"] == f"{shop['release']['id']}\n"
    assert blog["release"]["virtualenv_id"] == shop["release"]["virtualenv_id"]


def test_small_sources_go_along_with_the_order_and_large_ones_as_files(host, monkeypatch):
    build(host, app())
    assert host.calls[-1]["archives"] == {}
    monkeypatch.setattr(flask_release, "_INLINE_BYTES", 10)
    build(host, app("blog"))
    assert list(host.calls[-1]["archives"]) == ["blog"]
    assert host.shipped == {name: ["app.py", "requirements.txt"] for name in ("shop", "blog")}


def test_nothing_missing_makes_no_call(host):
    host.hosted["shop"] = finished(look(host, app()))
    constraints.remember(host.place / "cache", f"shop-{host.hosted['shop']['virtualenvs'][0]}", "")
    host.calls.clear()
    result = build(host, app())
    assert host.modes == ["look"]
    assert (result["changed"], result["made"], result["diff"]) == (False, [], [])


def test_a_release_that_is_there_is_not_shipped(host):
    host.hosted["shop"] = finished(look(host, app()), next="other")
    constraints.remember(host.place / "cache", f"shop-{host.hosted['shop']['virtualenvs'][0]}", "")
    result = build(host, app())
    assert host.shipped == {}
    assert result["made"] == ["/srv/flask/shop/next"]
    assert (result["diff"][0]["before"], host.calls[-1]["archives"]) == ("other\n", {})


def test_a_check_ships_and_builds_nothing(host):
    result = build(host, app(), check_mode=True)
    assert host.modes == ["look"]
    assert result["changed"] is True
    assert [path.rsplit("/", 2)[1] for path in result["made"]] == ["venvs", "releases", "shop"]


def test_variables_for_pip_are_shipped_to_pip_and_build_hooks_and_name_nothing(host):
    plain = look(host, app())
    index = {"PIP_INDEX_URL": "https://me:t0ken-of-the-index@pypi.example.com/simple"}
    wanted = app(build_env=index)
    assert look(host, wanted)["plans"]["shop"]["id"] == plain["plans"]["shop"]["id"]
    build(host, wanted)
    assert (host.built()[0]["build_environment"], host.built()[0]["environment"]) == (index, {})
    build(host, app(build_env=index, env={"A": "b"}, hooks={"build": ["make"]}))
    assert host.built()[0]["environment"] == {"A": "b", **index}
    assert "t0ken" not in str({key: value for key, value in host.calls[-1].items() if key != "payload"})


def test_secrets_are_shipped_only_where_a_hook_needs_them(host):
    build(host, app(secrets={"T": "hunter2"}))
    assert (host.built()[0]["environment"], host.built()[0]["secrets"]) == ({}, [])
    build(host, app(secrets={"T": "hunter2"}, hooks={"build": ["make"]}))
    assert (host.built()[0]["environment"], host.built()[0]["secrets"]) == ({"T": "hunter2"}, ["T"])
    assert "hunter2" not in str({key: value for key, value in host.calls[-1].items() if key != "payload"})


def test_what_one_host_resolved_constrains_the_next(host):
    host.constraints = {"shop": "flask==3.1.3\n"}
    build(host, app())
    assert host.built()[0]["constraints"] is None
    build(host, app())
    assert host.built()[0]["constraints"] == "flask==3.1.3\n"


def test_one_application_does_not_choose_the_versions_of_another(host):
    """Both have the same requirements, and so virtualenvs of the same name."""
    host.constraints = {"shop": "flask==2.2.0\n"}
    build(host, app())
    build(host, app("blog"))
    assert host.built()[0]["constraints"] is None
    build(host, app())
    assert host.built()[0]["constraints"] == "flask==2.2.0\n"


@pytest.mark.parametrize("mode", ["build", "look"])
def test_what_a_host_says_besides_versions_is_a_warning_and_reaches_no_other(host, mode, monkeypatch):
    warnings: list[str] = []
    monkeypatch.setattr(Display, "warning", lambda _display, text, *_more: warnings.append(text))
    host.constraints = {"shop": "--index-url=http://evil.example/simple\n", "blog": "flask==0.1\n"}
    if mode == "build":
        build(host, app())
    else:
        host.hosted["shop"] = finished(look(host, app()))
        look(host, app())
    assert [text.partition(" are not passed on")[0] for text in warnings] == ["None: the versions that shop was built with"]
    host.hosted.clear()
    host.constraints = {}
    build(host, app(), app("blog"))
    assert [built["constraints"] for built in host.built()] == [None, None]


def test_pinned_requirements_need_no_constraints(host):
    (host.place / "shop/requirements.txt").write_text("flask==3 --hash=sha256:0")
    host.constraints = {"shop": "flask==3\n"}
    for _host in range(2):
        build(host, app())
        assert host.built()[0]["constraints"] is None


def test_a_build_that_fails_is_the_message_and_the_others_are_made(host):
    host.answer["failures"] = {"shop": "shop: the release cannot be built: no"}
    result = build(host, app(), app("blog"))
    assert (result["failed"], result["msg"]) == (True, "shop: the release cannot be built: no")
    assert [path.split("/")[3] for path in result["made"]] == ["blog"] * 3
    assert len(result["diff"]) == 1


def test_an_application_that_failed_before_is_neither_planned_nor_built(host):
    plan = look(host, app(), app("blog"), left_out={"shop": "shop: no source"})
    assert ("failed" in plan, plan["failures"], plan["missing"]) == (False, {"shop": "shop: no source"}, ["blog"])


def test_a_source_that_is_gone_keeps_no_other_from_being_planned(host):
    (host.place / "shop/app.py").unlink()
    plan = look(host, app(), app("blog"))
    assert plan["msg"].startswith("shop.wsgi: 'app.py' is not in the source")
    assert plan["missing"] == ["blog"]


def test_code_that_changes_during_a_run_is_not_shipped_under_another_name(host):
    plan = look(host, app(), app("blog"))
    (host.place / "shop/app.py").write_text("app = 2")

    def changed(*apps):
        args = {"apps": list(apps), "plans": plan["plans"], "missing": [each["name"] for each in apps]}
        args["cache_dir"] = str(host.place / "cache")
        plugin = action(flask_release.ActionModule, "flask_app", args, host)
        plugin._make_tmp_path = lambda: str(host.place)
        return plugin.run(task_vars={})

    result = changed(app())
    assert result["msg"] == "shop.source: the source changed while the run was under way; run it again."
    assert host.modes == ["look"]
    assert changed(app(), app("blog"))["msg"] == result["msg"]
    assert [built["name"] for built in host.built()] == ["blog"]


# --- accounts ----------------------------------------------------------------------------------------------------------------

DECLARATION = "/etc/sysusers.d/flask-shop.conf"
MADE = {"accounts": [DECLARATION], "diff": [{"before": "", "after": "u", "before_header": DECLARATION, "after_header": DECLARATION}]}


def test_accounts_are_made_in_the_call_that_builds(host):
    host.answer.update(MADE)
    done = build(host, app(), app("gone", state="absent"), accounts=[DECLARATION])
    assert host.modes == ["look", "build"]
    assert [account["name"] for account in host.ordered("accounts")] == ["shop"]
    assert (done["accounts"], done["diff"][:1], len(done["diff"])) == (MADE["accounts"], MADE["diff"], 2)


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_host_that_lacks_only_accounts_gets_them(host, check_mode):
    host.hosted["shop"] = finished(look(host, app()))
    constraints.remember(host.place / "cache", f"shop-{host.hosted['shop']['virtualenvs'][0]}", "")
    host.answer.update(MADE)
    done = build(host, app(), accounts=[DECLARATION], check_mode=check_mode)
    assert host.modes[-1] == "build"
    assert host.built() == []
    assert done["changed"]
    assert (done["made"], done["accounts"], done["diff"]) == ([], MADE["accounts"], MADE["diff"])


def test_check_mode_asks_for_accounts_and_ships_no_source(host):
    host.answer.update(MADE)
    done = build(host, app(), accounts=[DECLARATION], check_mode=True)
    assert (host.built(), host.shipped) == ([], {})
    assert len(done["made"]) == 3
    assert done["accounts"] == MADE["accounts"]


def test_nothing_is_asked_of_a_host_that_lacks_nothing(host):
    host.hosted["shop"] = finished(look(host, app()))
    constraints.remember(host.place / "cache", f"shop-{host.hosted['shop']['virtualenvs'][0]}", "")
    done = build(host, app())
    assert "build" not in host.modes
    assert not done["changed"]
