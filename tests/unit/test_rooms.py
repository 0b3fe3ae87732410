# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rooms of plugins/: which folder may import which other one, how large files and functions may grow, and in which style they are
written where ruff does not see it.

A room is a folder of plugins/module_utils (code for the host) or of plugins/plugin_utils (code for the controller), or a file that lies
in no folder there.
"""

from __future__ import annotations

import ast
import re
import sys
import typing as t
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[2] / "plugins"
COLLECTION = "ansible_collections.flaskops.stack.plugins."
# Every arrow between two rooms, as (importing room, imported room). A change that needs another arrow puts code into the wrong room.
ARROWS = {
    "module_utils": {
        ("app", "host"),
        ("config_tree", "host"),
        ("firewall", "host"),
        ("instance", "app"),
        ("instance", "host"),
        ("instance", "release"),
        ("release", "app"),
        ("release", "host"),
        ("tls", "host"),
    },
    "plugin_utils": {
        ("action", "acme_program.py"),
        ("action", "description"),
        ("action", "host_program.py"),
        ("action", "site_files"),
        ("acme_program.py", "host_program.py"),
        ("adoption", "description"),
        ("adoption", "keys"),
        ("adoption", "source"),
        ("action", "uwsgi"),
        ("code", "requirements"),
        ("code", "source"),
        ("code", "uwsgi"),
        ("description", "keys"),
        ("description", "uwsgi"),
        ("keys", "uwsgi"),
        ("orders", "action"),
        ("orders", "description"),
        ("orders", "identity.py"),
        ("orders", "site_files"),
        ("orders", "template"),
        ("orders", "uwsgi"),
        ("release", "identity.py"),
        ("release", "requirements"),
        ("release", "source"),
        ("report", "ages.py"),
        ("status_table.py", "ages.py"),
        ("requirements", "description"),
        ("requirements", "source"),
        ("requirements", "uwsgi"),
        ("site_files", "description"),
        ("source", "keys"),
        ("source", "project.py"),
        ("template", "project.py"),
    },
}
MOST_ARROWS_ON_THE_HOST = 9
MOST_FILE_LINES = 320
# The causes are one table.
LONG_FILES = {"module_utils/host/known_causes.py"}
MOST_FUNCTION_LINES = 40
# Functions that are too long today, with their lines. This list may only shrink: nothing is added, and no number is raised.
LONG_FUNCTIONS: dict[str, int] = {}


class Import(t.NamedTuple):
    """One imported name: the file that imports it, and the file of ours or the module of others that it comes from."""

    importer: Path
    imported: Path | None
    module: str


def name(path: Path) -> str:
    return str(path.relative_to(PLUGINS))


def python_files(place: str = "") -> list[Path]:
    return sorted((PLUGINS / place).rglob("*.py"))


def file_of(module: str) -> Path | None:
    """Return the file of plugins/ that a dotted name means, such as ``module_utils.host.files``."""
    path = PLUGINS.joinpath(*module.split(".")).with_suffix(".py")
    return path if path.is_file() else None


def imports_of(path: Path) -> list[Import]:
    """Return what a file imports, also inside its functions."""
    found: list[Import] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [Import(path, file_of(alias.name.removeprefix(COLLECTION)), alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").removeprefix(COLLECTION)
            if node.level:
                # One dot is the folder of the file, and each further dot is one folder up.
                package = path.relative_to(PLUGINS).parts[: -node.level]
                module = ".".join([*package, *filter(None, [node.module])])
            # In `from ..host import files` the name is a file itself; in `from ..host.files import fsync` it is in one.
            found += [Import(path, file_of(f"{module}.{alias.name}") or file_of(module), module) for alias in node.names]
    return found


def imports_below(side: str) -> list[Import]:
    return [found for path in python_files(side) for found in imports_of(path)]


def room_of(path: Path) -> tuple[str, str]:
    """Return side and room of a file of ours."""
    side, *folders = path.relative_to(PLUGINS).parts[:-1]
    return side, "/".join(folders) or path.name


def arrows_of(side: str) -> dict[tuple[str, str], list[str]]:
    """Return the arrows between the rooms of a side, each with the imports that make it."""
    found: dict[tuple[str, str], list[str]] = {}
    for importer, imported, _module in imports_below(side):
        if imported and room_of(importer) != room_of(imported) and room_of(imported)[0] == side:
            found.setdefault((room_of(importer)[1], room_of(imported)[1]), []).append(f"{name(importer)} imports {name(imported)}")
    return found


def circle(arrows: t.Collection[tuple[str, str]]) -> list[str]:
    """Return the names on a circle of arrows, empty where there is none."""
    left = set(arrows)
    while left:
        ends = {start for start, _end in left} & {end for _start, end in left}
        rest = {(start, end) for start, end in left if start in ends and end in ends}
        if rest == left:
            return sorted(ends)
        left = rest
    return []


def functions(path: Path) -> t.Iterator[tuple[str, int]]:
    """Yield the functions of a file with their lines, from ``def`` to the last one."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{name(path)}: {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


