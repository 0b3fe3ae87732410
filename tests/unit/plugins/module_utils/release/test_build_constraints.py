# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The tools that packages without a wheel are built with have the versions that a description wants."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.release.build import build
from ansible_collections.flaskops.stack.plugins.module_utils.release.build_constraints import build_constraints
from ansible_collections.flaskops.stack.tests.unit.building import description, left, needs_root, packed

# Which pip obeys which variable: `PIP_CONSTRAINT` until 25.2, `PIP_BUILD_CONSTRAINT` from 25.3 on.
VARIABLES = {"PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"}


@pytest.fixture
def order(tmp_path):
    (tmp_path / "venvs").mkdir()
    return {"root": str(tmp_path), "build_constraints": ["setuptools<81", "cython<3"], "build_environment": {}}


def test_every_pip_finds_the_file_in_its_variable(order):
    with build_constraints(order) as variables:
        assert set(variables) == VARIABLES
        (path,) = set(variables.values())
        assert Path(path).read_text() == "setuptools<81\ncython<3\n"
        assert Path(path).stat().st_mode & 0o777 == 0o644
    assert not Path(path).exists()


def test_a_file_that_the_description_names_itself_counts_too(order):
    order["build_environment"] = {"PIP_CONSTRAINT": "/etc/pip-constraints.txt"}
    with build_constraints(order) as variables:
        assert variables["PIP_CONSTRAINT"] == f"/etc/pip-constraints.txt {variables['PIP_BUILD_CONSTRAINT']}"


def test_nothing_is_written_where_nothing_is_wanted(order):
    order["build_constraints"] = []
    with build_constraints(order) as variables:
        assert variables == {}
        assert list(Path(order["root"], "venvs").iterdir()) == []


@needs_root
def test_pip_has_the_variables_for_everything_that_it_builds_and_the_file_goes_afterwards(host):
    plan = {"requirements": "requirements.txt", "declared": None}
    build(description(host, build_constraints=["setuptools<81"], **plan), packed(host.place))
    calls = [line for line in host.pip.read_text().splitlines() if " install " in line]
    told = [line for line in host.pip.read_text().splitlines() if line.startswith("tools: ")]
    assert len(calls) == 2
    assert told == ["tools: setuptools<81"] * len(calls)
    assert not [name for name in left(host) if ".tools-" in name]
