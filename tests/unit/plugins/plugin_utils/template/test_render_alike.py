# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One overlay gives the same text, or the same error, as a site of nginx_site and as an ini of uwsgi_service."""

from __future__ import annotations

import base64
import json
import typing as t
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail
from ansible.template import trust_as_template
from ansible_collections.flaskops.stack.plugins.action import config_tree, uwsgi_instance
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import decode_payload
from ansible_collections.flaskops.stack.tests.unit.render import RELEASE, action, complete, task_vars

Variables = dict[str, t.Any]
Render = Callable[[str, list[str], Variables], list[str]]
ENV = {"BRACES": "{{ 8 * 8 }}"}


def as_sites(template: str, names: list[str], variables: Variables) -> list[str]:
    """Return the sites that nginx_site would put on a host, one for each name."""
    shipped: Variables = {}
    apps = [complete(name=name, env=ENV) for name in names]
    files = [{"path": app["name"], "src": template, "owner": app["name"], "vars": {"nginx_site_app": app}} for app in apps]
    plugin = action(
        config_tree.ActionModule,
        "nginx_site",
        {"root": "/etc/nginx", "files": files, "owners": names},
        lambda _name, arguments: shipped.update(arguments) or {},
    )
    plugin.run(task_vars={**task_vars("nginx_site"), **variables})
    return [(entry.content or b"").decode() for entry in decode_payload(shipped["payload"])]


def as_inis(template: str, names: list[str], variables: Variables) -> list[str]:
    """Return the inis of the instances that uwsgi_service would start, one for each name.

    :raises AnsibleActionFail: with the message of the first application whose ini cannot be rendered
    """
    shipped: Variables = {}
    apps = [complete(name=name, env=ENV, uwsgi={"template": template}) for name in names]
    plugin = action(
        uwsgi_instance.ActionModule,
        "uwsgi_service",
        {"apps": apps, "releases": dict.fromkeys(names, RELEASE)},
        lambda _name, arguments: shipped.update(arguments) or {"notices": [], "failures": {}},
    )
    result = plugin.run(task_vars={**task_vars("uwsgi_service"), **variables})
    for message in result["failures"].values():
        raise AnsibleActionFail(message)
    return [instance["files"]["ini"] for instance in json.loads(base64.b64decode(shipped["order"]))["apps"]]


BOTH = pytest.mark.parametrize("render", [as_sites, as_inis])


@pytest.fixture
def overlays(tmp_path: Path) -> Path:
    """Return the `templates/` beside the inventory, with files for an overlay to extend, include and import."""
    place = tmp_path / "inventory/templates"
    place.mkdir(parents=True)
    (place / "base.j2").write_text("begin\n  {% block body %}\n  base body\n  {% endblock %}\nend\n")
    (place / "part.j2").write_text("  {# one #}\n  part of {{ name }}\n")
    (place / "macros.j2").write_text(
        "{% set ns = namespace(calls=0) %}\n"
        "{% macro count(word) %}\n  {% set ns.calls = ns.calls + 1 %}\n  {{ word | upper }} {{ ns.calls }}\n{% endmacro %}\n"
        '{% macro seen() %}{{ "seen" if name is defined else "not seen" }}{% endmacro %}\n'
        "{% set looked_up = lookup('vars', 'name', default='nobody') %}\n"
    )
    # This file lies beside the overlay and has the name of a base.
    (tmp_path / "base.j2").write_text("the neighbour of the overlay\n")
    (tmp_path / "neighbour.j2").write_text("neighbour\n")
    return place


@pytest.fixture
def variables(overlays: Path) -> Variables:
    """Return variables of the play; `app` is the application, which each role calls by another name."""
    return {
        "inventory_dir": str(overlays.parent),
        "overlays": str(overlays),
        "app": trust_as_template("{{ nginx_site_app | default(uwsgi_service_app, true) }}"),
        "name": trust_as_template("{{ app.name }}"),
        "guess": trust_as_template(
            "{{ (nginx_site_app | default({})).name | default((uwsgi_service_app | default({})).name) | default('nobody') }}"
        ),
        "wrong": trust_as_template("{{ app.no_such_key }}"),
        "broken": trust_as_template("{{ app"),
        "unsafe": "{{ 7 * 7 }} {% if",
        "ansible_managed": "what a controller is configured to say",
    }


