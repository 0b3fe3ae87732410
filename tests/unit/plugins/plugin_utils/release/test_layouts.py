# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every layout of a project with every declaration of requirements: what is installed, and where the module of the entry point is found."""

from __future__ import annotations

import importlib.machinery
import posixpath
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app.layout import PROJECT_DIRECTORY
from ansible_collections.flaskops.stack.plugins.plugin_utils.release.plan import plan_release
from ansible_collections.flaskops.stack.plugins.plugin_utils.release.source_checks import check_source
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import DirTree
from ansible_collections.flaskops.stack.tests.layouts import DECLARATIONS, LAYOUTS, description_of, files_of
from ansible_collections.flaskops.stack.tests.unit.render import complete


@pytest.mark.parametrize("declared", DECLARATIONS)
@pytest.mark.parametrize("laid_out", LAYOUTS)
def test_a_project_is_planned_as_its_authors_keep_it(tmp_path, laid_out, declared):
    layout, declaration = LAYOUTS[laid_out], DECLARATIONS[declared]
    for name, text in files_of(layout, declaration).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    app, tree = complete(**description_of(layout, declaration)), DirTree(tmp_path)
    check_source(app, tree)
    made = plan_release(app, tree, "cpython-3.13")
    file = posixpath.join(layout.directory, next(iter(declaration.files)))
    project = f"./{layout.directory}" if layout.directory else "."
    if declaration.kind == "file":
        assert (made.requirements, made.declared) == (file, None)
    else:
        installed = [project if line == "." else line for line in declaration.lines]
        parts = {key: installed if key == declaration.kind else [] for key in ("constraints", "locked", "resolved", "loose")}
        assert (made.requirements, made.declared) == (None, {**parts, "project": project if declaration.project else ""})
    found_in = [layout.imports or ".", PROJECT_DIRECTORY] if declaration.project else [layout.imports] if layout.imports else []
    assert made.imports == ":".join(found_in)
    if not layout.wsgi.endswith(".py"):
        places = [str(tmp_path / place) for place in ["", *made.imports.split(":")]]
        spec = importlib.machinery.PathFinder.find_spec(layout.wsgi.partition(":")[0], places)
        assert spec
        assert Path(str(spec.origin)).is_relative_to(tmp_path)
