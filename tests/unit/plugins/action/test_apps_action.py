# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every action takes the applications as the user wrote them, or from the variable that it names, and resolves them once."""

from __future__ import annotations

import pytest
from ansible._internal._templating._utils import Omit
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.flaskops.stack.plugins.action import (
    cache_purge,
    check_apps,
    flask_command,
    flask_logs_info,
    flask_rollback,
    host_look,
    site_backends,
    site_probe,
    site_traffic_info,
    uwsgi_info,
)
from ansible_collections.flaskops.stack.plugins.modules.site_probe import ARGUMENT_SPEC
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.looking_action import OF_SITES
from ansible_collections.flaskops.stack.tests.unit.render import action, describe

SHOP, BLOG, GONE = describe(), describe(name="blog"), describe(name="gone", state="absent")


def run(plugin, args, task_vars=None, failures=None):
    """Return what the module on the host is asked, and the task's result.

    :param failures: what the module says failed
    """
    asked = {}

    def answer(_name, arguments):
        asked.update(arguments)
        apps = {app["name"]: {"live": "", "problems": []} for app in arguments.get("apps", [])}
        return {"apps": apps, "failures": failures or {}, "notices": []}

    result = action(plugin.ActionModule, "flask_app", args, answer).run(task_vars=task_vars or {})
    return asked, result


@pytest.mark.parametrize("plugin", [uwsgi_info, site_probe, cache_purge, flask_rollback])
@pytest.mark.parametrize(
    ("args", "task_vars"),
    [({"apps": [SHOP, BLOG]}, {}), ({}, {"flask_apps": [SHOP, BLOG]}), ({"variable": "mine"}, {"mine": [SHOP, BLOG]})],
)
def test_applications_come_as_an_argument_or_from_a_variable(plugin, args, task_vars):
    asked, _result = run(plugin, args, task_vars)
    assert asked


@pytest.mark.parametrize("plugin", [uwsgi_info, site_probe, cache_purge, flask_rollback])
def test_bad_input_is_one_message_with_the_name_of_the_variable(plugin):
    with pytest.raises(AnsibleActionFail, match="^mine is 'shop', but must be a list of applications"):
        run(plugin, {"apps": "shop", "variable": "mine"})
    with pytest.raises(AnsibleActionFail, match="^flask_apps is not defined; write the list"):
        run(plugin, {})


def test_a_host_is_asked_for_what_is_to_be_there():
    asked, result = run(uwsgi_info, {"apps": [SHOP, GONE]})
    assert [app["name"] for app in asked["apps"]] == ["shop"]
    assert "secrets" not in str(asked)
    assert result["apps"]["shop"] == {"live": "", "problems": [], "user": "flask-shop", "web_group": "www-data"}


def look(arguments: dict, lacking: list[str], nginx: str = "1.22.1") -> tuple[dict, dict]:
    """Return what a module on a host that lacks some packages was asked, and the result of the action."""
    sent = []
    nothing = dict.fromkeys(OF_SITES)

    def answer(_name: str, asked: dict) -> dict:
        sent.append(asked)
        return {
            **nothing,
            "certificates": [],
            "acme": [],
            "packages": [name for name in asked["packages"] if name in lacking],
            "nginx": nginx,
            "hosted": {},
            "failures": {},
        }

    result = action(host_look.ActionModule, "flask_app", arguments, answer).run(task_vars={})
    return sent[0], result


def test_packages_that_a_host_lacks_are_told_by_application():
    apps = [describe(packages=["libpq5", "there"]), describe(name="blog", packages=["there"]), describe(name="wiki", packages=["gcc"])]
    _asked, result = look({"apps": apps, "left_out": {"wiki": "no"}}, ["gcc", "libpq5"])
    assert (result["packages_of"], result["packages"]) == ({"shop": ["libpq5"]}, ["libpq5"])
    assert "sites" not in result


def test_one_look_serves_two_roles_and_tells_apart_what_each_lacks():
    sites = {"services": ["nginx"], "apps": [SHOP]}
    asked, result = look({"apps": [describe(packages=["libpq5"])], "sites": sites}, ["libpq5", "nginx"])
    assert asked["packages"] == ["libpq5", "logrotate", "nginx", "python3-venv"]
    assert (result["packages"], result["sites"]["packages"], result["sites"]["nginx"]) == (["libpq5"], ["nginx"], "1.22.1")
    # The module takes what it is sent.
    assert set(asked) <= {"apps", "packages", "services", "certificates", "instances", "listen", "names", "files", "unwanted"}


