# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Requirements that only another tool reads are refused, with the way to a file that pip reads."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.git import GitTree
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.requirements.checked import (
    PROJECT,
    dynamic,
    one,
    package,
    problems,
    write,
)
from ansible_collections.flaskops.stack.tests.unit.render import complete
from ansible_collections.flaskops.stack.tests.unit.repository import Repository

# --- requirements that stand elsewhere -----------------------------------------------------------------------------------------

EMPTY_POETRY = '[tool.poetry.dependencies]\npython = "^3.11"\n'
ELSEWHERE = [
    ({"Pipfile": '[packages]\nflask = "*"\n'}, "Pipfile", "run `pipenv lock`"),
    ({"setup.cfg": "[options]\ninstall_requires = flask\n"}, "a setup.cfg with install_requires", "add a setup.py"),
    ({"requirements.in": "flask"}, "requirements.in", "run `pip-compile requirements.in`, or write `requirements: requirements.in`"),
    ({"requirements/prod.txt": "x", "requirements/base.txt": "x"}, "requirements/prod.txt", "write `requirements: requirements/prod.txt`"),
    ({"requirements/test-aws.txt": "x", "requirements/aws.txt": "y", "requirements/base.txt": "z"}, "requirements/base.txt", "base.txt`"),
    ({"pyproject.toml": '[dependency-groups]\ndev = []\nprod = ["flask"]\n'}, "groups of dependencies in pyproject.toml", "`groups: [prod]`"),
    ({"app.py": '# /// script\n# dependencies = ["flask"]\n# ///\n'}, "dependencies in comments of app.py", "into a requirements.txt"),
    ({"requirements/prod.txt": "flask", "requirements/dev.txt": "y"}, "requirements/prod.txt", "write `requirements: requirements/prod.txt`"),
    ({"requirements/prod.txt": "flask", "requirements/aws.txt": "y"}, "requirements/prod.txt", "write `requirements: requirements/prod.txt`"),
    ({"requirements-live.txt": "flask"}, "requirements-live.txt", "write `requirements: requirements-live.txt`"),
    ({"requirements_prod.txt": "flask"}, "requirements_prod.txt", "write `requirements: requirements_prod.txt`"),
    ({"requirements.prod.txt": "flask"}, "requirements.prod.txt", "write `requirements: requirements.prod.txt`"),
    ({"environment.yml": "name: x\ndependencies:\n  - flask\n"}, "environment.yml", "into a requirements.txt"),
    ({"conda.yaml": "dependencies: [flask]\n"}, "conda.yaml", "into a requirements.txt"),
    ({"pixi.toml": "[dependencies]\nflask = '*'\n"}, "pixi.toml", "into a requirements.txt"),
    ({"Requirements.txt": "flask"}, "Requirements.txt", "write `requirements: Requirements.txt`"),
    ({"requirement.txt": "flask"}, "requirement.txt", "write `requirements: requirement.txt`"),
    ({"reqs.txt": "flask"}, "reqs.txt", "write `requirements: reqs.txt`"),
    ({"requirements/prod.in": "x", "requirements/base.txt": "y"}, "requirements/base.txt", "write `requirements: requirements/base.txt`"),
    ({"requirements/prod.in": "x", "requirements/base.in": "y"}, "requirements/prod.in", "write `requirements: requirements/prod.in`"),
    ({"pylock.prod.toml": "x", "pylock.dev.toml": "y"}, "pylock.prod.toml", "write `requirements: pylock.prod.toml`"),
    (
        {"requirements/python3/requirements.txt": "x", "requirements/python3/test-requirements.txt": "y"},
        "requirements/python3/requirements.txt",
        "write `requirements: requirements/python3/requirements.txt`",
    ),
    ({"docker/requirements.txt": "x", "tests/requirements.txt": "y"}, "docker/requirements.txt", "`requirements: docker/requirements.txt`"),
    ({"pyproject.toml": '[dependency-groups]\nlint = ["x"]\nweb = ["y"]\n'}, "groups of dependencies in pyproject.toml", "`groups: [web]`"),
    (
        {"pyproject.toml": '[tool.poetry.group.dev.dependencies]\nx = "*"\n[tool.poetry.group.web.dependencies]\nflask = "*"\n'},
        "groups of dependencies of Poetry in pyproject.toml",
        "run `poetry lock`, and write `groups: [web]`",
    ),
    (
        {"pyproject.toml": '[tool.hatch.envs.default]\ndependencies = ["flask"]\n'},
        "dependencies of an environment of Hatch in pyproject.toml",
        "write them into `dependencies` of [project]",
    ),
    ({"Dockerfile": "FROM python:3\nRUN pip install flask\n"}, "a Dockerfile with `pip install`", "write what it installs into a requirements.txt"),
]  # fmt: skip


