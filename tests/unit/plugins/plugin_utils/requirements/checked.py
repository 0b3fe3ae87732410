# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sources with requirements, and the problems that are found in them."""

from __future__ import annotations

import zipfile
from pathlib import Path

from ansible_collections.flaskops.stack.plugins.plugin_utils.release.source_checks import check_source
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.package import FileTree
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import SourceError, Tree
from ansible_collections.flaskops.stack.tests.unit.render import complete

SETUPTOOLS = '[build-system]\nrequires = ["setuptools>=64"]\nbuild-backend = "setuptools.build_meta"\n'
PROJECT = f'{SETUPTOOLS}[project]\nname = "shop"\nversion = "1"\ndependencies = ["flask"]\n'


def problems(app: dict, tree: Tree) -> list[str]:
    """Return the problems of a source as lines."""
    try:
        check_source(app, tree)
    except SourceError as error:
        lines = [f"{each.key}: {each.problem}; {each.remedy}." for each in (error, *error.others)]
        assert not [line for line in lines if "\n" in line]
        return lines
    return []


def write(place: Path, files: dict[str, str | bytes]) -> None:
    for name, text in {"app.py": "app = 1\n", **files}.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(text if isinstance(text, bytes) else text.encode())


def one(lines: list[str]) -> str:
    (line,) = lines
    return line


def dynamic(requires: str, rest: str = "") -> str:
    return f'[build-system]\nrequires = [{requires}]\nbuild-backend = "x"\n[project]\nname = "shop"\ndynamic = ["version"]\n{rest}'


def package(place: Path, requirement: str, *requires: str, **more) -> list[str]:
    file = place / "shop-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        lines = "".join(f"Requires-Dist: {item}\n" for item in requires)
        archive.writestr("shop-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: shop\n{lines}")
    return problems(complete(source={"path": None, "package": requirement}, wsgi="shop:app", **more), FileTree(file, "shop 1.0"))
