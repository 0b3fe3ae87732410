# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A project that notes another version of Python than the host has is told so, and deployed all the same."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.source import DEFAULT_EXCLUDES
from ansible_collections.flaskops.stack.plugins.plugin_utils.release.noted_python import noted_python_warning
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import DirTree
from ansible_collections.flaskops.stack.tests.unit.render import complete


@pytest.fixture
def told(tmp_path):
    """Return a function that writes a file of a project, and returns what is told on a host with Python 3.13."""

    def told(file: str = "", text: str = "") -> str:
        if file:
            (tmp_path / file).write_text(text)
        return noted_python_warning(complete(), DirTree(tmp_path, [*DEFAULT_EXCLUDES]), "cpython-3.13")

    return told


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".python-version", "3.12\n"),
        (".python-version", "# for pyenv\n3.12.4\n3.11\n"),
        (".python-version", "cpython-3.12.4-linux-x86_64-gnu\n"),
        ("runtime.txt", "python-3.12.4\n"),
        ("Pipfile", '[packages]\nflask = "*"\n[requires]\npython_version = "3.12"\n'),
        ("Pipfile", "[requires]\npython_full_version='3.12.4'\n"),
        (".tool-versions", "nodejs 22.1.0\npython 3.12.4\n"),
    ],
)
def test_another_version_is_told(told, file, text):
    assert told(file, text) == (
        f"shop: {file} of the source names Python 3.12, and the application gets 3.13, which `python: python3` is on the host."
        " Set `python` to an interpreter of the host with that version, or correct the file."
    )


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("", ""),
        (".python-version", "3.13.1\n"),
        (".python-version", "pypy3.10-7.3\nsystem\n"),
        ("runtime.txt", "python-3.13\n"),
        ("runtime.txt", "notes about our runtime in 2023\n"),
        (".tool-versions", "nodejs 3.12\n"),
    ],
)
def test_the_same_version_and_none_are_not(told, file, text):
    assert told(file, text) == ""
