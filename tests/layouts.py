# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Projects in every layout with every declaration of requirements: a unit test plans the release of each, and tools/docs.py writes the table.

Each is a small application that needs Flask.
"""

from __future__ import annotations

import json
import posixpath
import typing as t

_CODE = "from flask import Flask\napp = Flask(__name__)\ndef create_app():\n    return app\n"
_HASH = "sha256:" + "a" * 64
_PROJECT = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["flask>=3"]\n'
_SETUPTOOLS = '[build-system]\nrequires = ["setuptools>=64"]\nbuild-backend = "setuptools.build_meta"\n'
_POETRY = '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
_LOCKED = '[[package]]\nname = "flask"\nversion = "3.1.3"\n'


class Layout(t.NamedTuple):
    """The code of a project: its files, the entry point, the directory of the project, and the directory that its modules are found in."""

    files: tuple[str, ...]
    wsgi: str
    directory: str = ""
    imports: str = ""


class Declaration(t.NamedTuple):
    """The files that declare requirements, and what pip installs for them: lines of one kind, and the project itself or not.

    ``kind`` is ``file`` where pip reads the file itself, and otherwise the key of the order: ``locked``, ``resolved`` or ``loose``.
    """

    files: t.Mapping[str, str]
    kind: str
    lines: tuple[str, ...]
    project: bool = False
    # Keys that the description needs.
    keys: t.Mapping[str, t.Any] = {}


LAYOUTS: t.Mapping[str, Layout] = {
    "a file": Layout(("app.py",), "app.py"),
    "a package": Layout(("shop/__init__.py", "shop/views.py"), "shop:app"),
    "a factory": Layout(("shop/__init__.py", "shop/views.py"), "shop:create_app()"),
    "`src`": Layout(("src/shop/__init__.py",), "shop:app", imports="src"),
    "a directory": Layout(("backend/app.py", "backend/models.py"), "backend/app.py", imports="backend"),
    "one of many projects": Layout(("apps/shop/app.py", "libs/common/common.py"), "apps/shop/app.py", "apps/shop", "apps/shop"),
}
DECLARATIONS: t.Mapping[str, Declaration] = {
    "`requirements.txt`": Declaration({"requirements.txt": "flask>=3\n"}, "file", ()),
    "`requirements.txt` with hashes": Declaration({"requirements.txt": f"flask==3.1.3 --hash={_HASH}\n"}, "file", ()),
    "`requirements.txt` with `-e .`": Declaration(
        {"requirements.txt": "flask>=3\n-e .\n", "pyproject.toml": _SETUPTOOLS + _PROJECT}, "resolved", ("flask>=3", ".")
    ),
    "`pylock.toml`": Declaration(
        {"pylock.toml": f'{_LOCKED.replace("package", "packages")}wheels = [{{hashes = {{sha256 = "{"a" * 64}"}}}}]\n'},
        "locked",
        (f"flask==3.1.3 --hash={_HASH}",),
    ),
    "`uv.lock`": Declaration(
        {
            "uv.lock": f'[[package]]\nname = "shop"\nsource = {{virtual = "."}}\ndependencies = [{{name = "flask"}}]\n{_LOCKED}'
            f'source = {{registry = "https://pypi.org/simple"}}\nwheels = [{{hash = "{_HASH}"}}]\n',
            "pyproject.toml": _PROJECT,
        },
        "locked",
        (f"flask==3.1.3 --hash={_HASH}",),
    ),
    "`uv.lock` of a package": Declaration(
        {
            "uv.lock": f'[[package]]\nname = "shop"\nsource = {{editable = "."}}\ndependencies = [{{name = "flask"}}]\n{_LOCKED}'
            f'source = {{registry = "https://pypi.org/simple"}}\nwheels = [{{hash = "{_HASH}"}}]\n',
            "pyproject.toml": _SETUPTOOLS + _PROJECT,
        },
        "locked",
        (f"flask==3.1.3 --hash={_HASH}",),
        project=True,
    ),
    "`poetry.lock`": Declaration(
        {"poetry.lock": f'{_LOCKED}groups = ["main"]\nfiles = [{{hash = "{_HASH}"}}]\n'}, "locked", (f"flask==3.1.3 --hash={_HASH}",)
    ),
    "`pdm.lock`": Declaration(
        {"pdm.lock": f'{_LOCKED}groups = ["default"]\nfiles = [{{hash = "{_HASH}"}}]\n'}, "locked", (f"flask==3.1.3 --hash={_HASH}",)
    ),
    "`Pipfile.lock`": Declaration(
        {"Pipfile.lock": json.dumps({"default": {"flask": {"version": "==3.1.3", "hashes": [_HASH]}}})},
        "locked",
        (f"flask==3.1.3 --hash={_HASH}",),
    ),
    "`pyproject.toml`": Declaration({"pyproject.toml": _PROJECT}, "resolved", ("flask>=3",)),
    "`pyproject.toml` of a package": Declaration({"pyproject.toml": _SETUPTOOLS + _PROJECT}, "resolved", ("flask>=3",), project=True),
    "`pyproject.toml` with `dynamic`": Declaration(
        {"pyproject.toml": _SETUPTOOLS + _PROJECT.partition("dependencies")[0] + 'dynamic = ["dependencies"]\n'}, "resolved", (".",)
    ),
    "`pyproject.toml` of Poetry 1": Declaration(
        {"pyproject.toml": _POETRY + '[tool.poetry.dependencies]\npython = "^3.11"\nflask = "^3"\n'}, "resolved", (".",)
    ),
    "groups of `pyproject.toml`": Declaration(
        {"pyproject.toml": '[dependency-groups]\nprod = ["flask>=3"]\n'}, "resolved", ("flask>=3",), keys={"groups": ["prod"]}
    ),
    "`setup.py`": Declaration(
        {"setup.py": "from setuptools import setup\nsetup(name='shop', version='1', install_requires=['flask'])\n"}, "resolved", (".",)
    ),
}


def files_of(layout: Layout, declaration: Declaration) -> dict[str, str]:
    """Return the files of a project with their texts."""
    declared = {posixpath.join(layout.directory, name): text for name, text in declaration.files.items()}
    return {**dict.fromkeys(layout.files, _CODE), **declared}


def description_of(layout: Layout, declaration: Declaration) -> dict[str, t.Any]:
    """Return the description of a project; the file is named where it is not at the top."""
    named = {"requirements": posixpath.join(layout.directory, next(iter(declaration.files)))} if layout.directory else {}
    return {"name": "shop", "source": {"path": "."}, "wsgi": layout.wsgi, **named, **declaration.keys}