TEXTS = {
    "tags alone on an indented line": ("a\n  {% if true %}\n    b\n  {% endif %}\n  {# c #}\nd\n", "a\n    b\nd\n"),
    "a tab before a tag": ("a\n\t{% if true %}\n\tb\n\t{% endif %}\n", "a\n\tb\n"),
    "tags within a line": ("a {% if true %} b {% endif %} c\n", "a  b  c\n"),
    "tags that trim": ("a\n  {%- if true %}\n  b\n  {%- endif +%}\n  c\n", "a  b\n  c\n"),
    "a loop": ("{% for x in [1, 2] %}\n  {% if x == 2 %}\n  two\n  {% endif %}\n{% endfor %}\n", "  two\n"),
    "no newline at the end": ("{{ name }}", "shop"),
    "several newlines at the end": ("{{ name }}\n\n\n", "shop\n\n\n"),
    "nothing": ("", ""),
    "no tag at all": ("plain\n  text\n", "plain\n  text\n"),
    "lines that end with CRLF": ("a\r\n  {% if true %}\r\n  {{ name }}\r\n  {% endif %}\r\nb\r\n\r\n", "a\n  shop\nb\n\n"),
    "lines that end with CRLF, without a tag": ("a\r\nb\r\n", "a\nb\n"),
    "characters of all planes": ("# Grüße, 你好 {{ '🐍' }} {{ name }}\n", "# Grüße, 你好 🐍 shop\n"),
    "braces in values that are data": ("{{ unsafe }} {{ app.env.BRACES }}\n", "{{ 7 * 7 }} {% if {{ 8 * 8 }}\n"),
    "only braces in a value that is data": ("{{ app.env.BRACES }}", "{{ 8 * 8 }}"),
    "a raw block": ("{% raw %}{{ name }}{% endraw %}\n", "{{ name }}\n"),
    "backslashes": ("\\1 \\n {{ '\\\\' }} {{ 'a\\tb' }}\n", "\\1 \\n \\ a\tb\n"),
    "a header for jinja2": ("#jinja2: lstrip_blocks: False\na\n  {% if true %}\nb\n  {% endif %}\nc\n", "a\n  b\n  c\n"),
    "other delimiters": ("#jinja2: variable_start_string: '[[', variable_end_string: ']]'\n[[ name ]] {{ name }}\n", "shop {{ name }}\n"),
    "a base by its name": (
        '{% extends "base.j2" %}\n{% block body %}\n  {{ name }}\n  {{ super() }}{% endblock %}\n',
        "begin\n  shop\n    base body\nend\n",
    ),
    "a base by its path": ('{% extends overlays ~ "/base.j2" %}\n{% block body %}{% endblock %}\n', "begin\nend\n"),
    "a neighbour": ('{% include "neighbour.j2" %}\n', "neighbour\n"),
    "included files": ('{% include "part.j2" %}\n--\n{% include overlays ~ "/part.j2" %}\n', "  part of shop--\n  part of shop\n"),
    "imported macros": (
        '{% import "macros.j2" as macros %}\n{{ macros.count("a") }}{{ macros.count("b") }}{{ macros.seen() }} {{ macros.looked_up }}\n',
        "  A 1\n  B 2\nnot seen shop\n",
    ),
    "macros from a path, with context": ('{% from overlays ~ "/macros.j2" import seen with context %}\n{{ seen() }}\n', "seen\n"),
    "a variable of the play that is a template": ("{{ guess }}\n", "shop\n"),
    "a lookup of a variable": ("{{ lookup('vars', 'guess') }} {{ lookup('vars', 'app').name }}\n", "shop shop\n"),
    "values of all types": (
        "{{ none }}|{{ 1 }}|{{ 2.5 }}|{{ true }}|{{ [1, 'a'] }}|{{ {'a': none} }}\n",
        "|1|2.5|True|[1, 'a']|{'a': None}\n",
    ),
    "only a list": ("{{ [1, name] }}", "[1, 'shop']"),
    "only a mapping": ("{{ {'a': name} }}", "{'a': 'shop'}"),
    "only a number": ("{{ 5 }}", "5"),
    "only none": ("{{ none }}", ""),
    "the name of the template": ("{{ template_path | basename }} {{ template_fullpath == template_path }}\n", "mine.j2 True\n"),
    "the header of managed files": ("{{ ansible_managed }}\n", "Managed by flaskops.stack; changes by hand are overwritten.\n"),
}


