# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The fixture that checks a directory."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import DirTree
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.requirements.checked import problems, write
from ansible_collections.flaskops.stack.tests.unit.render import complete


@pytest.fixture
def check(tmp_path):
    """Check a directory of files; return its problems as lines. A second call adds files."""

    def check(files: dict[str, str | bytes], **description) -> list[str]:
        write(tmp_path / "code", files)
        return problems(complete(**{"wsgi": "app.py", **description}), DirTree(tmp_path / "code", [".git"]))

    return check