@pytest.mark.parametrize(("nginx", "failed"), [("1.22.1", True), ("1.24.0", True), ("1.25", False), ("1.26.3", False), ("", False)])
def test_an_application_that_wants_http3_fails_alone_where_nginx_has_none(nginx, failed):
    tls = {"self_signed": True, "http3": True}
    apps = [SHOP, *(describe(name=name, nginx={"server_names": [f"{name}.test"], "tls": tls}) for name in ("blog", "wiki"))]
    _asked, result = look({"sites": {"apps": apps}, "left_out": {"wiki": "no"}}, [], nginx)
    assert list(result["failures"]) == (["wiki", "blog"] if failed else ["wiki"])
    assert result.get("failed", False) is failed
    if failed:
        assert f"nginx.tls.http3 is true, but nginx {nginx} of this host has no HTTP/3" in result["msg"]


@pytest.mark.parametrize("plugin", [cache_purge, flask_rollback])
def test_an_operator_names_an_application_or_all_of_them(plugin):
    for only in ("shop", "all"):
        assert run(plugin, {"apps": [SHOP, BLOG], "only": only})[0]
    with pytest.raises(
        AnsibleActionFail, match="^app is 'shpo', but must name an application; write -e app=NAME with one of shop, blog, or"
    ):
        run(plugin, {"apps": [SHOP, BLOG], "only": "shpo"})


def test_caches_are_purged_where_the_description_says_they_lie():
    asked, _result = run(cache_purge, {"apps": [SHOP, BLOG], "only": "blog", "urls": ["blog/x"]})
    place = {"name": "blog", "directory": "/var/cache/nginx/blog"}
    assert asked == {"caches": [place], "urls": ["blog/x"]}


def test_the_module_on_the_host_takes_the_sites_that_it_is_asked_about():
    pair = {"nginx": {"server_names": ["shop.test"], "prefix": "/shop", "tls": {"self_signed": True}}}
    asked, _result = run(site_probe, {"apps": [SHOP, describe(name="pair", **pair)]})
    assert not ArgumentSpecValidator(ARGUMENT_SPEC).validate(asked).error_messages


def test_what_a_probe_saw_is_a_result_also_where_a_route_fails():
    answer = {"failed": True, "msg": "shop: plain route / answered 502", "checks": [{"ok": False}]}
    assert action(site_probe.ActionModule, "flask_app", {"apps": [SHOP]}, lambda *_: answer).run(task_vars={}) == answer


def test_an_answer_of_a_host_comes_without_characters_that_a_terminal_obeys():
    """A host that somebody else rules has not cleaned it."""
    answer = {"failed": True, "msg": "\x1b[2Jshop\u202e", "checks": [{"says": "\x9b31m"}], "diff": [{"before": "\x1bc"}]}
    result = action(site_probe.ActionModule, "flask_app", {"apps": [SHOP]}, lambda *_: answer).run(task_vars={})
    assert result == {"failed": True, "msg": "\\x1b[2Jshop\\u202e", "checks": [{"says": "\\x9b31m"}], "diff": [{"before": "\\x1bc"}]}


@pytest.mark.parametrize("plugin", [cache_purge, flask_rollback])
def test_what_an_operator_does_fails_at_its_end_with_each_message_once(plugin):
    _asked, result = run(plugin, {"apps": [SHOP, BLOG], "only": "all"}, failures={"blog": "blog: no", "shop": "shop: neither"})
    assert (result["failed"], result["msg"]) == (True, "blog: no\nshop: neither")


@pytest.mark.parametrize("plugin", [uwsgi_info, site_probe, cache_purge])
def test_nothing_is_done_about_applications_that_failed_before(plugin):
    asked, result = run(plugin, {"apps": [SHOP, BLOG], "left_out": {"blog": "blog: no"}})
    assert "blog" not in str(asked)
    assert "failed" not in result, "another task has failed for it already"


@pytest.mark.parametrize(
    ("apps", "line"),
    [
        ({"name": "shop"}, "flask_apps is a mapping, but must be a list of applications; write one item a line with a dash."),
        ("", "flask_apps is '', but must be a list of applications; write one item a line with a dash."),
        ([SHOP, "blog"], "flask_apps[1] is 'blog', but must be a mapping; write {key: value} or one key a line."),
    ],
)
def test_what_is_no_list_of_mappings_is_refused_before_the_specification_of_a_role(apps, line):
    # The first task of the playbooks edge, drain, metrics and firewall, which resolve descriptions later.
    with pytest.raises(AnsibleActionFail) as refused:
        run(check_apps, {"variable": "flask_apps", "require": []}, {"flask_apps": apps})
    assert str(refused.value) == line


