# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""config_tree on the controller: which template is found, what it may use, what is said when it fails."""

from __future__ import annotations

import typing as t
import zlib
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.flaskops.stack.plugins.action.config_tree import ActionModule
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree import request
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import decode_payload
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.host import who

BASE = """server {
    {% block body %}
    root {{ app.root }};
    {% endblock %}
    {% if app.extra is defined %}
    {{ app.extra }}
    {% endif %}
}
"""


class Task:
    """As much of a role's task as an action plugin looks at."""

    async_val = 0
    check_mode = False
    no_log = False
    diff = False
    delegate_to = None
    action = "flaskops.stack.config_tree"

    def __init__(self, role: Path, args: dict[str, t.Any]) -> None:
        self.role = role
        self.args = args

    def get_search_path(self) -> list[str]:
        return [str(self.role), str(self.role / "tasks")]


@pytest.fixture
def places(tmp_path: Path) -> SimpleNamespace:
    """A role, an inventory and some other directory, each with templates."""
    found = SimpleNamespace(role=tmp_path / "role", inventory=tmp_path / "inventory", other=tmp_path / "other")
    for place in vars(found).values():
        (place / "templates").mkdir(parents=True)
    (found.role / "templates/site.conf.j2").write_text(BASE)
    return found


def prepare(places: SimpleNamespace, *files: dict[str, t.Any]) -> ActionModule:
    """Return the action with files to render."""
    loader = DataLoader()
    loader.set_basedir(str(places.other))
    return ActionModule(
        task=Task(places.role, {"root": "/etc/nginx", "files": list(files), "owners": ["shop"]}),
        connection=SimpleNamespace(_shell=SimpleNamespace(tmpdir=None)),
        play_context=SimpleNamespace(check_mode=False, diff=False),
        loader=loader,
        templar=Templar(loader=loader),
        shared_loader_obj=None,
    )


def render(places: SimpleNamespace, *files: dict[str, t.Any], **variables: t.Any):
    """Run the action; return the entries it would ship."""
    shipped: dict[str, t.Any] = {}
    action = prepare(places, *files)
    action._execute_module = lambda name, module_args, task_vars: shipped.update(module_args, name=name) or {}
    action.run(task_vars={"inventory_dir": str(places.inventory), "lookup_me": "from the play", **variables})
    assert shipped.pop("name") == "flaskops.stack.config_tree"
    assert "files" not in shipped
    assert shipped["who"] == who()
    return decode_payload(shipped["payload"])


def site(src: str = "site.conf.j2", **app: t.Any) -> dict[str, t.Any]:
    return {"path": "sites/shop", "owner": "shop", "src": src, "vars": {"app": {"root": "/srv", **app}}}


def text(places: SimpleNamespace, entry: dict[str, t.Any], **variables: t.Any) -> str:
    return render(places, entry, **variables)[0].content.decode()


def test_the_roles_template_is_found_and_blocks_leave_no_trace(places):
    assert text(places, site()) == "server {\n    root /srv;\n}\n"


def test_the_role_comes_before_the_inventory(places):
    (places.inventory / "templates/site.conf.j2").write_text("inventory")
    assert text(places, site()).startswith("server")


def test_a_bare_name_is_found_beside_the_inventory_and_extends_the_role(places):
    child = '{% extends "site.conf.j2" %}\n{% block body %}\n    deny all;\n{{ super() }}{% endblock %}\n'
    (places.inventory / "templates/mine.conf.j2").write_text(child)
    assert text(places, site("mine.conf.j2")) == "server {\n    deny all;\n    root /srv;\n}\n"


def test_an_absolute_path_extends_the_role_and_its_neighbours(places):
    (places.other / "part.j2").write_text("    part;\n")
    (places.other / "mine.j2").write_text('{% extends "site.conf.j2" %}\n{% block body %}\n{% include "part.j2" %}\n\n{% endblock %}\n')
    assert text(places, site(f"{places.other}/mine.j2")) == "server {\n    part;\n}\n"


def test_the_roles_base_comes_before_a_neighbour_of_that_name(places):
    (places.other / "site.conf.j2").write_text("neighbour")
    (places.other / "mine.j2").write_text('{% extends "site.conf.j2" %}\n')
    assert text(places, site(f"{places.other}/mine.j2")).startswith("server")


