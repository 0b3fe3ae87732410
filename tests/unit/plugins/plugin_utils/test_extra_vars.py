# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A value on the command line that Ansible has cut at a blank is refused, with the form that keeps it whole."""

from __future__ import annotations

import json
import re
import shlex

import pytest
from ansible import context
from ansible.errors import AnsibleActionFail, AnsibleFilterError
from ansible.module_utils.common.collections import ImmutableDict
from ansible.parsing.splitter import parse_kv
from ansible_collections.flaskops.stack.plugins.action import flask_command, flask_logs_info, new_inventory
from ansible_collections.flaskops.stack.plugins.filter.serving_hosts import serving_hosts
from ansible_collections.flaskops.stack.plugins.plugin_utils.extra_vars import problem_of_extra_vars
from ansible_collections.flaskops.stack.tests.unit.render import action, describe


@pytest.fixture
def given(monkeypatch):
    """Return a function that plays ``ansible-playbook`` with some texts of ``-e``."""
    return lambda *texts: monkeypatch.setattr(context, "CLIARGS", ImmutableDict(extra_vars=texts))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        " \n ",
        "app=shop",
        "my-var=1",
        "a.b=2 app=shop",
        "été=1 1st=2",
        "command=date",
        "app=shop  command=date",
        "batches=1,100% soak=3",
        "command='flask --app app hello' app=shop",
        'since="1 hour ago"',
        "a=1\nb=2",
        "password=a=b==",
        '{"command": "ls -la /x"}',
        "@vars of mine.yml",
        "[1, 2]",
        "command='never ends",
    ],
)
def test_whole_values_are_no_problem(given, text):
    given("app=shop", text)
    assert problem_of_extra_vars() == ""


@pytest.mark.parametrize(
    ("text", "name", "taken", "whole"),
    [
        ("command=ls -la /x", "command", "ls", "ls -la /x"),
        ("since=1 hour ago", "since", "1", "1 hour ago"),
        ("command=DEBUG=1 python -m it", "command", "DEBUG=1", "DEBUG=1 python -m it"),
        ('command=sh -c "echo it\'s"', "command", "sh", 'sh -c "echo it\'s"'),
        ("command=curl http://localhost/?a=b", "command", "curl", "curl http://localhost/?a=b"),
        ("report_file=my report.html", "report_file", "my", "my report.html"),
        ("lines=5 --limit=web1", "lines", "5", "5 --limit=web1"),
    ],
)
def test_a_value_that_was_cut_is_told_with_a_form_that_keeps_it_whole(given, text, name, taken, whole):
    assert parse_kv(text)[name] == taken
    given("app=shop", text)
    says = problem_of_extra_vars()
    assert says.startswith(f"{name} is '{whole}', of which Ansible takes '{taken}' alone, since it splits what -e gets at blanks; ")
    option, value = shlex.split(says.partition("write it as JSON: ")[2].removesuffix("."))
    assert (option, json.loads(value)) == ("-e", {name: whole})


@pytest.mark.parametrize(
    ("text", "name", "whole"),
    [
        ("app=shop command=flask --app=shop --debug=1", "command", "flask --app=shop --debug=1"),
        ("since=1 hour ago sources=web my-var=1", "since", "1 hour ago"),
        ("app=shop since=1 hour ago", "since", "1 hour ago"),
    ],
)
def test_other_variables_beside_a_value_that_was_cut_are_not_lost(given, text, name, whole):
    given(text)
    says = problem_of_extra_vars()
    assert says.startswith(f"{name} is '{whole}', of which Ansible takes ")
    option, value = shlex.split(says.partition("write it as JSON, and each other variable in a -e of its own: ")[2].removesuffix("."))
    assert (option, json.loads(value)) == ("-e", {name: whole})


@pytest.mark.parametrize(
    ("text", "short", "rest"),
    [
        ("only=shop command=uptime target=web1", "uptime", ["target=web1"]),
        ("command=date app=shop", "date", ["app=shop"]),
        ("command=env DEBUG=1", "env", ["DEBUG=1"]),
        ("command=flask clean --all=1 app=shop target='web 1'", "flask clean --all=1", ["app=shop", "target='web 1'"]),
        ("command=env A=1 python x my-var=1", "env A=1 python x", ["my-var=1"]),
    ],
)
def test_words_behind_a_command_may_be_its_own_or_set_variables(given, text, short, rest):
    given(text)
    whole = text.partition("command=")[2]
    says = problem_of_extra_vars()
    pattern = r"-e has command=.*, which Ansible splits at blanks" + r"\. If command is '.*', write (-e .*) in its place" * 2 + r"\.( W.*)?"
    one, other, others = re.fullmatch(pattern, says).groups()
    assert [json.loads(text) for text in shlex.split(one)[1::2]] == [{"command": whole}]
    command, *more = shlex.split(other)[1::2]
    assert (json.loads(command), more) == ({"command": short}, rest)
    assert others == (" Write each other variable in a -e of its own." if text.startswith("only") else None)


def test_a_word_that_sets_nothing_is_told(given):
    given("shop")
    assert problem_of_extra_vars() == "-e has 'shop', which sets no variable; write -e NAME=VALUE."


@pytest.mark.parametrize(
    ("plugin", "args"),
    [
        (flask_command.ActionModule, {"only": "shop", "command": "ls"}),
        (flask_logs_info.ActionModule, {"only": "shop", "since": "1"}),
        (new_inventory.ActionModule, {"path": "hosts.yml"}),
    ],
)
def test_nothing_is_done_about_a_value_that_was_cut(given, plugin, args):
    given("command=ls -la")
    known = {"inventory_hostname": "web1", "hostvars": {"web1": {}}, "flask_apps": [describe()]}
    with pytest.raises(AnsibleActionFail, match="^command is 'ls -la', of which"):
        action(plugin, "flask_app", args, lambda *_asked: pytest.fail("a host was asked")).run(task_vars=known)


def test_no_playbook_begins_with_a_value_that_was_cut(given):
    given("soak=30 s")
    with pytest.raises(AnsibleFilterError, match="^soak is '30 s', of which"):
        serving_hosts("web1", {"all": ["web1"]})
