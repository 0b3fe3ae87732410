# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Requirements that a pyproject.toml describes for uv or Poetry alone are refused without a lock: pip would install something else."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.requirements.checked import PROJECT, SETUPTOOLS, one

LOCK = '[[package]]\nname = "shop"\nsource = {virtual = "."}\n'
POETRY = f'{SETUPTOOLS}[tool.poetry.dependencies]\npython = "^3.11"\n'
EXPLICIT = '[[tool.poetry.source]]\nname = "acme"\nurl = "https://pypi.acme.example/simple"\npriority = "explicit"\n'
ELSEWHERE = "which pip does not read: it would ask the package index"


@pytest.mark.parametrize("source", ['{path = "libs/flask"}', '{git = "https://git.example.com/x"}', '{index = "acme"}'])
def test_a_source_of_uv_needs_its_lock(check, source):
    files = {"pyproject.toml": f"{PROJECT}[tool.uv.sources]\nFlask = {source}\n"}
    says = f"requirements: [tool.uv.sources] says where 'Flask' comes from, {ELSEWHERE}"
    assert one(check(files)) == f"{says}; run `uv lock` and add the lock to the source."
    assert check({**files, "uv.lock": LOCK}) == []


@pytest.mark.parametrize("source", ["{workspace = true}", '{path = "../../", editable = true}', "[{workspace = true, marker = 'x'}]"])
def test_a_part_of_a_repository_whose_uv_needs_the_rest_is_refused_with_the_way_to_the_whole(check, source):
    files = {"pyproject.toml": f"{PROJECT}[tool.uv.sources]\nFlask = {source}\n"}
    says = "requirements: [tool.uv.sources] says that 'Flask' lies in the same repository, outside of the source"
    remedy = "let the source be the whole repository, and write `requirements` and `wsgi` with the paths in it"
    assert one(check(files)) == f"{says}; {remedy}."


def test_the_top_of_a_workspace_needs_its_lock_only(check):
    text = f"{PROJECT}[tool.uv.sources]\nFlask = {{workspace = true}}\n[tool.uv.workspace]\nmembers = ['libs/*']\n"
    assert "run `uv lock` and add the lock to the source" in one(check({"pyproject.toml": text}))


def test_a_source_of_uv_for_what_is_not_installed_is_no_matter(check):
    assert check({"pyproject.toml": f'{PROJECT}[tool.uv.sources]\nblack = {{git = "https://git.example.com/black"}}\n'}) == []


@pytest.mark.parametrize("key", ["override-dependencies", "constraint-dependencies"])
def test_versions_that_only_uv_knows_need_its_lock(check, key):
    told = one(check({"pyproject.toml": f'{PROJECT}[tool.uv]\n{key} = ["werkzeug<3"]\n'}))
    assert told.startswith(f"requirements: [tool.uv] has {key}, which pip does not read: it would choose other versions; run `uv lock`")


@pytest.mark.parametrize("value", ['{version = "1", source = "acme"}', '[{version = "1", source = "acme", python = "^3.11"}]'])
def test_a_source_of_poetry_needs_its_lock(check, value):
    told = one(check({"pyproject.toml": f"{POETRY}common = {value}\n{EXPLICIT}"}))
    says = f"requirements: [tool.poetry.dependencies] says where 'common' comes from, {ELSEWHERE}"
    assert told == f"{says}; run `poetry lock` and add the lock to the source."


@pytest.mark.parametrize("text", [f"[tool.poetry]\npackage-mode = false\n{POETRY}", POETRY.removeprefix(SETUPTOOLS)])
def test_requirements_of_poetry_that_pip_cannot_install_need_its_lock(check, text):
    files = {"pyproject.toml": f'{text}flask = "^3"\n'}
    assert "of a project that is no package, which pip cannot install; run `poetry lock`" in one(check(files))
    assert check({**files, "poetry.lock": '[[package]]\nname = "flask"\nversion = "3.1"\ngroups = ["main"]\n'}) == []