def described(**keys):
    """Return the description of an application as the inventory gives it, with templates that are trusted."""
    return {"name": "shop", "source": {"path": "shop"}, "wsgi": "app.py", **{key: trust_as_template(value) for key, value in keys.items()}}


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ lookup('file', '/nowhere') }}", "Unable to access the file '/nowhere'"),
        ("{{ 'a' | no_such_filter }}", "No filter named 'no_such_filter'"),
        ("{{ a", "unexpected end of template"),
        ("{{ nobody_defines_this | default(1 / 0) }}", "division by zero"),
    ],
)
def test_a_value_that_cannot_be_evaluated_is_named_with_application_and_key(template, says):
    apps = [{**describe(name="blog"), "env": {"GOOD": "a"}}, {**described(), "env": {"BAD": trust_as_template(template)}}]
    with pytest.raises(AnsibleActionFail) as refused:
        run(uwsgi_info, {}, {"flask_apps": apps})
    first, line, last = str(refused.value).splitlines()
    assert first == "flask_apps has values that cannot be evaluated:"
    assert line.startswith("shop.env.BAD: ")
    assert says in line
    assert last == "Correct them, or what they refer to, in the inventory."


def test_a_key_that_is_omitted_has_its_default():
    omitted = "{{ nobody_defines_this | default(omit) }}"
    app = {
        **described(python=omitted, keep_releases=omitted),
        "env": {"A": trust_as_template(omitted), "B": "b"},
        "packages": [trust_as_template(omitted)],
    }
    asked, _result = run(uwsgi_info, {}, {"flask_apps": [app], "omit": Omit})
    assert [sent["name"] for sent in asked["apps"]] == ["shop"]
    # Inside of a template the values come one by one.
    templar = Templar(loader=DataLoader(), variables={"apps": [app], "omit": Omit})
    (complete,) = templar.template(trust_as_template("{{ apps | flaskops.stack.resolve_apps }}"))
    assert (complete["python"], complete["keep_releases"], complete["env"]) == ("python3", 3, {"B": "b"})


@pytest.mark.parametrize(
    ("plugin", "given", "line"),
    [
        (flask_logs_info, {"lines": "abc"}, "lines is 'abc', but must be a whole number; write digits without a unit."),
        (flask_logs_info, {"lines": ""}, "lines is '', but must be a whole number; write digits without a unit."),
        (
            flask_logs_info,
            {"since": ["a"]},
            "since is ['a'], but must be text; write a string, in quotes where YAML would read it otherwise.",
        ),
        (flask_command, {"command": ["flask", "routes"]}, "command is ['flask', 'routes'], but must be text; write a string,"),
        (flask_command, {"command": "true", "host_count": "two"}, "host_count is 'two', but must be one of one, all; write one of them."),
        (
            flask_command,
            {"command": "true", "time_limit": "5m"},
            "time_limit is '5m', but must be a whole number; write digits without a unit.",
        ),
        (site_backends, {"backend": "app1", "state": "on"}, "state is 'on', but must be one of drain, restore; write one of them."),
        (flask_rollback, {"lock_timeout": "1.5"}, "lock_timeout is '1.5', but must be a whole number; write digits without a unit."),
        (cache_purge, {"urls": ["/api"]}, "url is '/api', but must be a host and a path; write -e url=shop.example.com/api, for example."),
        (cache_purge, {"urls": [""]}, "url is '', but must be a host and a path; write -e url=shop.example.com/api, for example."),
    ],
)
def test_a_wrong_value_of_a_playbook_is_refused_with_the_remedy(plugin, given, line):
    with pytest.raises(AnsibleActionFail) as refused:
        run(plugin, {"apps": [SHOP], "only": "shop", **given})
    assert str(refused.value).startswith(line)


def test_a_value_of_a_playbook_that_is_null_is_the_default():
    asked, _result = run(flask_logs_info, {"apps": [SHOP], "only": "shop", "lines": None, "since": None})
    assert asked["lines"] == 200


def test_the_traffic_of_a_site_that_logs_no_more_is_not_counted():
    """Its log of before would end with the last change, as if nobody came any more."""
    quiet = describe(name="quiet", nginx={"server_names": ["quiet.example.com"], "log": "off"})
    asked, _result = run(site_traffic_info, {"apps": [SHOP, quiet], "seconds": 30})
    assert [app["name"] for app in asked["apps"]] == ["shop"]
