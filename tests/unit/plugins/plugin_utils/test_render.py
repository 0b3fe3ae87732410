# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where templates are found, and what is said of one that cannot be rendered."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.flaskops.stack.plugins.plugin_utils.render import Job, render, render_all


@pytest.fixture
def places(tmp_path: Path) -> SimpleNamespace:
    made = SimpleNamespace(role=tmp_path / "role", inventory=tmp_path / "inventory")
    for place in vars(made).values():
        (place / "templates").mkdir(parents=True)
    (made.role / "templates/base.j2").write_text("{% block top %}\nbase {{ name }}\n{% endblock %}\n{% block extra %}{% endblock %}\n")
    return made


@pytest.fixture
def rendered(places):
    def rendered(source: str, **variables) -> str:
        loader = DataLoader()
        action = SimpleNamespace(_loader=loader, _templar=Templar(loader=loader))
        known = {"ansible_search_path": [str(places.role)], "inventory_dir": str(places.inventory), "from_play": "play"}
        return render(action, source, {"name": "shop", **variables}, known, "shop.uwsgi.template")

    return rendered


def test_a_bare_name_is_found_in_the_role(rendered):
    assert rendered("base.j2") == "base shop\n"


def test_a_bare_name_is_found_beside_the_inventory(rendered, places):
    (places.inventory / "templates/mine.j2").write_text('{% extends "base.j2" %}\n{% block extra %}extra of {{ name }}{% endblock %}\n')
    assert rendered("mine.j2") == "base shop\nextra of shop\n"


def test_the_roles_own_template_is_found_first(rendered, places):
    (places.inventory / "templates/base.j2").write_text("another")
    assert rendered("base.j2").startswith("base shop")


def test_a_path_is_taken(rendered, tmp_path):
    (tmp_path / "other.j2").write_text('{% extends "base.j2" %}{% block top %}other {{ from_play }}\n{% endblock %}\n')
    assert rendered(str(tmp_path / "other.j2")) == "other play\n"


def test_lines_of_blocks_leave_nothing(rendered, places):
    (places.role / "templates/lines.j2").write_text("a\n{% if true %}\nb\n{% endif %}\nc\n")
    assert rendered("lines.j2") == "a\nb\nc\n"


def test_backslashes_and_braces_in_values_stay(rendered, places):
    assert rendered("base.j2", name="a\\n{{ 7 * 7 }}") == "base a\\n{{ 7 * 7 }}\n"


@pytest.fixture
def both(places):
    """Render a template with two names, at once and one by one."""

    def both(source: str) -> tuple[list[str], list[str]]:
        loader = DataLoader()
        action = SimpleNamespace(_loader=loader, _templar=Templar(loader=loader))
        known = {"ansible_search_path": [str(places.role)], "inventory_dir": str(places.inventory), "from_play": "play"}
        jobs = [Job(source, {"name": name, "other": other}, name) for name, other in (("shop", 1), ("b{{ 7 * 7 }}", 2))]
        return render_all(action, jobs, known), [render(action, *job[:2], known, job.what) for job in jobs]

    return both


@pytest.mark.parametrize(
    "text",
    [
        "{{ name }}",
        "{{ name }}\n",
        "{{ name }} of {{ from_play }}\n\n\n",
        "\n{{ name }}\n{% if other == 2 %}\n",
        '{% extends "base.j2" %}\n{% block extra %}\n{{ name }} {{ other }}\n{% endblock %}\n',
        '{% set other = name * other %}\n{% include "base.j2" %}\n  {% if true %}\n{{ other }}\n  {% endif %}\n',
        "{# left out -#}\n\n{% for x in [1, 2] %}\n{{ loop.index }}{{ name }}\n{% endfor %}",
        "#jinja2: trim_blocks: False\n{% if true %}\n{{ name }}\n{% endif %}\n",
        "{{ template_path }} {{ name }}\n",
    ],
)
def test_many_are_rendered_as_one_by_one(both, places, text):
    (places.inventory / "templates/mine.j2").write_text(text + ("{% endif %}\n" if text.startswith("\n") else ""))
    at_once, one_by_one = both("mine.j2")
    assert at_once == one_by_one


def test_of_many_the_one_that_cannot_be_rendered_is_told(both, places):
    (places.inventory / "templates/mine.j2").write_text("{{ name if other == 1 else nothing }}\n")
    with pytest.raises(AnsibleActionFail, match="b{{ 7 .*'nothing' is undefined"):
        both("mine.j2")


def test_a_template_that_is_not_there_is_told_with_where_it_was_looked_for(rendered, places):
    with pytest.raises(AnsibleActionFail) as caught:
        rendered("nothing.j2")
    looked = f"(looked in {places.role}/templates, {places.inventory}/templates)"
    assert str(caught.value).startswith(f"shop.uwsgi.template: the template 'nothing.j2' cannot be rendered {looked}: ")


@pytest.mark.parametrize(
    ("text", "reason"),
    [("{% if %}", "Expected an expression"), ("{{ nothing.at.all }}", "'nothing' is undefined"), ("{{ 1 | nofilter }}", "nofilter")],
)
def test_a_template_that_is_wrong_is_told_with_the_reason(rendered, places, text, reason):
    (places.inventory / "templates/mine.j2").write_text(text)
    with pytest.raises(AnsibleActionFail) as caught:
        rendered("mine.j2")
    assert str(caught.value).startswith("shop.uwsgi.template: the template 'mine.j2' cannot be rendered: ")
    assert reason in str(caught.value)
