# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A second uWSGI among the requirements is refused."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi.packages import DEFAULT_UWSGI
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.requirements.checked import (
    PROJECT,
    SETUPTOOLS,
    one,
    package,
)


@pytest.mark.parametrize(
    "line",
    [
        "uWSGI==2.0.28",
        "uwsgi",
        "UWSGI >= 2.0",
        "pyuwsgi==2.0.28",
        "pyuwsgi",
        "uwsgi==2.0.28; sys_platform != 'win32'",
        "uwsgi==2.0.28 ; python_version < '3.12'",
        "uWSGI==2.0.28 --hash=sha256:0",
        "uWSGI==2.0.28 \\\n    --hash=sha256:0",
        "uwsgi @ https://example.com/uwsgi-2.0.28.tar.gz",
    ],
)
def test_a_second_uwsgi_in_the_requirements_is_refused(check, line):
    told = one(check({"requirements.txt": f"{line}\n"}))
    assert " in requirements.txt is a second uWSGI beside uwsgi.package, " in told
    assert f"'{DEFAULT_UWSGI}'; remove the line, as uwsgi.package brings uWSGI" in told


@pytest.mark.parametrize(
    ("line", "keep"),
    [
        ("uWSGI == 2.0.28", 'for that very one write `uwsgi: {package: "uwsgi==2.0.28"}` too.'),
        ("uWSGI==2.0.18", "remove the line, as uwsgi.package brings uWSGI."),
        ("uWSGI>=2.0.28", "remove the line, as uwsgi.package brings uWSGI."),
    ],
)
def test_the_very_one_can_be_kept_if_it_is_new_enough(check, line, keep):
    assert one(check({"requirements.txt": line})).endswith(keep)


@pytest.mark.parametrize(("line", "package"), [("uWSGI==2.0.31", "uwsgi==2.0.31"), ("pyuwsgi == 2.0.28", "pyuwsgi==2.0.28")])
def test_the_same_uwsgi_twice_is_one(check, line, package):
    assert check({"requirements.txt": line}, uwsgi={"package": package}) == []
    assert check({"requirements.txt": line}, uwsgi={"package": "uwsgi==2.0.30"}) != []


@pytest.mark.parametrize("line", ["uwsgi; sys_platform == 'win32'", "uwsgitop", "uwsgi-tools==1", "uwsgidecorators", "# uWSGI==2.0.28"])
def test_what_is_no_second_uwsgi_is_taken(check, line):
    assert check({"requirements.txt": f"flask\n{line}\n"}) == []


def test_a_constraint_on_uwsgi_installs_nothing(check):
    assert check({"requirements.txt": "flask\n-c pins.txt", "pins.txt": "uwsgi==2.0.28"}) == []


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": PROJECT.replace('"flask"', '"flask", "uwsgi>=2"')},
        {"pyproject.toml": f'{PROJECT}[project.optional-dependencies]\nfast_Er = ["uWSGI"]\n'},
        {"setup.py": "from setuptools import setup\nsetup(name='shop', install_requires=['flask', 'uwsgi'])\n"},
        {"setup.py": "from setuptools import setup\nsetup()\n", "setup.cfg": "[options]\ninstall_requires =\n    flask\n    uwsgi\n"},
        {"pyproject.toml": f'{SETUPTOOLS}[tool.poetry.dependencies]\npython = "^3.11"\nuwsgi = "^2.0"\n'},
    ],
)
def test_a_second_uwsgi_that_the_project_depends_on_is_refused(check, files):
    told = one(check({"requirements.txt": ".[fast-er]", **files}))
    assert told.startswith(f"uwsgi.package: '{DEFAULT_UWSGI}' and 'u")
    assert told.endswith('; write `uwsgi: {package: "uwsgi==2.0.31"}`, or remove the dependency.')
    assert check({"requirements.txt": ".[fast-er]", **files}, uwsgi={"package": "uwsgi==2.0.31"}) == []


def test_an_extra_that_is_not_asked_for_brings_nothing(check):
    assert check({"requirements.txt": ".", "pyproject.toml": f'{PROJECT}[project.optional-dependencies]\nfast = ["uWSGI"]\n'}) == []


def test_a_package_that_depends_on_the_uwsgi_that_is_compiled_needs_it_written(tmp_path):
    told = one(package(tmp_path, "shop==1.0", "flask", "uwsgi (>=2)"))
    assert told.startswith("uwsgi.package: ")
    assert 'write `uwsgi: {package: "uwsgi==2.0.31"}`' in told
    assert package(tmp_path, "shop==1.0", "flask", "uwsgi (>=2)", uwsgi={"package": "uwsgi==2.0.31"}) == []
    assert package(tmp_path, "shop==1.0", "flask", "uwsgi; extra == 'live'") == []
    assert package(tmp_path, "shop[live]==1.0", "flask", "uwsgi; extra == 'live'") != []
    assert package(tmp_path, "shop==1.0", "pyuwsgi") == []