@BOTH
@pytest.mark.parametrize("what", TEXTS)
def test_a_text_is_rendered_alike(tmp_path: Path, variables: Variables, render: Render, what: str):
    text, expected = TEXTS[what]
    (tmp_path / "mine.j2").write_text(text, newline="")
    assert render(str(tmp_path / "mine.j2"), ["shop"], variables) == [expected]


@BOTH
@pytest.mark.parametrize("what", TEXTS)
def test_many_applications_are_rendered_as_each_alone(tmp_path: Path, variables: Variables, render: Render, what: str):
    text, expected = TEXTS[what]
    (tmp_path / "mine.j2").write_text(text, newline="")
    names = ["shop", "blog", "wiki"]
    assert render(str(tmp_path / "mine.j2"), names, variables) == [expected.replace("shop", name) for name in names]


@BOTH
@pytest.mark.parametrize("variable", ["inventory_dir", "playbook_dir", None], ids=["inventory", "playbook", "working directory"])
def test_an_overlay_is_found_where_a_source_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, render: Render, variable: str | None):
    place = tmp_path / "project"
    (place / "templates/stack").mkdir(parents=True)
    (place / "templates/stack/mine.j2").write_text('{% extends "part.j2" %}{% block body %}mine\n{% endblock %}')
    (place / "templates/part.j2").write_text("{% block body %}{% endblock %}")
    if variable is None:
        monkeypatch.chdir(place)
    # With `import_playbook: flaskops.stack.site` the directory of the playbook is not the project's.
    places = {"inventory_dir": str(tmp_path / "inventory"), "playbook_dir": str(tmp_path / "collection/playbooks")}
    assert render("stack/mine.j2", ["shop"], {**places, **({variable: str(place)} if variable else {})}) == ["mine\n"]


