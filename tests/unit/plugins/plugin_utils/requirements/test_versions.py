# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A project whose version is in the history of its repository is refused, with the key that helps."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.requirements.checked import PROJECT, dynamic, one

SCM = ("[tool.setuptools_scm]", 'fallback_version = "0.1"')
VCS, PDM = '[tool.hatch.version]\nsource = "vcs"\n', '[tool.pdm.version]\nsource = "scm"\n'
SETUP_PY = "from setuptools import setup\nsetup(use_scm_version=True, setup_requires=['setuptools_scm'])"
# Each was tried: pip fails without a history, and with the key it does not.
HISTORY = [
    ("setuptools_scm", {"pyproject.toml": dynamic('"setuptools", "setuptools_scm[toml]>=8"', "[tool.setuptools_scm]\n")}, *SCM),
    ("setuptools_scm", {"pyproject.toml": dynamic('"setuptools-scm"')}, *SCM),
    ("setuptools_scm", {"setup.py": SETUP_PY}, *SCM),
    ("hatch-vcs", {"pyproject.toml": dynamic('"hatchling", "hatch-vcs"', VCS)}, "[tool.hatch.version]", 'fallback-version = "0.1"'),
    ("pdm", {"pyproject.toml": dynamic('"pdm-backend"', PDM)}, "[tool.pdm.version]", 'fallback_version = "0.1"'),
    ("versioningit", {"pyproject.toml": dynamic('"versioningit"', "[tool.versioningit]\n")}, "[tool.versioningit]", 'default-version = "0.1"'),
]  # fmt: skip


@pytest.mark.parametrize(("_tool", "files", "table", "key"), HISTORY)
@pytest.mark.parametrize("line", [".", ".[live]", "./lib"])
def test_a_project_whose_version_is_in_the_history_is_refused_with_the_key_that_helps(check, _tool, files, table, key, line):
    if line == "./lib":
        files = {f"lib/{name}": text for name, text in files.items()}
    told = one(check({"requirements.txt": line, **files}))
    assert f"'{line}' in requirements.txt has its version from the history by " in told
    assert f"write {key} below {table} in pyproject.toml" in told


@pytest.mark.parametrize(("_tool", "files", "table", "key"), [case for case in HISTORY if "pyproject.toml" in case[1]])
def test_with_that_key_it_is_taken(check, _tool, files, table, key):
    text = files["pyproject.toml"]
    text = text.replace(f"{table}\n", f"{table}\n{key}\n") if table in text else f"{text}{table}\n{key}\n"
    assert check({"requirements.txt": ".", "pyproject.toml": text}) == []


@pytest.mark.parametrize(
    ("files", "variable"),
    [
        (HISTORY[0][1], "SETUPTOOLS_SCM_PRETEND_VERSION"),
        (HISTORY[2][1], "SETUPTOOLS_SCM_PRETEND_VERSION_FOR_SHOP"),
        (HISTORY[3][1], "SETUPTOOLS_SCM_PRETEND_VERSION"),
        (HISTORY[4][1], "PDM_BUILD_SCM_VERSION"),
        ({"pyproject.toml": dynamic('"pbr"')}, "PBR_VERSION"),
    ],
)
def test_the_build_may_be_given_the_version(check, files, variable):
    told = one(check({"requirements.txt": ".", **files}))
    assert f'or `build_env: {{{variable.removesuffix("_FOR_SHOP")}: "0.1"}}`' in told
    assert check({}, build_env={variable: "1.0"}) == []
    assert len(check({}, build_env={"OTHER": "1.0"})) == 1


@pytest.mark.parametrize("tool", ["pbr", "poetry-dynamic-versioning", "flit_scm"])
def test_a_tool_without_such_a_key_needs_a_wheel(check, tool):
    told = one(
        check({"requirements.txt": ".", "pyproject.toml": dynamic(f'"{tool}"', "[tool.poetry-dynamic-versioning]\nenable = true\n")})
    )
    assert "has its version from the history by " in told
    assert "put a wheel of it into the source" in told


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": PROJECT.replace('"setuptools>=64"', '"setuptools>=64", "setuptools_scm"')},
        {"pyproject.toml": dynamic('"hatchling", "hatch-vcs"', '[tool.hatch.version]\npath = "shop.py"\n')},
        {"pyproject.toml": dynamic('"pdm-backend"', '[tool.pdm.version]\nsource = "file"\n')},
        {"pyproject.toml": dynamic('"setuptools"', '[tool.setuptools.dynamic]\nversion = {attr = "shop.version"}\n')},
        {"pyproject.toml": dynamic('"setuptools_scm"'), "PKG-INFO": "Version: 1"},
        {"pyproject.toml": dynamic('"setuptools", "versioneer"')},
        {"setup.py": "from setuptools import setup\nsetup(use_scm_version={'fallback_version': '1'}, setup_requires=['setuptools_scm'])"},
    ],
)
def test_a_version_that_is_there_without_a_history_is_taken(check, files):
    assert check({"requirements.txt": ".", **files}) == []


def test_a_project_that_is_not_installed_may_have_its_version_from_anywhere(check):
    assert check({"requirements.txt": "flask", "pyproject.toml": dynamic('"setuptools_scm"')}) == []