@pytest.mark.parametrize(("files", "seen", "remedy"), ELSEWHERE, ids=lambda value: "+".join(value) if isinstance(value, dict) else "")
def test_requirements_that_only_another_tool_reads_are_refused_with_the_way_to_a_file(check, files, seen, remedy):
    told = one(check(files))
    says = "the source has no requirements.txt, lock or project that declares requirements, so nothing would be installed"
    assert told.startswith(f"requirements: {says}, but it has {seen}; ")
    assert remedy in told
    assert told.endswith("; an empty requirements.txt says that nothing is needed.")
    assert check({**files, "requirements.txt": ""}) == []


@pytest.mark.parametrize(
    "setup",
    [
        "import setuptools\nsetuptools.setup(name='shop', version='1')\n",
        "from setuptools import setup\nsetup(name='shop', install_requires=[])\n",
        "from distutils.core import setup\nsetup(name='shop')\n",
        "import sys, typer\napp = typer.Typer()\n",
        "def setup():\n    print('nothing of a package')\n",
    ],
)
def test_a_setup_py_without_requirements_does_not_hide_the_file_that_has_them(check, setup):
    told = one(check({"setup.py": setup, "requirements/prod.txt": "flask"}))
    assert told.endswith(
        "but it has requirements/prod.txt; write `requirements: requirements/prod.txt`; an empty requirements.txt says that nothing is needed."
    )
    assert check({"setup.py": setup}, requirements="setup.py") == []


@pytest.mark.parametrize(
    "setup",
    [
        "from setuptools import setup\nsetup(**read_metadata())\n",
        "from setuptools import setup\nsetup(pbr=True)\n",
        "from skbuild import setup\nsetup(name='shop', install_requires=read())\n",
        "exec(open('build.py').read())\n",
        "import setuptools, build\nbuild.run(setuptools)\n",
        "print 'Python 2'\n",
    ],
)
def test_a_setup_py_that_may_have_requirements_is_left_to_pip(check, setup):
    assert check({"setup.py": setup, "requirements/prod.txt": "flask"}) == []


BESIDE = {
    "requirements.txt": "flask\n",
    "uv.lock": "version = 1\n",
    "Pipfile.lock": "{}",
    "pyproject.toml": PROJECT,
    "setup.py": "from setuptools import setup\nsetup(install_requires=['flask'])\n",
}


@pytest.mark.parametrize("name", BESIDE)
@pytest.mark.parametrize("wsgi", ["backend/shop/app.py", "backend.shop.app:app", "./backend/shop/app.py:app"])
@pytest.mark.parametrize("directory", ["backend", "backend/shop"])
def test_what_is_declared_beside_the_entry_point_is_seen(check, name, wsgi, directory):
    files = {"backend/shop/app.py": "app = 1\n", f"{directory}/{name}": BESIDE[name], "other/requirements.txt": "django\n"}
    told = one(check(files, wsgi=wsgi))
    assert f"but it has {directory}/{name}; write `requirements: {directory}/{name}`; an empty" in told


@pytest.mark.parametrize("name", ["pyproject.toml", "setup.cfg"])
def test_a_file_for_tools_beside_the_entry_point_declares_nothing(check, name):
    assert check({"backend/app.py": "app = 1\n", f"backend/{name}": "[tool]\n"}, wsgi="backend/app.py") == []


def test_a_directory_that_only_another_entry_point_is_in_declares_nothing_by_its_project(check):
    assert check({"libs/common/pyproject.toml": PROJECT}) == []


