# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""misplaced_module: a module that lies deeper in the source than Python looks for it is refused with its place."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.code.misplaced import misplaced_module
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import DirTree
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.requirements.checked import PROJECT
from ansible_collections.flaskops.stack.tests.unit.render import complete

TOP = {"requirements.txt": "flask\n"}


def told(tmp_path, files: dict[str, str], **description) -> list[str]:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    app = complete(**{"wsgi": "shop:app", **description})
    return [f"{error.key}: {error.problem}; {error.remedy}" for error in misplaced_module(app, DirTree(tmp_path, ()))]


@pytest.mark.parametrize(
    ("files", "wsgi", "place", "remedy"),
    [
        ({**TOP, "web/shop.py": ""}, "shop:app", "web/shop.py", "write `wsgi: web/shop.py:app`, or write `subdir: web` in source"),
        ({**TOP, "web/shop.py": ""}, "shop", "web/shop.py", "write `wsgi: web/shop.py`, or write `subdir: web` in source"),
        ({**TOP, "web/shop/app.py": ""}, "shop.app:create_app()", "web/shop/app.py", "write `subdir: web` in source"),
        (
            {**TOP, "apps/a/shop/__init__.py": "", "apps/a/requirements.txt": ""},
            "shop:app",
            "apps/a/shop/__init__.py",
            "write `subdir: apps/a` in source, or write `wsgi: apps/a/shop/__init__.py:app`",
        ),
        # The requirements of the top are of another project.
        (
            {"pyproject.toml": PROJECT.replace("shop", "tools"), "web/pyproject.toml": PROJECT, "web/shop.py": ""},
            "shop:app",
            "web/shop.py",
            "write `subdir: web` in source, or write `wsgi: web/shop.py:app`",
        ),
        (
            {**TOP, "{{cookiecutter.name}}/shop.py": ""},
            "shop:app",
            "{{cookiecutter.name}}/shop.py in a template",
            "make a project of the template with `cookiecutter`, and let the source be that",
        ),
    ],
)
def test_a_module_in_another_directory_is_refused_with_its_place(tmp_path, files, wsgi, place, remedy):
    module = wsgi.partition(":")[0]
    assert told(tmp_path, files, wsgi=wsgi) == [
        f"wsgi: '{module}' is no module at the top of the source, and the source has {place}; {remedy}"
    ]


@pytest.mark.parametrize(
    "files",
    [
        {**TOP, "shop.py": "", "web/shop.py": ""},
        {**TOP, "shop/__init__.py": "", "web/shop.py": ""},
        {**TOP, "src/shop.py": ""},
        {**TOP, "web/other.py": ""},
        # The requirements may bring it.
        {"requirements.txt": "Shop==1\n", "vendor/shop.py": ""},
        {"requirements.txt": "flask\n./web\n", "web/setup.py": "", "web/shop.py": ""},
        {"requirements.txt": "flask\n-e .\n", "setup.py": "", "lib/shop.py": ""},
        {"pyproject.toml": PROJECT, "lib/shop.py": ""},
        # The requirements have a mistake of their own.
        {"requirements.txt": "-r other.txt\n", "web/shop.py": ""},
    ],
)
def test_a_module_that_may_be_found_is_left_to_the_gate(tmp_path, files):
    assert told(tmp_path, files) == []


@pytest.mark.parametrize(
    "description",
    [{"env": {"PYTHONPATH": "web"}}, {"hooks": {"build": ["make"]}}, {"extra_requirements": ["shop"]}, {"wsgi": "web/shop.py"}],
)
def test_a_description_may_bring_it_in_other_ways(tmp_path, description):
    assert told(tmp_path, {**TOP, "web/shop.py": ""}, **description) == []
