# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Templates of the collection by jinja2 alone. tests/unit/render.py compares every text that a test renders with ansible-core's."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.cache_dir import require_writable
from ansible_collections.flaskops.stack.plugins.plugin_utils.template import plain_templar
from ansible_collections.flaskops.stack.plugins.plugin_utils.template.plain_templar import NotOurs, PlainTemplar
from jinja2.bccache import Bucket

# Other tests have another place.
COMPILED = plain_templar._COMPILED
VALUES = {"name": "shop", "items": [1, 2, 3], "nothing": None}


@pytest.fixture
def roles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory whose templates count as the collection's, and a home directory for what is compiled."""
    monkeypatch.setattr(plain_templar, "_ROLES", str(tmp_path / "roles"))
    monkeypatch.setattr(plain_templar, "_COMPILED", COMPILED)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "roles").mkdir()
    (tmp_path / "mine").mkdir()
    return tmp_path / "roles"


def render(roles: Path, text: str, *others: Path, **variables: object) -> str:
    path = roles / "site.j2"
    path.write_text(text)
    return PlainTemplar([*map(str, others), str(roles)], VALUES.__getitem__).render(text, str(path), variables)


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("{{ name }}\n", "shop\n"),
        ("{{ name }}\n\n\n", "shop\n\n\n"),
        ("{% if true %}\n  {{ name }}\n{% endif %}\n", "  shop\n"),
        ("[{{ nothing }}]", "[]"),
        ("{% set some = items | reject('eq', 2) %}{{ some | join }}{{ some | join }}", "1313"),
        ("{{ unknown | default('none') }}", "none"),
        ("{{ 'a.b' | regex_escape }}{{ ' is' if 'abc' is search('b') }}", r"a\.b is"),
    ],
)
def test_a_text_is_what_ansible_core_makes_of_it(roles, text, rendered):
    assert render(roles, text) == rendered


def test_a_value_of_the_job_goes_before_the_variable(roles):
    assert render(roles, "{{ name }}", name="blog") == "blog"


@pytest.mark.parametrize("text", ["{% extends 'base.j2' %}", "{% include 'base.j2' %}", "{% import 'base.j2' as base %}"])
def test_a_part_that_a_user_overlays_is_left_to_ansible_core(roles, text):
    (roles / "base.j2").write_text("ours")
    render(roles, text)
    mine = roles.parent / "mine"
    (mine / "base.j2").write_text("mine")
    with pytest.raises(NotOurs):
        render(roles, text, mine)


def test_a_file_that_is_imported_begins_anew_with_every_template(roles):
    (roles / "count.j2").write_text("{% set seen = [] %}{% macro see(x) %}{% set _ = seen.append(x) %}{{ seen | length }}{% endmacro %}")
    text = "{% import 'count.j2' as count %}{{ count.see(1) }}"
    (roles / "site.j2").write_text(text)
    templar = PlainTemplar([str(roles)], VALUES.__getitem__)
    assert [templar.render(text, str(roles / "site.j2"), {}) for _twice in range(2)] == ["1", "1"]


def test_templates_are_compiled_once_for_all_runs_in_a_directory_of_the_users_own(roles):
    render(roles, "{{ name }}")
    compiled = roles.parent / "home/.cache/flaskops/templates"
    assert compiled.stat().st_mode & 0o777 == 0o700
    (file,) = compiled.iterdir()
    before = file.read_bytes()
    assert render(roles, "{{ name }}") == "shop"
    assert file.read_bytes() == before
    assert render(roles, "{{ name }}!") == "shop!"


def test_nothing_is_taken_from_a_directory_that_others_can_write_to(roles):
    compiled = roles.parent / "home/.cache/flaskops/templates"
    compiled.mkdir(parents=True)
    compiled.chmod(0o777)
    assert render(roles, "{{ name }}") == "shop"
    assert [*compiled.iterdir()] == []


def test_a_home_directory_that_takes_nothing_is_no_problem(roles, monkeypatch):
    monkeypatch.setenv("HOME", os.devnull)
    assert render(roles, "{{ name }}") == "shop"


def test_what_another_version_has_compiled_is_compiled_again(roles, monkeypatch):
    render(roles, "{{ name }}")
    (file,) = (roles.parent / "home/.cache/flaskops/templates").iterdir()
    before = file.read_bytes()
    plain_templar._compiler.cache_clear()
    monkeypatch.setattr(plain_templar.importlib.metadata, "version", lambda _name: "3.0.0")
    assert render(roles, "{{ name }}") == "shop"
    assert file.read_bytes() != before
    plain_templar._compiler.cache_clear()


def test_a_disk_that_is_full_is_no_problem(roles, monkeypatch):
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Bucket, "write_bytecode", full)
    assert render(roles, "{{ name }}") == "shop"
    assert [*(roles.parent / "home/.cache/flaskops/templates").iterdir()] == []


def test_the_directory_of_fetched_sources_stays_usable(roles):
    """Ubuntu and others have a umask by which a group could write to what is made, and such a directory is refused."""
    before = os.umask(0o002)
    try:
        render(roles, "{{ name }}")
    finally:
        os.umask(before)
    require_writable(roles.parent / "home/.cache/flaskops")