def test_a_path_of_poetry_outside_of_the_source_is_refused(check):
    told = one(check({"pyproject.toml": f'{POETRY}common = {{path = "../common"}}\n'}))
    assert "names '../common', which leads out of the source; " in told
    assert check({"pyproject.toml": f'{POETRY}common = {{path = "libs/common"}}\n'}) == []


def test_a_package_of_poetry_is_taken_without_a_lock(check):
    assert check({"pyproject.toml": f'{POETRY}flask = "^3"\n'}) == []


@pytest.mark.parametrize("place", ['path = "libs/flask"', 'git = "https://git.example.com/flask"', 'url = "https://example.com/flask.zip"'])
def test_a_place_that_poetry_adds_to_a_requirement_of_the_standard_needs_its_lock(check, place):
    files = {"pyproject.toml": f"{PROJECT}[tool.poetry.dependencies]\nFlask = {{{place}}}\n", "libs/flask/setup.py": ""}
    says = f"requirements: [tool.poetry.dependencies] says where 'Flask' comes from, {ELSEWHERE}"
    assert one(check(files)) == f"{says}; run `poetry lock` and add the lock to the source."
    assert check({**files, "poetry.lock": '[[package]]\nname = "flask"\nversion = "3.1"\ngroups = ["main"]\n'}) == []


def test_a_place_that_poetry_knows_for_what_is_not_installed_is_no_matter(check):
    assert check({"pyproject.toml": f'{PROJECT}[tool.poetry.dependencies]\nother = {{path = "libs/other"}}\n'}) == []


@pytest.mark.parametrize(
    ("table", "tool"),
    [("tool.uv.index", "uv"), ("tool.poetry.source", "poetry"), ("tool.pdm.source", "pdm")],
)
def test_an_index_that_only_another_tool_asks_needs_its_lock(check, table, tool):
    index = f'[[{table}]]\nname = "acme"\nurl = "https://me:s3cret@pypi.acme.example/simple"\n'
    told = one(check({"pyproject.toml": f"{PROJECT}{index}"}))
    assert told == (
        f"requirements: [[{table}]] names the index 'acme', {ELSEWHERE} of the host; run `{tool} lock` and add the lock to the source, or set"
        " PIP_INDEX_URL or PIP_EXTRA_INDEX_URL in build_env."
    )
    assert "s3cret" not in one(check({"pyproject.toml": f"{PROJECT}{index}".replace('name = "acme"\n', "")}))


@pytest.mark.parametrize(
    "index",
    [
        '[[tool.uv.index]]\nname = "acme"\nurl = "https://pypi.acme.example/simple"\nexplicit = true\n',
        EXPLICIT,
        '[[tool.pdm.source]]\nname = "pypi"\nurl = "https://pypi.org/simple"\n',
        '[[tool.poetry.source]]\nname = "PyPI"\npriority = "primary"\n',
    ],
)
def test_an_index_that_is_asked_for_nothing_or_is_the_usual_one_is_no_matter(check, index):
    assert check({"pyproject.toml": f"{PROJECT}{index}"}) == []


@pytest.mark.parametrize("variable", ["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"])
def test_a_description_may_say_which_index_is_asked(check, variable):
    index = '[[tool.uv.index]]\nname = "acme"\nurl = "https://pypi.acme.example/simple"\n'
    assert check({"pyproject.toml": f"{PROJECT}{index}"}, build_env={variable: "https://pypi.acme.example/simple"}) == []


def test_versions_that_only_pdm_knows_need_its_lock(check):
    told = one(check({"pyproject.toml": f'{PROJECT}[tool.pdm.resolution.overrides]\nwerkzeug = "2.3"\n'}))
    assert told.startswith(
        "requirements: [tool.pdm.resolution] has overrides, which pip does not read: it would choose other versions; run `pdm lock`"
    )
