# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The file that declares the requirements of a source, and what pip is to install for it."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.app import APP
from ansible_collections.flaskops.stack.plugins.plugin_utils.requirements.declared import ORDER, Declared, declared, declaring_file
from ansible_collections.flaskops.stack.plugins.plugin_utils.requirements.locked import NOMINAL
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import DirTree, SourceError
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.requirements.checked import PROJECT, SETUPTOOLS, write
from ansible_collections.flaskops.stack.tests.unit.render import complete

SETUP = "from setuptools import setup\nsetup(install_requires=['flask'])"
EXTRAS = """
[project.optional-dependencies]
pg = ["psycopg"]
API = ["flask-cors"]
all = ["Shop[pg,api]", "redis"]
[dependency-groups]
prod = ["sentry-sdk", {include-group = "base"}]
base = ["gunicorn"]
round = [{include-group = "round"}]
"""


@pytest.fixture
def found(tmp_path):
    def found(files: dict[str, str], **description) -> Declared:
        write(tmp_path, files)
        return declared(complete(**{"wsgi": "app.py", **description}), DirTree(tmp_path), NOMINAL)

    return found


@pytest.mark.parametrize("count", range(len(ORDER) - 1))
def test_the_first_file_of_the_order_declares(tmp_path, count):
    texts = {"pyproject.toml": PROJECT, "setup.py": SETUP}
    write(tmp_path, {name: texts.get(name, "x") for name in ORDER[count:]})
    assert declaring_file(complete(wsgi="app.py"), DirTree(tmp_path)) == ORDER[count]
    assert declaring_file(complete(wsgi="app.py", requirements="setup.py"), DirTree(tmp_path)) == "setup.py"


@pytest.mark.parametrize("text", ["[tool.ruff]\n", '[project]\nname = "shop"\nversion = "1"\n'])
def test_a_pyproject_that_says_nothing_of_requirements_declares_none(found, text):
    assert found({"pyproject.toml": text}) == Declared("")


def test_a_project_is_installed_without_what_it_needs_which_is_in_the_virtualenv(found):
    order = found({"pyproject.toml": PROJECT}).order
    assert (order["resolved"], order["project"]) == (["flask"], ".")


@pytest.mark.parametrize(
    "more", ["[tool.uv]\npackage = false\n", "[tool.poetry]\npackage-mode = false\n", "[tool.pdm]\ndistribution = false\n"]
)
def test_a_project_that_is_no_package_is_not_installed(found, more):
    assert found({"pyproject.toml": PROJECT + more}).order["project"] == ""


def test_extras_of_a_project_may_name_others_of_it(found):
    order = found({"pyproject.toml": PROJECT + EXTRAS}, extras=["all"], groups=["prod"]).order
    assert sorted(order["resolved"]) == ["flask", "flask-cors", "gunicorn", "psycopg", "redis", "sentry-sdk"]


@pytest.mark.parametrize(
    ("description", "says"),
    [
        ({"extras": ["mysql"]}, "extras: 'mysql' is no extra of the project"),
        ({"groups": ["mysql"]}, "groups: 'mysql' is no group of the project"),
        ({"groups": ["round"]}, "groups: 'round' includes itself"),
    ],
)
def test_an_extra_or_a_group_that_is_not_there_is_refused(found, description, says):
    with pytest.raises(SourceError, match=says):
        found({"pyproject.toml": PROJECT + EXTRAS}, **description)


@pytest.mark.parametrize("project", ["", '[project]\nname = "shop"\nversion = "1"\n'])
def test_groups_are_enough_of_a_declaration(found, project):
    order = found({"pyproject.toml": f'{project}[dependency-groups]\nprod = ["flask"]\n'}, groups=["prod"]).order
    assert (order["resolved"], order["project"]) == (["flask"], "")


@pytest.mark.parametrize("files", [{"requirements.txt": "flask"}, {}])
def test_a_requirements_file_has_no_extras(found, files):
    with pytest.raises(SourceError, match="^extras: is there, but"):
        found(files, extras=["pg"])