# The template, what is wrong with it, and file and line of that.
WRONG = {
    "an undefined variable": ("a\n\n{{ no_such }}\nb\n", "'no_such' is undefined", "mine.j2, line 3"),
    "an undefined variable in a block on an indented line": (
        "a\n  {% if true %}\n  {{ no_such }}\n  {% endif %}\n",
        "'no_such'",
        "mine.j2, line 3",
    ),
    "an undefined key": ("a\n{{ app.no_such_key }}\n", "no attribute 'no_such_key'", "mine.j2, line 2"),
    "an undefined variable in a condition": ("a\n{% if no_such %}\nb\n{% endif %}\n", "'no_such' is undefined", "mine.j2, line 2"),
    "an undefined variable in a loop": ("a\n{% for x in no_such %}\nb\n{% endfor %}\n", "'no_such' is undefined", "mine.j2, line 2"),
    "an undefined variable in a filter": ("a\n{{ no_such | upper }}\nb\n", "'no_such' is undefined", "mine.j2, line 2"),
    "an undefined variable in a list": ("a\n{{ [1, no_such] }}\nb\n", "'no_such' is undefined", "mine.j2, line 2"),
    "a wrong argument of a filter": ("a\n{{ 1 | int(1, 2, 3) }}\nb\n", "positional arguments", "mine.j2, line 2"),
    "an operation that fails": ("a\n{{ 1 // 0 }}\nb\n", "zero", "mine.j2, line 2"),
    "a filter that does not exist": ("a\n{{ 1 | no_such }}\n", "no_such", "mine.j2, line 2"),
    "a tag that is not closed": ("a\n{% if true %}\nb\n", "end of template", "mine.j2, line 3"),
    "a tag that nobody opened": ("a\nb\n{% endfor %}\n", "unknown tag 'endfor'", "mine.j2, line 3"),
    "an expression that is not one": ("a\n{{ 1 + }}\n", "unexpected 'end of print statement'", "mine.j2, line 2"),
    "a line below a header": ("#jinja2: lstrip_blocks: False\na\n{{ no_such }}\n", "'no_such' is undefined", "mine.j2, line 3"),
    "a tag below a header": ("#jinja2: lstrip_blocks: False\na\n{% endif %}\n", "unknown tag 'endif'", "mine.j2, line 3"),
    "a line that ends with CRLF": ("a\r\n\r\n{{ no_such }}\r\n", "'no_such' is undefined", "mine.j2, line 3"),
    "a base that does not exist": ('{# c #}\n{% extends "no_such.j2" %}\n', "no_such.j2", "mine.j2, line 2"),
    "an included file that does not exist": ('a\n{% include "no_such.j2" %}\n', "no_such.j2", "mine.j2, line 2"),
    "a block of an overlay": ('{% extends "base.j2" %}\n{% block body %}\n{{ no_such }}\n{% endblock %}\n', "'no_such'", "mine.j2, line 3"),
    "a base with an error": ('{% extends "wrong.j2" %}\n', "'no_such' is undefined", "inventory/templates/wrong.j2, line 2"),
    "a base with a wrong tag": ('{% extends "wrong_tag.j2" %}\n', "unknown tag 'endif'", "inventory/templates/wrong_tag.j2, line 2"),
    "a macro with an error": (
        '{% import "wrong_macro.j2" as macros %}\n\n{{ macros.wrong() }}\n',
        "'no_such' is undefined",
        "inventory/templates/wrong_macro.j2, line 2",
    ),
    "a variable of the play with an error": ("a\n{{ wrong }}\n", "no attribute 'no_such_key'", "mine.j2, variable 'wrong'"),
    "a variable of the play that is no template": ("a\n{{ broken }}\n", "unexpected end of template", "mine.j2, variable 'broken'"),
    "a call that fails": ("a\n{{ app.name.rindex('x') }}\n", "substring not found", "mine.j2, line 2"),
    "a lookup that fails": ("a\n{{ lookup('vars', 'no_such') }}\n", "no_such", "mine.j2, line 2"),
}


@BOTH
@pytest.mark.parametrize("names", [["shop"], ["shop", "blog"]], ids=["one application", "two applications"])
@pytest.mark.parametrize("what", WRONG)
def test_an_error_names_file_and_line(tmp_path: Path, overlays: Path, variables: Variables, render: Render, names: list[str], what: str):
    text, words, place = WRONG[what]
    (overlays / "wrong.j2").write_text("a\n{{ no_such }}\n")
    (overlays / "wrong_tag.j2").write_text("a\n{% endif %}\n")
    (overlays / "wrong_macro.j2").write_text("{% macro wrong() %}\n{{ no_such }}\n{% endmacro %}\n")
    (tmp_path / "mine.j2").write_text(text, newline="")
    with pytest.raises(AnsibleActionFail) as failed:
        render(str(tmp_path / "mine.j2"), names, variables)
    told = str(failed.value)
    assert words in told
    assert told.endswith(f" ({tmp_path}/{place})")
    assert told.startswith({as_sites: "files: shop: shop: ", as_inis: "shop.uwsgi.template: "}[render])
    assert f"cannot render '{tmp_path}/mine.j2': " in told
    assert "\n" not in told