@pytest.mark.parametrize("name", ["prod", "base"])
def test_the_file_that_is_offered_can_be_written(check, name):
    assert check({f"requirements/{name}.txt": "flask"}, requirements=f"requirements/{name}.txt") == []


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"pyproject.toml": "[tool.ruff]\nline-length = 100\n"},
        {"pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n'},
        {"pyproject.toml": PROJECT.replace('["flask"]', "[]"), "uv.lock": '[[package]]\nname = "shop"\nsource = {editable = "."}\n'},
        {"pyproject.toml": EMPTY_POETRY, "poetry.lock": '[[package]]\nname = "pytest"\ngroups = ["dev"]\n'},
        {"pyproject.toml": '[dependency-groups]\ndev = ["pytest"]\n'},
        {"uv.lock": '[[package]]\nname = "shop"\nsource = {virtual = "."}\n'},
        {"Pipfile": '[packages]\n[dev-packages]\npytest = "*"\n', "Pipfile.lock": '{"default": {}, "develop": {"pytest": {}}}'},
        {"setup.cfg": "[flake8]\nmax-line-length = 100\n"},
        {"setup.py": "from setuptools import setup\nsetup(name='shop', install_requires=[])"},
        {
            "requirements-dev.txt": "pytest",
            "requirements/test.txt": "pytest",
            "dev-requirements.txt": "pytest",
            "requirements_docs.txt": "x",
        },
        {"docs/requirements.txt": "sphinx"},
        {"environment.yml": "name: x\n"},
        {"examples/requirements.txt": "flask", "tools/requirements.txt": "click", "docker/app/requirements.txt": "flask"},
        {"pyproject.toml": '[tool.hatch.envs.test]\ndependencies = ["pytest"]\n[tool.poetry.group.dev.dependencies]\npytest = "*"\n'},
        {"Dockerfile": "FROM python:3\nCOPY . /app\n"},
        {"constraints.txt": "flask==3.1.3\n"},
    ],
)
def test_a_project_that_needs_nothing_is_taken(check, files):
    assert check(files) == []


def test_a_package_is_not_looked_into(tmp_path):
    assert package(tmp_path, "shop==1.0", "flask") == []


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("Pipfile", "or one of requirements.txt, pylock.toml, uv.lock, "),
        ("backend/environment.yml", "name a file that pip reads"),
        ("settings.toml", "pyproject.toml, setup.py"),
    ],
)
def test_a_file_that_pip_cannot_read_is_no_requirements_file(check, name, remedy):
    told = one(check({name: "x"}, requirements=name))
    assert told.startswith(f"requirements: '{name}' is no file of requirements")
    assert remedy in told


def test_requirements_of_another_tool_may_be_read_by_pip(check):
    assert check({"requirements.in": "flask"}, requirements="requirements.in") == []


# --- the same in a commit ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"requirements.txt": "-r more/base.txt", "more/base.txt": "-e ../x", "pyproject.toml": PROJECT}, "in more/base.txt leads out of the source"),
        ({"requirements.txt": "../common"}, "leads out of the source"),
        ({"requirements.txt": "./lib"}, "which is not in the source"),
        ({"requirements.txt": "./lib", "lib/x.py": ""}, "which pip cannot install"),
        ({"requirements.txt": "uWSGI==2.0.28"}, "is a second uWSGI"),
        ({"requirements.txt": ".", "pyproject.toml": dynamic('"setuptools_scm"')}, "has its version from the history"),
        ({"pyproject.toml": PROJECT}, ""),
        ({"pyproject.toml": dynamic('"setuptools_scm"', 'dependencies = ["flask"]')}, "has its version from the history"),
        ({"requirements/prod.txt": "flask"}, "but it has requirements/prod.txt"),
        ({"requirements.txt": "./lib\n.[live]", "lib/setup.py": "", "pyproject.toml": PROJECT}, ""),
    ],
)  # fmt: skip
def test_a_commit_is_looked_at_as_a_directory_is(tmp_path, files, says):
    write(tmp_path / "app", files)
    commit = Repository(tmp_path).commit("x")
    told = problems(complete(wsgi="app.py"), GitTree(tmp_path / ".git", commit, "app"))
    assert says in one(told) if says else told == []