@pytest.mark.parametrize(
    ("files", "resolved"),
    [
        ({"setup.py": SETUP}, ["."]),
        ({"pyproject.toml": '[project]\nname = "x"\ndynamic = ["dependencies"]\n'}, ["."]),
        ({"pyproject.toml": f'{SETUPTOOLS}[tool.poetry.dependencies]\nflask = "^3"\n'}, ["."]),
        ({"pyproject.toml": f'{SETUPTOOLS}[tool.flit.metadata]\nmodule = "shop"\nrequires = ["flask"]\n'}, ["."]),
        ({"pyproject.toml": PROJECT.replace('"flask"', '"common @ file:///${PROJECT_ROOT}/libs/common"')}, ["."]),
        ({"pyproject.toml": PROJECT.replace('"flask"', '"common @ {root:uri}/libs/common"')}, ["."]),
    ],
)
def test_what_a_build_tool_finds_out_is_installed_by_pip_on_the_host(found, files, resolved):
    order = found(files).order
    assert (order["resolved"], order["project"]) == (resolved, "")


def test_pip_reads_a_requirements_file_itself(found):
    assert found({"requirements.txt": "flask\n.[live]\n-c c.txt", "c.txt": "flask==3", "pyproject.toml": PROJECT}) == Declared(
        "requirements.txt"
    )


def test_an_editable_installation_becomes_a_plain_one(found):
    files = {
        "requirements.txt": "-r more/base.txt\n-c c.txt\nflask \\\n  >=3\n",
        "more/base.txt": "-e .[live]\n-e git+https://x.example.com/y.git\n",
    }
    order = found({**files, "c.txt": "flask==3.1", "pyproject.toml": PROJECT}).order
    assert sorted(order["resolved"]) == ["-e git+https://x.example.com/y.git", ".[live]", "flask  >=3"]
    assert order["constraints"] == ["flask==3.1"]


def test_an_editable_installation_beside_hashes_is_installed_by_itself(found):
    """As `uv export` writes it. pip installs no directory where requirements have hashes."""
    order = found({"requirements.txt": "-e .\nflask==3 --hash=sha256:aa\n", "pyproject.toml": PROJECT}).order
    assert (order["resolved"], order["loose"]) == (["flask==3 --hash=sha256:aa"], ["."])


def test_the_documented_order_of_files_is_the_one_in_which_they_are_looked_for():
    # setup.cfg is read beside another file only.
    listed = ", ".join(f"`{name}`" for name in ORDER if name != "setup.cfg")
    assert APP.keys["requirements"].derived == f"the first of {listed}"


def test_a_group_may_be_written_in_any_spelling(found):
    text = f'{PROJECT}[dependency-groups]\n"Prod_Server" = ["gunicorn", {{include-group = "DATA.base"}}]\ndata-base = ["psycopg"]\n'
    for name in ("prod-server", "Prod_Server", "PROD.SERVER"):
        order = found({"pyproject.toml": text}, groups=[name]).order
        assert order["resolved"] == ["flask", "gunicorn", "psycopg"]


@pytest.mark.parametrize("line", ["-e ../../libs/common", "../../libs/common", "-e ../../libs/common[live]", "./../../libs/common"])
def test_paths_of_a_file_in_a_repository_with_many_projects_may_start_at_that_file(found, line):
    files = {"apps/shop/requirements.txt": f"flask\n{line}\n", "libs/common/pyproject.toml": PROJECT}
    order = found(files, requirements="apps/shop/requirements.txt").order
    assert order["resolved"] == ["flask", "./libs/common[live]" if "[" in line else "./libs/common"]


@pytest.mark.parametrize(("top", "place"), [({"pyproject.toml": PROJECT}, "."), ({}, "./apps/shop")])
def test_a_dot_is_the_top_where_a_project_is_and_otherwise_the_directory_of_the_file(found, top, place):
    files = {"apps/shop/requirements.txt": "-e .\n", "apps/shop/pyproject.toml": PROJECT, **top}
    assert found(files, requirements="apps/shop/requirements.txt").order["resolved"] == [place]
