# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The metadata of a Python project in pyproject.toml, setup.cfg and setup.py, read without running anything of it."""

from __future__ import annotations

import ast
import configparser
import posixpath
import re
import typing as t

from ...module_utils.app.package_names import required_name
from ..source.tree import Tree
from .python_versions import specifier_of_poetry
from .values import Unreadable, at, parse, table, text, texts

# Build tools that ask the history for the version: what brings them, and the keys of pyproject.toml and the variable of the environment that
# give one without a history (their manuals). The names of some variables go on with the name of a project.
_SCM_VARIABLE = "SETUPTOOLS_SCM_PRETEND_VERSION"
_FROM_HISTORY: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("setuptools-scm", ("tool.setuptools_scm.fallback_version",), _SCM_VARIABLE),
    ("hatch-vcs", ("tool.hatch.version.fallback-version", "tool.hatch.version.raw-options.fallback_version"), _SCM_VARIABLE),
    ("pdm-backend", ("tool.pdm.version.fallback_version",), "PDM_BUILD_SCM_VERSION"),
    ("versioningit", ("tool.versioningit.default-version",), ""),
    ("flit-scm", (), _SCM_VARIABLE),
    ("poetry-dynamic-versioning", (), "POETRY_DYNAMIC_VERSIONING_BYPASS"),
    ("pbr", (), "PBR_VERSION"),
)
_SETUP_PACKAGES = frozenset({"setuptools", "distutils"})
_RUN_OTHER_CODE = frozenset({"exec", "run_path", "run_module", "import_module", "__import__"})
# The place of the project in a requirement on a path, which PDM and Hatch fill in.
_OWN_PLACE = re.compile(r"\$\{PROJECT_ROOT\}|\{root(:[a-z]+)?\}")


class VersionSource(t.NamedTuple):
    """A build tool that finds no version without a history, and the key and the variable that give it one, each empty if none does."""

    tool: str
    key: str
    variable: str