# --- imports --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ARROWS)
def test_the_arrows_between_rooms_are_those_of_the_list(side):
    found = arrows_of(side)
    new = {arrow: imports for arrow, imports in found.items() if arrow not in ARROWS[side]}
    assert not new, f"move the code, or pass the value in as an argument: {new}"
    assert not ARROWS[side] - set(found), "nothing makes these arrows any more; take them off the list"


@pytest.mark.parametrize("side", ARROWS)
def test_no_arrow_of_the_list_points_upwards(side):
    assert circle(ARROWS[side]) == []


def test_the_host_has_few_arrows():
    assert len(ARROWS["module_utils"]) <= MOST_ARROWS_ON_THE_HOST


@pytest.mark.parametrize("side", ARROWS)
def test_files_of_a_room_do_not_import_each_other_in_a_circle(side):
    arrows = {(name(one.importer), name(one.imported)) for one in imports_below(side) if one.imported}
    assert circle(arrows) == []


def test_code_for_the_host_imports_itself_and_the_standard_library():
    """A module takes to the host only what it imports from module_utils, and the host has no other packages."""
    foreign = {
        f"{name(importer)} imports {module}"
        for importer, imported, module in imports_below("module_utils")
        if (room_of(imported)[0] != "module_utils" if imported else module.partition(".")[0] not in sys.stdlib_module_names)
        and MECHANISMS.get(module) != name(importer)
    }
    assert foreign == set()


def test_code_for_the_controller_imports_no_entry_point():
    upwards = {
        f"{name(importer)} imports {name(imported)}"
        for importer, imported, _module in imports_below("plugin_utils")
        if imported and room_of(imported)[0] in ("action", "filter", "modules")
    }
    assert upwards == set()


def test_every_import_of_ours_is_found():
    """The tests above see nothing of an import whose file they cannot find."""
    lost = {
        f"{name(importer)} imports {module}"
        for path in python_files()
        for importer, imported, module in imports_of(path)
        if imported is None and module.startswith(("module_utils.", "plugin_utils.", COLLECTION))
    }
    assert lost == set()
    assert any(found.imported for found in imports_below("module_utils"))


@pytest.mark.parametrize(
    ("arrows", "names"),
    [
        ([], []),
        ([("a", "b"), ("b", "c"), ("a", "c")], []),
        ([("a", "b"), ("b", "a"), ("b", "c")], ["a", "b"]),
        ([("a", "b"), ("b", "c"), ("c", "d"), ("d", "b")], ["b", "c", "d"]),
        ([("a", "a")], ["a"]),
    ],
)
def test_a_circle_is_found(arrows, names):
    assert circle(arrows) == names


# One mechanism for one thing: the module, and the only file on the host's side that imports it.
MECHANISMS = {
    # Every module is a HostModule, whose results are clean of secrets and control characters.
    "ansible.module_utils.basic": "module_utils/host/module.py",
    "fcntl": "module_utils/host/lock.py",
    "http.client": "module_utils/nginx/http_client.py",
    "subprocess": "module_utils/host/command.py",
    "urllib.request": None,
}


