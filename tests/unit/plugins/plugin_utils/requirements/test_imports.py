# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The directories in which the modules of a source lie."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.requirements.imports import import_path, instance_path, module_files
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import DirTree

POETRY = '[tool.poetry]\npackages = [{include = "shop", from = "backend"}]\n'
FIND = '[tool.setuptools.packages.find]\nwhere = ["lib", "../out"]\n'
PACKAGE_DIR = '[tool.setuptools.package-dir]\n"" = "code"\n'


@pytest.mark.parametrize(
    ("wsgi", "files", "directory"),
    [
        ("shop:app", {"shop.py": ""}, ""),
        ("shop.wsgi:app", {"shop/wsgi.py": "", "src/shop/wsgi.py": ""}, ""),
        ("shop:app", {"src/shop/__init__.py": ""}, "src"),
        ("shop.wsgi:create_app('x.py')", {"src/shop/wsgi.py": ""}, "src"),
        ("shop", {"src/shop.py": ""}, "src"),
        # The module comes with the requirements.
        ("other:app", {"src/shop/__init__.py": ""}, ""),
        ("shop:app", {"backend/shop/__init__.py": "", "pyproject.toml": POETRY}, "backend"),
        ("shop:app", {"lib/shop/__init__.py": "", "pyproject.toml": FIND}, "lib"),
        ("shop:app", {"code/shop.py": "", "pyproject.toml": PACKAGE_DIR}, "code"),
        ("shop:app", {"pyproject.toml": "[tool.setuptools.packages]\nfind = 3\n"}, ""),
        ("app.py", {"app.py": ""}, ""),
        ("src/app.py:app", {"src/app.py": ""}, "src"),
        ("./src/app.py", {"src/app.py": ""}, "src"),
        # The modules of a package may be called like those of Python, such as email.
        ("shop/app.py", {"shop/app.py": "", "shop/__init__.py": ""}, ""),
        ("src/shop/wsgi.py", {"src/shop/wsgi.py": "", "src/shop/__init__.py": ""}, "src"),
        ("./src/shop/web/wsgi.py:app", {"src/shop/web/wsgi.py": "", "src/shop/web/__init__.py": "", "src/shop/__init__.py": ""}, "src"),
        ("shop/web/wsgi.py", {"shop/web/wsgi.py": "", "shop/web/__init__.py": "", "shop/__init__.py": ""}, ""),
    ],
)
def test_the_directory_of_the_entry_point(tmp_path, wsgi, files, directory):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert import_path(wsgi, DirTree(tmp_path)) == directory


@pytest.mark.parametrize(
    ("wsgi", "imports", "place"),
    [
        ("shop:app", "", "instance"),
        ("shop:app", ".", "instance"),
        ("shop:app", "src:.project", "src/instance"),
        ("app.py", "", "instance"),
        ("backend/app.py:app", "backend", "backend/instance"),
        ("shop/app.py", "", "shop/instance"),
    ],
)
def test_flask_looks_for_the_instance_folder_beside_the_code(wsgi, imports, place):
    assert instance_path(wsgi, imports) == place


def test_the_files_that_may_define_a_module(tmp_path):
    (tmp_path / "src/shop").mkdir(parents=True)
    (tmp_path / "src/shop/wsgi.py").touch()
    assert module_files("shop.wsgi", DirTree(tmp_path)) == ["src/shop/wsgi/__init__.py", "src/shop/wsgi.py"]