def test_search_adds_directories_after_the_role(places, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more/own.j2").write_text("own {{ lookup_me }}\n")
    entry = {**site("own.j2"), "search": [str(tmp_path / "more")]}
    assert text(places, entry) == "own from the play\n"


TRICKY = {
    "child.j2": '{% extends "site.conf.j2" %}\n{% set more = app.root ~ "!" %}\n'
    "{% block body %}\n{{ more }}\n{{ super() }}{% endblock %}\n",
    "no_newline.j2": "{{ app.root }}",
    "newlines.j2": "{{ app.root }}\n\n\n",
    "empty.j2": "",
    "own_variables.j2": "{{ template_destpath }} {{ template_path }} {{ ansible_managed }} {{ lookup_me }}\n",
    "scopes.j2": "{% set ns = namespace(n=0) %}{% for x in [1, 2] %}{% set ns.n = ns.n + x %}{% endfor %}"
    "{{ ns.n }}{% if app.extra is defined %}{% set seen = 1 %}{% endif %}{{ seen is defined }}\n",
    "macro.j2": '{% macro m(x) %}<{{ x }}>{% endmacro %}\n{{ m(app.root) }}\n{% include "site.conf.j2" %}\n',
    "header.j2": "#jinja2: variable_start_string: '[[', variable_end_string: ']]'\n[[ app.root ]] {{ lookup_me }}\n",
    "backslash.j2": 'location ~ \\.php$ { return 200 "a\\n{{ "\\\\n" }}"; }\n',
    "types.j2": "{{ app.number }}\n{{ app.none }}\n",
}


@pytest.mark.parametrize("name", [*TRICKY, "site.conf.j2"])
def test_many_at_once_are_rendered_as_each_alone(places, name):
    for file, source in TRICKY.items():
        (places.other / file).write_text(source)
    (places.other / "site.conf.j2").write_text("the one outside {{ app.root }}\n")
    apps = [
        {"root": "/a", "number": 1, "none": None, "extra": "x\n"},
        {"root": "b\n\n", "number": 2.5, "none": None},
    ]
    entries = [{**site(f"{places.other}/{name}", **app), "path": app["root"][:2].strip("/\n")} for app in apps * 2]
    for number, entry in enumerate(entries):
        entry["path"] += str(number)
    assert [entry.content for entry in render(places, *entries)] == [render(places, entry)[0].content for entry in entries]


@pytest.mark.parametrize("src", ["site.conf.j2", "{other}/mine.conf.j2"])
def test_many_are_compiled_once(places, compiled, src):
    (places.other / "mine.conf.j2").write_text('{% extends "site.conf.j2" %}\n')
    files = [{**site(src.format(other=places.other), root=f"/{number}"), "path": str(number)} for number in range(9)]
    assert [f"root /{number};" in entry.content.decode() for number, entry in enumerate(render(places, *files))] == [True] * 9
    assert f"{places.role}/templates/site.conf.j2" in compiled
    assert len(compiled) == len(set(compiled))


def test_one_of_many_that_fails_is_named(places):
    one, two, three = ({**site(root="/x"), "path": f"sites/{number}"} for number in (1, 2, 3))
    del two["vars"]["app"]["root"]
    with pytest.raises(AnsibleActionFail, match=r"sites/2: cannot render .*site.conf.j2, line 3"):
        render(places, one, two, three)


def test_entries_do_not_see_each_others_variables(places):
    one, two = site(root="/one"), {**site(root="/two"), "path": "sites/two"}
    del two["vars"]["app"]["root"]
    with pytest.raises(AnsibleActionFail, match="sites/two"):
        render(places, one, two)


def test_content_and_links_are_shipped_as_they_are(places):
    files = [
        {"path": "a", "owner": "shop", "content": "{{ raw }}\n", "mode": "0600", "diff": False},
        {"path": "b", "owner": "shop", "link": "../a", "force": True},
    ]
    one, two = render(places, *files)
    assert (one.content, one.mode, one.diff) == (b"{{ raw }}\n", 0o600, False)
    assert (two.link, two.content, two.force) == ("../a", None, True)


@pytest.mark.parametrize("more", [{}, {"content": "x", "link": "y"}])
def test_exactly_one_source(places, more):
    with pytest.raises(AnsibleActionFail, match="shop: a needs exactly one of src, content and link"):
        render(places, {"path": "a", "owner": "shop", **more})


@pytest.mark.parametrize("mode", ["rw", "0999", "77777", -1])
def test_wrong_mode(places, mode):
    with pytest.raises(AnsibleActionFail, match="mode '.*' of a is not octal"):
        render(places, {"path": "a", "owner": "shop", "content": "", "mode": mode})


def test_wrong_key(places):
    with pytest.raises(AnsibleActionFail, match="contents"):
        render(places, {"path": "a", "owner": "shop", "contents": ""})


def test_a_path_twice_is_refused_before_anything_is_sent(places):
    with pytest.raises(AnsibleActionFail, match="given twice"):
        render(places, site(), site())


def refusal(places: SimpleNamespace, entry: dict[str, t.Any], **variables: t.Any) -> str:
    with pytest.raises(AnsibleActionFail) as failed:
        render(places, entry, **variables)
    return str(failed.value)


def test_a_missing_template_tells_where_it_was_looked_for(places):
    told = refusal(places, site("nowhere.j2"))
    assert told.startswith("files: shop: sites/shop: cannot render 'nowhere.j2': there is no such file (looked in ")
    assert f"{places.role}/templates" in told
    assert f"{places.inventory}/templates" in told


@pytest.mark.parametrize(
    ("source", "words", "line"),
    [
        ("a\n{{ app.none }}\nb\n{% if app.x is defined %}{% endif %}\n", "no attribute 'none'", 2),
        ("a\nb\n{{ none_such }}\n", "'none_such' is undefined", 3),
        ("a\n{{ app.none | upper }}\nb\n", "no attribute 'none'", 2),
        ("a\n{% for x in app.none %}\n{% endfor %}\nb\n", "no attribute 'none'", 2),
        ("a\nb\n\n{{ app | int(1, 2, 3) }}\nc\n", "positional arguments", 4),
        ("a\n{{ app | nosuch }}\n", "No filter named 'nosuch'", 2),
        ("a\n{% if app %}\n{% endfor %}\n", "unknown tag 'endfor'", 3),
    ],
)
def test_an_error_is_told_with_its_line(places, source, words, line):
    (places.inventory / "templates/mine.j2").write_text(source)
    told = refusal(places, site("mine.j2"))
    assert told.startswith("files: shop: sites/shop: cannot render 'mine.j2': ")
    assert told.endswith(f"({places.inventory}/templates/mine.j2, line {line})")
    assert told.count(words) == 1


def test_an_error_in_the_extended_template_names_that_one(places):
    (places.inventory / "templates/mine.j2").write_text('{% extends "site.conf.j2" %}\n')
    entry = site("mine.j2")
    del entry["vars"]["app"]["root"]
    assert refusal(places, entry).endswith(f"({places.role}/templates/site.conf.j2, line 3)")


def test_a_crash_of_the_module_is_told_and_a_refusal_is_its_result(places):
    action = prepare(places)
    action._execute_module = lambda name, module_args, task_vars: {"failed": True, "exception": "Traceback\nKeyError: 'x'"}
    with pytest.raises(AnsibleActionFail, match=r"The module config_tree crashed on the host: KeyError: 'x'\."):
        action.run(task_vars={})
    refusal = {"failed": True, "msg": "nginx refuses the tree", "validate_lines": ["line"]}
    action._execute_module = lambda name, module_args, task_vars: {**refusal, "invocation": {}}
    assert action.run(task_vars={}) == refusal


def test_a_tree_that_the_host_has_settled_needs_no_call(places, monkeypatch):
    sent: list[dict[str, t.Any]] = []
    entry = {"path": "a", "owner": "shop", "content": "x"}

    def run(content: str, settled: dict[str, t.Any]) -> dict[str, t.Any]:
        action = prepare(places, {**entry, "content": content})
        action._task.args["settled"] = settled
        action._execute_module = lambda name, module_args, task_vars: sent.append(dict(module_args)) or {"changed": True}
        return action.run(task_vars={})

    run("x", {})
    # A host that somebody else rules would have the controller change its inventory.
    done = {"changed": False, "files": {"kept": ["nginx.conf"]}, "add_host": {"host_name": "localhost"}}
    # Another controller's zlib packs the same into other bytes.
    monkeypatch.setattr(request.zlib, "compress", lambda data, pack=zlib.compress: pack(data, 1))
    answer = run("x", {"digest": sent[0]["digest"], "result": done})
    assert len(sent) == 1
    assert (answer["changed"], answer["files"], "add_host" in answer) == (False, done["files"], False)
    assert run("y", {"digest": sent[0]["digest"], "result": done})["changed"]
    assert "settled" not in sent[1]