@pytest.mark.parametrize(("module", "file"), MECHANISMS.items())
def test_one_file_does_one_thing_for_the_whole_host_side(module, file):
    importers = {name(found.importer) for side in ("module_utils", "modules") for found in imports_below(side) if found.module == module}
    assert importers == ({file} if file else set())


def test_nothing_goes_past_the_one_runner_of_programs():
    past = ("system", "popen", "fork", "execv", "execve", "execvp", "posix_spawn", "run_command")
    found = {
        f"{name(path)}: {node.attr}"
        for side in ("module_utils", "modules")
        for path in python_files(side)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in past
    }
    assert found == set()


# --- size -----------------------------------------------------------------------------------------------------------------------------


def test_files_are_short():
    long = {name(path): lines for path in python_files() if (lines := len(path.read_text().splitlines())) > MOST_FILE_LINES}
    assert set(long) == LONG_FILES


def test_functions_are_short():
    long = {function: lines for path in python_files() for function, lines in functions(path) if lines > MOST_FUNCTION_LINES}
    grown = {function: lines for function, lines in long.items() if lines > LONG_FUNCTIONS.get(function, 0)}
    assert not grown, "split the function"
    assert not set(LONG_FUNCTIONS) - set(long), "these are short now; take them off the list"


# --- style ----------------------------------------------------------------------------------------------------------------------------

# Ansible looks for classes of these names.
NAMES_OF_ANSIBLE = {"ActionModule", "FilterModule", "ModuleDocFragment"}
# Ansible and its tools read these; no file of ours does.
CONSTANTS_OF_ANSIBLE = {"DOCUMENTATION", "EXAMPLES", "RETURN"}
# Docstrings of functions say what is done: "Return whether ...", and not "Whether ...".
NO_VERBS = {"A", "All", "An", "Every", "Everything", "For", "How", "New", "One", "Owner", "The", "What", "Where", "Whether", "Which", "Who"}


def docstrings(kind: type[ast.AST] | tuple[type[ast.AST], ...]) -> t.Iterator[tuple[str, str]]:
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, kind) and (text := ast.get_docstring(node)):
                yield f"{name(path)}: {getattr(node, 'name', '')}", text


def constants(path: Path) -> t.Iterator[str]:
    """Yield the names in capitals that a file binds at its top level."""
    for node in ast.parse(path.read_text()).body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        for target in targets:
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            yield from (each.id for each in names if isinstance(each, ast.Name) and each.id.isupper())


def test_no_two_classes_have_one_name():
    seen: dict[str, list[str]] = {}
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and node.name not in NAMES_OF_ANSIBLE:
                seen.setdefault(node.name, []).append(name(path))
    assert {each: paths for each, paths in seen.items() if len(paths) > 1} == {}


def test_docstrings_of_functions_begin_with_what_is_done():
    found = docstrings((ast.FunctionDef, ast.AsyncFunctionDef))
    assert {where: text.split("\n")[0] for where, text in found if text.split()[0].rstrip(",.:") in NO_VERBS} == {}


def test_docstrings_name_exceptions_in_fields_and_code_in_double_backticks():
    found = list(docstrings((ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)))
    assert [where for where, text in found if re.search(r"\bRaises? [A-Z]\w+", text)] == [], "write `:raises Error: when`"
    plain = [(where, re.sub(r":\w+:`[^`]*`|``.*?``", "", text)) for where, text in found]
    assert [where for where, text in plain if "`" in text] == [], "write ``code`` or :func:`name`"


def test_a_constant_that_no_other_file_uses_is_private():
    texts = {
        path: path.read_text()
        for place in ("plugins", "roles", "tests", "molecule", "tools")
        for path in (PLUGINS.parent / place).rglob("*.py")
    }

    def is_used_elsewhere(constant: str, own: Path) -> bool:
        return any(re.search(rf"\b{constant}\b", text) for path, text in texts.items() if path != own)

    found = {
        f"{name(path)}: {constant}"
        for path in python_files()
        if name(path) not in LONG_FILES
        for constant in constants(path)
        if not constant.startswith("_") and constant not in CONSTANTS_OF_ANSIBLE and not is_used_elsewhere(constant, path)
    }
    assert found == set(), "begin the name with an underscore"
