# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where templates are found, what they may use, and what is said of one that is not there."""

from __future__ import annotations

import os
import typing as t
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import jinja2
import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible.template import Templar, trust_as_template
from ansible_collections.flaskops.stack.plugins.plugin_utils.template.render import Job, render_all

Render = Callable[..., str]


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The directories that are searched, in this order, each with `templates/`; one more is given by the task."""
    made = SimpleNamespace(**{name: tmp_path / name for name in ("role", "play", "more", "inventory", "imported", "working")})
    for place in vars(made).values():
        (place / "templates").mkdir(parents=True)
    (made.role / "templates/base.j2").write_text("{% block top %}\nbase {{ name }}\n{% endblock %}\n{% block extra %}{% endblock %}\n")
    monkeypatch.chdir(made.working)
    return made


@pytest.fixture
def loader() -> DataLoader:
    return DataLoader()


@pytest.fixture
def render_jobs(places: SimpleNamespace, loader: DataLoader) -> Callable[..., list[str]]:
    """Render jobs with the variables that Ansible gives to a task of a role."""

    def render_jobs(jobs: list[Job], **variables: t.Any) -> list[str]:
        action = SimpleNamespace(_loader=loader, _templar=Templar(loader=loader))
        known = {
            "ansible_search_path": [str(places.role), str(places.role / "tasks"), str(places.play)],
            "inventory_dir": str(places.inventory),
            "playbook_dir": str(places.imported),
            "from_play": "play",
        }
        return render_all(action, jobs, {**known, **variables})

    return render_jobs


@pytest.fixture
def rendered(render_jobs: Callable[..., list[str]]) -> Render:
    def rendered(source: str, search: tuple[str, ...] = (), **variables: t.Any) -> str:
        return render_jobs([Job(source, {"name": "shop", **variables}, "shop.uwsgi.template", search)])[0]

    return rendered


def test_a_bare_name_is_found_in_the_role(rendered):
    assert rendered("base.j2") == "base shop\n"


@pytest.mark.parametrize("place", ["play", "more", "inventory", "imported", "working"])
def test_an_overlay_is_found_in_every_place_and_extends_the_roles_base(rendered, places, place):
    overlay = '{% extends "base.j2" %}\n{% block extra %}extra of {{ name }}{% endblock %}\n'
    (getattr(places, place) / "templates/stack").mkdir()
    (getattr(places, place) / "templates/stack/mine.j2").write_text(overlay)
    assert rendered("stack/mine.j2", (str(places.more),)) == "base shop\nextra of shop\n"


def test_the_places_are_searched_in_order(rendered, places):
    found = []
    for place in reversed(vars(places).values()):
        (place / "templates/mine.j2").write_text(place.name)
        found.append(rendered("mine.j2", (str(places.more),)))
    assert found == ["working", "imported", "inventory", "more", "play", "role"]


def test_what_an_overlay_includes_is_searched_in_the_same_order(rendered, places, tmp_path):
    (tmp_path / "mine.j2").write_text('{% include "part.j2" %}')
    found = []
    for place in (tmp_path, *reversed(vars(places).values())):
        (place if place is tmp_path else place / "templates").joinpath("part.j2").write_text(place.name)
        found.append(rendered(str(tmp_path / "mine.j2"), (str(places.more),)))
    assert found == [tmp_path.name, "working", "imported", "inventory", "more", "play", "role"]


def test_the_roles_base_comes_before_a_neighbour_of_that_name(rendered, tmp_path):
    (tmp_path / "base.j2").write_text("neighbour\n")
    (tmp_path / "mine.j2").write_text('{% extends "base.j2" %}\n')
    assert rendered(str(tmp_path / "mine.j2")) == "base shop\n"


def test_a_path_below_the_home_directory_is_taken(rendered, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.j2").write_text("at home\n")
    assert rendered("~/mine.j2") == "at home\n"


def test_variables_of_the_job_come_before_those_of_the_play(rendered, places):
    (places.play / "templates/mine.j2").write_text("{{ from_play }} {{ ansible_managed }}\n")
    assert rendered("mine.j2", ansible_managed="mine", from_play="job") == "job mine\n"


def test_a_template_may_be_encrypted(rendered, places, loader):
    secret = VaultSecret(b"password")
    loader.set_vault_secrets([("default", secret)])
    (places.inventory / "templates/mine.j2").write_bytes(VaultLib().encrypt("{{ name }}\n", secret))
    assert rendered("mine.j2") == "shop\n"


def test_nothing_deprecated_of_ansible_is_used(rendered, monkeypatch):
    told = []
    monkeypatch.setattr("ansible.utils.display.Display.deprecated", lambda *args, **named: told.append((args, named)))
    assert rendered("base.j2") == "base shop\n"
    assert told == []


def test_jobs_do_not_see_each_others_variables(render_jobs, places):
    (places.play / "templates/mine.j2").write_text("{{ one | default('-') }} {{ two | default('-') }} {{ play }}\n")
    jobs = [Job("mine.j2", variables, "") for variables in ({"one": 1}, {"two": 2}, {})]
    play = trust_as_template("{{ one | default('no') }}")
    assert render_jobs(jobs, play=play) == ["1 - 1\n", "- 2 no\n", "- - no\n"]


def test_fifty_applications_compile_no_more_than_one(render_jobs, places, compiled):
    (places.play / "templates/mine.j2").write_text('{% extends "base.j2" %}\n')
    texts = render_jobs([Job("mine.j2", {"name": str(number)}, "") for number in range(50)])
    assert texts == [f"base {number}\n" for number in range(50)]
    assert sorted(compiled) == [f"{places.play}/templates/mine.j2", f"{places.role}/templates/base.j2"]


def test_of_many_the_one_that_cannot_be_rendered_is_told(render_jobs, places):
    (places.play / "templates/mine.j2").write_text("{{ name if name != 'b' else nothing }}\n")
    with pytest.raises(AnsibleActionFail, match=r"^b: cannot render 'mine.j2': 'nothing' is undefined \("):
        render_jobs([Job("mine.j2", {"name": name}, name) for name in "abc"])


def test_a_name_that_is_not_there_is_told_with_the_places(rendered, places):
    with pytest.raises(AnsibleActionFail) as caught:
        rendered("nothing.j2", (str(places.more),))
    looked = [places.role, places.role / "tasks", *list(vars(places).values())[1:]]
    assert str(caught.value) == (
        "shop.uwsgi.template: cannot render 'nothing.j2': there is no such file "
        f"(looked in {', '.join(f'{place}/templates' for place in looked)}); correct the name, or put the file into one of these directories"
    )


@pytest.mark.parametrize("source", ["{there}/nothing.j2", "{there}/templates"])
def test_a_path_that_is_no_file_is_told(rendered, places, source):
    path = source.format(there=places.play)
    with pytest.raises(AnsibleActionFail) as caught:
        rendered(path)
    assert str(caught.value) == f"shop.uwsgi.template: cannot render '{path}': there is no such file; correct the path"


def test_an_error_leaves_jinja2_as_it_was(rendered, places):
    make = jinja2.Undefined.__init__
    (places.play / "templates/mine.j2").write_text("{{ nothing }}")
    with pytest.raises(AnsibleActionFail):
        rendered("mine.j2")
    assert jinja2.Undefined.__init__ is make


def test_a_template_that_extends_itself_is_told(rendered, places):
    (places.play / "templates/mine.j2").write_text('{% extends "mine.j2" %}\n')
    with pytest.raises(AnsibleActionFail, match=f"recursion.*{os.sep}mine.j2"):
        rendered("mine.j2")