class Project:
    """The project in one directory of a source tree.

    :param directory: path in the tree, ``.`` for its top
    """

    def __init__(self, tree: Tree, directory: str = ".") -> None:
        self.tree, self.directory = tree, directory
        # The problem of a file of the project that cannot be read, empty where all can; nothing of that file is known then.
        self.problem = ""
        self.pyproject = self._toml("pyproject.toml")
        self.setup_py = self._read("setup.py")
        self._setup_cfg = self._ini("setup.cfg")

    def _read(self, name: str) -> str | None:
        content = self.tree.read(posixpath.normpath(posixpath.join(self.directory, name)))
        return None if content is None else content.decode(errors="replace")

    def _toml(self, name: str) -> dict[str, t.Any]:
        try:
            return parse(name, self._read(name) or "")
        except Unreadable as error:
            self._tell(name, str(error))
            return {}

    def _ini(self, name: str) -> configparser.ConfigParser:
        config = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            config.read_string(self._read(name) or "")
        except configparser.Error as error:
            self._tell(name, f"cannot be read ({error})")
        return config

    def _tell(self, name: str, problem: str) -> None:
        place = posixpath.normpath(posixpath.join(self.directory, name))
        self.problem = self.problem or " ".join(f"'{place}' {problem}".split())

    def at(self, path: str) -> t.Any:
        """Return the value at a dotted path of pyproject.toml, ``None`` if there is none."""
        return at(self.pyproject, path)

    @property
    def is_installable(self) -> bool:
        """Return whether pip would install the directory."""
        return self.setup_py is not None or self._read("pyproject.toml") is not None

    def dependencies(self, extras: t.Sequence[str] = ()) -> list[str]:
        """Return the requirements that pyproject.toml, setup.cfg or setup.py declare, those of some extras too."""
        optional = self.at("project.optional-dependencies") or {}
        found = [*texts(self.at("project.dependencies")), *(item for extra in extras for item in texts(_of(optional, extra)))]
        found += [name for name in table(self.at("tool.poetry.dependencies")) if name.lower() != "python"]
        found += texts(self.at("tool.flit.metadata.requires"))
        return found + self._install_requires() + (self._setup_keyword("install_requires") or [])

    def has_extra(self, extra: str) -> bool:
        """Return whether pyproject.toml has an extra of that name."""
        return _of(self.at("project.optional-dependencies"), extra) is not None

    def standard_dependencies(self, extras: t.Sequence[str]) -> list[str]:
        """Return the requirements that ``[project]`` of pyproject.toml declares (PEP 621), with those of extras.

        An extra may name others of the project itself, as ``shop[api]``. From an index that would be a package of somebody else.
        """
        found, todo, seen = texts(self.at("project.dependencies")), list(extras), set()
        while todo:
            extra = required_name(todo.pop())
            if extra in seen:
                continue
            seen.add(extra)
            for item in texts(_of(self.at("project.optional-dependencies"), extra)):
                own = re.fullmatch(r"\s*([A-Za-z0-9._-]+)\s*\[([^\]]*)\]\s*", item)
                if own and required_name(own.group(1)) == required_name(str(self.at("project.name"))):
                    todo += own.group(2).split(",")
                else:
                    found.append(item)
        return found

    @property
    def is_package(self) -> bool:
        """Return whether the project is one that its own tool would install: it has a build tool, and does not say otherwise."""
        switches = ("tool.uv.package", "tool.poetry.package-mode", "tool.pdm.distribution")
        return self.at("build-system") is not None and not any(self.at(switch) is False for switch in switches)

    @property
    def is_plain(self) -> bool:
        """Return whether the requirements can be read without the build tool, also where there are none."""
        declared = texts(self.at("project.dependencies"))
        if "dependencies" in self.dynamic or any(_OWN_PLACE.search(requirement) for requirement in declared):
            return False
        in_setup_py = self.setup_py is not None and self._setup_keyword("install_requires") != []
        return self.at("project.dependencies") is not None or not (self.dependencies() or in_setup_py)

    @property
    def requires_python(self) -> str:
        """Return the versions of Python that the project is for (PEP 440), empty if its files do not say so in plain words."""
        poetry = specifier_of_poetry(text(self.at("tool.poetry.dependencies.python")))
        return text(self.at("project.requires-python")) or poetry or self._setup_cfg.get("options", "python_requires", fallback="")

    @property
    def dynamic(self) -> list[str]:
        """Return the names of what the build tool finds out, such as ``version``."""
        return texts(self.at("project.dynamic"))

    def setup_py_declares(self) -> bool:
        """Return whether setup.py may declare requirements: not if it is a program of another kind, or if its ``setup()`` plainly has none."""
        try:
            nodes = list(ast.walk(ast.parse(self.setup_py or "")))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return True  # pip says what is wrong with it
        calls = [node for node in nodes if isinstance(node, ast.Call) and _last_name(node.func) == "setup"]
        if not calls:
            imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
            imported |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
            runs_another = any(isinstance(node, ast.Call) and _last_name(node.func) in _RUN_OTHER_CODE for node in nodes)
            return runs_another or any(name.partition(".")[0] in _SETUP_PACKAGES for name in imported)
        keywords = {item.arg for call in calls for item in call.keywords}
        if "install_requires" in keywords:
            return self._setup_keyword("install_requires") != []
        # The name None stands for a mapping with further keywords.
        elsewhere = keywords & {None, "setup_requires", "pbr"} or any(call.args for call in calls)
        return bool(elsewhere or self._install_requires() or self.problem)

    def _install_requires(self) -> list[str]:
        lines = self._setup_cfg.get("options", "install_requires", fallback="").splitlines()
        return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]

    def _setup_keyword(self, keyword: str) -> list[str] | None:
        """Return a list that setup.py gives to ``setup()`` in plain words, ``None`` where it is not plain or not there."""
        try:
            calls = [node for node in ast.walk(ast.parse(self.setup_py or "")) if isinstance(node, ast.Call)]
            values = [item.value for call in calls for item in call.keywords if item.arg == keyword]
            return texts(ast.literal_eval(values[0])) if values else None
        except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
            return None

    def version_source(self) -> VersionSource | None:
        """Return where the version comes from if that is the history, ``None`` for a version that a tool finds without one."""
        requires = {
            required_name(item) for item in [*texts(self.at("build-system.requires")), *(self._setup_keyword("setup_requires") or [])]
        }
        for tool, keys, variable in _FROM_HISTORY:
            if tool in requires and self._asks_history(tool) and not any(self.at(key) for key in keys):
                return VersionSource(tool, keys[0] if keys else "", variable)
        return None

    def _asks_history(self, tool: str) -> bool:
        """Return whether a build tool that is there is also what the version comes from."""
        if tool in ("hatch-vcs", "pdm-backend"):
            kind = {"hatch-vcs": ("tool.hatch.version.source", "vcs"), "pdm-backend": ("tool.pdm.version.source", "scm")}[tool]
            return self.at(kind[0]) == kind[1]
        if tool == "poetry-dynamic-versioning":
            return bool(self.at("tool.poetry-dynamic-versioning.enable"))
        # Its keyword in setup.py, with a version for want of a history perhaps.
        in_setup = f"{self.setup_py or ''}{self._read('setup.cfg') or ''}"
        if "fallback_version" in in_setup or "default-version" in in_setup:
            return False
        return "version" in self.dynamic or self.at("tool.setuptools_scm") is not None or "use_scm_version" in in_setup or tool == "pbr"


def _last_name(node: ast.AST) -> str:
    """Return the last part of a name such as ``setuptools.setup``, empty for any other expression."""
    return str(getattr(node, "attr", getattr(node, "id", "")))


def _of(mapping: object, wanted: str) -> object:
    """Return the value of a name whose dashes, dots and capitals may be written otherwise (PEP 685)."""
    return (
        next((value for name, value in mapping.items() if required_name(name) == required_name(wanted)), None)
        if isinstance(mapping, dict)
        else None
    )
