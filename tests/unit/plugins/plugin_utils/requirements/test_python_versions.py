# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The versions of Python that a project says it is for, in its files of every kind."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.requirements.project import Project
from ansible_collections.flaskops.stack.plugins.plugin_utils.requirements.python_versions import specifier_of_poetry
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import DirTree
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.requirements.checked import write


@pytest.mark.parametrize(
    ("constraint", "specifier"),
    [
        ("^3.11", ">=3.11,<4"),
        ("~3.11", ">=3.11,<3.12"),
        ("~3", ">=3,<4"),
        (">=3.9,<3.12", ">=3.9,<3.12"),
        (">=3.9 <3.12", ">=3.9,<3.12"),
        (">= 3.9, != 3.9.7", ">=3.9,!=3.9.7"),
        ("3.11.*", "==3.11.*"),
        ("3.11", "==3.11.*"),
        ("3.11.4", "==3.11.4"),
        ("~=3.11", "~=3.11"),
        # Alternatives, anything, and what nobody can read, say nothing.
        ("~2.7 || ^3.6", ""),
        ("*", ""),
        ("", ""),
        ("latest", ""),
    ],
)
def test_a_constraint_of_poetry_is_a_specifier(constraint, specifier):
    assert specifier_of_poetry(constraint) == specifier


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.10"\n[tool.poetry.dependencies]\npython = "^3.11"\n'}, ">=3.10"),
        ({"pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.11"\n'}, ">=3.11,<4"),
        ({"setup.cfg": "[options]\npython_requires = <3.12\n"}, "<3.12"),
        ({"pyproject.toml": "[tool.ruff]\n"}, ""),
    ],
)
def test_a_project_says_which_python_it_is_for(tmp_path, files, wanted):
    write(tmp_path, files)
    assert Project(DirTree(tmp_path)).requires_python == wanted
