# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Requirements that a host could not install or would not be given: refused on the controller, with what to write."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.release.source_checks import check_source
from ansible_collections.flaskops.stack.plugins.plugin_utils.requirements.lines import local
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.git import GitTree
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.package import FileTree
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import DirTree, SourceError, Tree
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi.packages import DEFAULT_UWSGI
from ansible_collections.flaskops.stack.tests.unit.render import complete
from ansible_collections.flaskops.stack.tests.unit.repository import Repository

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


@pytest.fixture
def check(tmp_path):
    """Check a directory of files; return its problems as lines. A second call adds files."""

    def check(files: dict[str, str | bytes], **description) -> list[str]:
        write(tmp_path / "code", files)
        return problems(complete(**{"wsgi": "app.py", **description}), DirTree(tmp_path / "code", [".git"]))

    return check


def one(lines: list[str]) -> str:
    (line,) = lines
    return line


# --- editable installations --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ("-e .", "."),
        ("-e.", "."),
        ("--editable .", "."),
        ("--editable=.", "."),
        ("-e .[live]", ".[live]"),
        ("-e ./", "./"),
        ('-e "."', "."),
        ("-e ./lib", "./lib"),
        ("-e lib", "./lib"),
        ("-e lib[live]", "./lib[live]"),
        ("-e file:.", "file:."),
        ("-e ./lib ; python_version > '3'", "./lib ; python_version > '3'"),
    ],
)
def test_an_editable_installation_is_refused_with_the_line_without_it(check, line, plain):
    told = one(check({"requirements.txt": f"flask\n{line}  # here\n", "pyproject.toml": PROJECT, "lib/pyproject.toml": PROJECT}))
    assert told.startswith(f"requirements: '{line}' in requirements.txt is an editable installation, ")
    assert told.endswith(f"; write '{plain}' instead.")


def test_an_editable_installation_in_an_included_file_names_that_file(check):
    files = {"requirements.txt": "-r more/base.txt", "more/base.txt": "flask\n-e .", "pyproject.toml": PROJECT}
    assert "'-e .' in more/base.txt is an editable installation" in one(check(files))


@pytest.mark.parametrize("line", ["-e git+https://example.com/lib.git#egg=lib", "-e git+ssh://git@example.com/lib.git@v1#egg=lib"])
def test_an_editable_installation_from_a_repository_stays_in_the_virtualenv(check, line):
    assert check({"requirements.txt": line}) == []


# --- paths -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "-e ../..",
        "-e ../../libs/common",
        "../libs/common",
        "..",
        "./../common",
        "lib/../../common",
        "common @ file:../common",
        "common@file:../common",
        "file:../common",
        "/home/me/common",
        "common @ file:///home/me/common",
        "common @ file:///tmp/build/80754af9/common_1600000000000/work",
        "file://localhost/home/me/common",
        "~/common",
        "../dist/common-1.0-py3-none-any.whl",
        "../common[extra]",
    ],
)
def test_a_path_outside_of_the_source_is_refused(check, line):
    told = one(check({"requirements.txt": f"flask\n{line}\n"}))
    assert told.startswith(f"requirements: '{line}' in requirements.txt leads out of the source")
    assert "put a wheel of it into the source" in told


@pytest.mark.parametrize("line", ["-f ../wheels", "--find-links=../wheels", "--find-links ../wheels"])
def test_a_place_of_wheels_outside_of_the_source_is_refused(check, line):
    assert "leads out of the source" in one(check({"requirements.txt": f"{line}\nflask"}))


@pytest.mark.parametrize("line", ["./lib", "lib/", "vendor/lib-1.0-py3-none-any.whl", "lib @ file:./lib", "file:lib"])
def test_a_path_that_is_not_in_the_source_is_refused(check, line):
    told = one(check({"requirements.txt": f"flask\n{line}\n"}))
    assert told.startswith(f"requirements: '{line}' in requirements.txt names '")
    assert "which is not in the source; correct the path" in told


def test_a_directory_that_pip_cannot_install_is_refused(check):
    told = one(check({"requirements.txt": "flask\n."}))
    assert told.startswith("requirements: '.' in requirements.txt is a directory without pyproject.toml and setup.py, ")
    assert "; remove the line" in told


@pytest.mark.parametrize(
    "line",
    [".", "./", ".[live]", "./lib", "lib/", "lib @ file:./lib", "vendor/lib-1.0-py3-none-any.whl", "./vendor/lib-1.0-py3-none-any.whl --hash=sha256:0"],
)  # fmt: skip
def test_a_path_in_the_source_is_taken(check, line):
    files = {"pyproject.toml": PROJECT, "lib/setup.py": "", "vendor/lib-1.0-py3-none-any.whl": "x"}
    assert check({"requirements.txt": f"{line}\n", **files}) == []


@pytest.mark.parametrize(
    "line",
    [
        "flask",
        "flask==3.1.3",
        "flask[async]>=3 ; python_version > '3'",
        "flask @ https://example.com/flask-3-py3-none-any.whl",
        "https://example.com/flask-3.zip",
        "git+https://example.com/lib.git@main#egg=lib",
        "lib @ git+ssh://git@example.com/lib.git",
        "-i https://example.com/simple",
        "--find-links https://example.com/wheels",
        "--find-links ./vendor",
        "-r https://example.com/requirements.txt",
        "${WHEELS}/lib-1.0-py3-none-any.whl",
        "--no-binary :all:",
    ],
)
def test_what_is_no_path_is_left_to_pip(check, line):
    assert check({"requirements.txt": f"{line}\n"}) == []


def test_every_line_is_told_at_once(check):
    lines = check({"requirements.txt": "-e .\n../x\nuWSGI==2.0.28"}, wsgi="gone.py")
    assert [line.partition(":")[0] for line in lines] == ["requirements"] * 3 + ["wsgi"]


def test_a_windows_file_is_read_as_pip_reads_it(check):
    for encoding in ("utf-16", "utf-8-sig"):
        assert "is an editable installation" in one(
            check({"requirements.txt": "-e .\r\nflask\r\n".encode(encoding), "pyproject.toml": PROJECT})
        )


@pytest.mark.parametrize(
    ("line", "path", "extras"),
    [
        (".", ".", []),
        (".[live, fast]", ".", ["live", "fast"]),
        ("./lib[a] --config-settings x=y", "./lib", ["a"]),
        ("lib[a] @ file:./lib#egg=x", "./lib", []),
        ("file:///srv/lib", "/srv/lib", []),
    ],
)
def test_a_line_is_taken_apart_as_pip_does(line, path, extras):
    found = local(line)
    assert found is not None
    assert (found.path, found.extras) == (path, extras)


# --- uWSGI -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "uWSGI==2.0.28",
        "uwsgi",
        "UWSGI >= 2.0",
        "pyuwsgi==2.0.28",
        "pyuwsgi",
        "uwsgi==2.0.28; sys_platform != 'win32'",
        "uwsgi==2.0.28 ; python_version < '3.12'",
        "uWSGI==2.0.28 --hash=sha256:0",
        "uWSGI==2.0.28 \\\n    --hash=sha256:0",
        "uwsgi @ https://example.com/uwsgi-2.0.28.tar.gz",
    ],
)
def test_a_second_uwsgi_in_the_requirements_is_refused(check, line):
    told = one(check({"requirements.txt": f"flask\n{line}\n"}))
    assert " in requirements.txt is a second uWSGI beside uwsgi.package, " in told
    assert f"'{DEFAULT_UWSGI}'; remove the line, as uwsgi.package brings uWSGI" in told


@pytest.mark.parametrize(
    ("line", "keep"),
    [
        ("uWSGI == 2.0.28", 'for that very one write `uwsgi: {package: "uwsgi==2.0.28"}` too.'),
        ("uWSGI==2.0.18", "remove the line, as uwsgi.package brings uWSGI."),
        ("uWSGI>=2.0.28", "remove the line, as uwsgi.package brings uWSGI."),
    ],
)
def test_the_very_one_can_be_kept_if_it_is_new_enough(check, line, keep):
    assert one(check({"requirements.txt": line})).endswith(keep)


@pytest.mark.parametrize(("line", "package"), [("uWSGI==2.0.31", "uwsgi==2.0.31"), ("pyuwsgi == 2.0.28", "pyuwsgi==2.0.28")])
def test_the_same_uwsgi_twice_is_one(check, line, package):
    assert check({"requirements.txt": line}, uwsgi={"package": package}) == []
    assert check({"requirements.txt": line}, uwsgi={"package": "uwsgi==2.0.30"}) != []


@pytest.mark.parametrize("line", ["uwsgi; sys_platform == 'win32'", "uwsgitop", "uwsgi-tools==1", "uwsgidecorators", "# uWSGI==2.0.28"])
def test_what_is_no_second_uwsgi_is_taken(check, line):
    assert check({"requirements.txt": f"flask\n{line}\n"}) == []


def test_a_constraint_on_uwsgi_installs_nothing(check):
    assert check({"requirements.txt": "flask\n-c pins.txt", "pins.txt": "uwsgi==2.0.28"}) == []


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": PROJECT.replace('"flask"', '"flask", "uwsgi>=2"')},
        {"pyproject.toml": f'{PROJECT}[project.optional-dependencies]\nfast_Er = ["uWSGI"]\n'},
        {"setup.py": "from setuptools import setup\nsetup(name='shop', install_requires=['flask', 'uwsgi'])\n"},
        {"setup.py": "from setuptools import setup\nsetup()\n", "setup.cfg": "[options]\ninstall_requires =\n    flask\n    uwsgi\n"},
        {"pyproject.toml": f'{SETUPTOOLS}[tool.poetry.dependencies]\npython = "^3.11"\nuwsgi = "^2.0"\n'},
    ],
)
def test_a_second_uwsgi_that_the_project_depends_on_is_refused(check, files):
    told = one(check({"requirements.txt": ".[fast-er]", **files}))
    assert told.startswith(f"uwsgi.package: '{DEFAULT_UWSGI}' and 'u")
    assert told.endswith('; write `uwsgi: {package: "uwsgi==2.0.31"}`, or remove the dependency.')
    assert check({"requirements.txt": ".[fast-er]", **files}, uwsgi={"package": "uwsgi==2.0.31"}) == []


def test_an_extra_that_is_not_asked_for_brings_nothing(check):
    assert check({"requirements.txt": ".", "pyproject.toml": f'{PROJECT}[project.optional-dependencies]\nfast = ["uWSGI"]\n'}) == []


def package(place: Path, requirement: str, *requires: str, **more) -> list[str]:
    file = place / "shop-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        lines = "".join(f"Requires-Dist: {item}\n" for item in requires)
        archive.writestr("shop-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: shop\n{lines}")
    return problems(complete(source={"path": None, "package": requirement}, wsgi="shop:app", **more), FileTree(file, "shop 1.0"))


def test_a_package_that_depends_on_the_uwsgi_that_is_compiled_needs_it_written(tmp_path):
    told = one(package(tmp_path, "shop==1.0", "flask", "uwsgi (>=2)"))
    assert told.startswith("uwsgi.package: ")
    assert 'write `uwsgi: {package: "uwsgi==2.0.31"}`' in told
    assert package(tmp_path, "shop==1.0", "flask", "uwsgi (>=2)", uwsgi={"package": "uwsgi==2.0.31"}) == []
    assert package(tmp_path, "shop==1.0", "flask", "uwsgi; extra == 'live'") == []
    assert package(tmp_path, "shop[live]==1.0", "flask", "uwsgi; extra == 'live'") != []
    assert package(tmp_path, "shop==1.0", "pyuwsgi") == []


# --- a version from the history ------------------------------------------------------------------------------------------------


def dynamic(requires: str, rest: str = "") -> str:
    return f'[build-system]\nrequires = [{requires}]\nbuild-backend = "x"\n[project]\nname = "shop"\ndynamic = ["version"]\n{rest}'


SCM = ("[tool.setuptools_scm]", 'fallback_version = "0.1"')
VCS, PDM = '[tool.hatch.version]\nsource = "vcs"\n', '[tool.pdm.version]\nsource = "scm"\n'
SETUP_PY = "from setuptools import setup\nsetup(use_scm_version=True, setup_requires=['setuptools_scm'])"
# Each was tried: pip fails without a history, and with the key it does not.
HISTORY = [
    ("setuptools_scm", {"pyproject.toml": dynamic('"setuptools", "setuptools_scm[toml]>=8"', "[tool.setuptools_scm]\n")}, *SCM),
    ("setuptools_scm", {"pyproject.toml": dynamic('"setuptools-scm"')}, *SCM),
    ("setuptools_scm", {"setup.py": SETUP_PY}, *SCM),
    ("hatch-vcs", {"pyproject.toml": dynamic('"hatchling", "hatch-vcs"', VCS)}, "[tool.hatch.version]", 'fallback-version = "0.1"'),
    ("pdm", {"pyproject.toml": dynamic('"pdm-backend"', PDM)}, "[tool.pdm.version]", 'fallback_version = "0.1"'),
    ("versioningit", {"pyproject.toml": dynamic('"versioningit"', "[tool.versioningit]\n")}, "[tool.versioningit]", 'default-version = "0.1"'),
]  # fmt: skip


@pytest.mark.parametrize(("_tool", "files", "table", "key"), HISTORY)
@pytest.mark.parametrize("line", [".", ".[live]", "./lib"])
def test_a_project_whose_version_is_in_the_history_is_refused_with_the_key_that_helps(check, _tool, files, table, key, line):
    if line == "./lib":
        files = {f"lib/{name}": text for name, text in files.items()}
    told = one(check({"requirements.txt": line, **files}))
    assert f"'{line}' in requirements.txt has its version from the history by " in told
    assert f"write {key} below {table} in pyproject.toml" in told


@pytest.mark.parametrize(("_tool", "files", "table", "key"), [case for case in HISTORY if "pyproject.toml" in case[1]])
def test_with_that_key_it_is_taken(check, _tool, files, table, key):
    text = files["pyproject.toml"]
    text = text.replace(f"{table}\n", f"{table}\n{key}\n") if table in text else f"{text}{table}\n{key}\n"
    assert check({"requirements.txt": ".", "pyproject.toml": text}) == []


@pytest.mark.parametrize("tool", ["pbr", "poetry-dynamic-versioning", "flit_scm"])
def test_a_tool_without_such_a_key_needs_a_wheel(check, tool):
    told = one(
        check({"requirements.txt": ".", "pyproject.toml": dynamic(f'"{tool}"', "[tool.poetry-dynamic-versioning]\nenable = true\n")})
    )
    assert "has its version from the history by " in told
    assert "put a wheel of it into the source" in told


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": PROJECT.replace('"setuptools>=64"', '"setuptools>=64", "setuptools_scm"')},
        {"pyproject.toml": dynamic('"hatchling", "hatch-vcs"', '[tool.hatch.version]\npath = "shop.py"\n')},
        {"pyproject.toml": dynamic('"pdm-backend"', '[tool.pdm.version]\nsource = "file"\n')},
        {"pyproject.toml": dynamic('"setuptools"', '[tool.setuptools.dynamic]\nversion = {attr = "shop.version"}\n')},
        {"pyproject.toml": dynamic('"setuptools_scm"'), "PKG-INFO": "Version: 1"},
        {"pyproject.toml": dynamic('"setuptools", "versioneer"')},
        {"setup.py": "from setuptools import setup\nsetup(use_scm_version={'fallback_version': '1'}, setup_requires=['setuptools_scm'])"},
        {"pyproject.toml": "not toml ["},
    ],
)
def test_a_version_that_is_there_without_a_history_is_taken(check, files):
    assert check({"requirements.txt": ".", **files}) == []


def test_a_project_that_is_not_installed_may_have_its_version_from_anywhere(check):
    assert check({"requirements.txt": "flask", "pyproject.toml": dynamic('"setuptools_scm"')}) == []


# --- requirements that stand elsewhere -----------------------------------------------------------------------------------------

POETRY = '[tool.poetry.dependencies]\npython = "^3.11"\nflask = "^3"\n'
EMPTY_POETRY = '[tool.poetry.dependencies]\npython = "^3.11"\n'
ELSEWHERE = [
    ({"pyproject.toml": PROJECT}, "a pyproject.toml with dependencies", "add a requirements.txt with one line, a dot"),
    ({"pyproject.toml": POETRY}, "a pyproject.toml with dependencies", "a dot"),
    ({"pyproject.toml": '[project]\nname = "x"\ndynamic = ["version", "dependencies"]\n'}, "a pyproject.toml with dependencies", "a dot"),
    ({"pyproject.toml": PROJECT, "uv.lock": 'version = 1\n[[package]]\nname = "flask"\n'}, "uv.lock", "run `uv export --no-emit-project -o requirements.txt`"),
    ({"pyproject.toml": POETRY, "poetry.lock": '[[package]]\nname = "flask"\n'}, "poetry.lock", "run `poetry export -o requirements.txt`"),
    ({"poetry.lock": '[[package]]\nname = "flask"\n'}, "poetry.lock", "run `poetry export -o requirements.txt`"),
    ({"pyproject.toml": PROJECT, "pdm.lock": ""}, "pdm.lock", "run `pdm export -o requirements.txt`"),
    ({"Pipfile": '[packages]\nflask = "*"\n'}, "Pipfile", "run `pipenv requirements > requirements.txt`"),
    ({"Pipfile": '[packages]\nflask = "*"\n', "Pipfile.lock": '{"default": {"flask": {}}}'}, "Pipfile.lock", "pipenv requirements"),
    ({"setup.py": "from setuptools import setup\nsetup(install_requires=['flask'])"}, "setup.py", "a dot"),
    ({"setup.py": "from setuptools import setup\nsetup()", "setup.cfg": "[options]\ninstall_requires = flask\n"}, "setup.py", "a dot"),
    ({"setup.py": "from setuptools import setup\nsetup(**config)"}, "setup.py", "a dot"),
    ({"setup.cfg": "[options]\ninstall_requires = flask\n"}, "a setup.cfg with install_requires", "copy them into a requirements.txt"),
    ({"requirements.in": "flask"}, "requirements.in", "run `pip-compile requirements.in`, or write `requirements: requirements.in`"),
    ({"requirements/prod.txt": "x", "requirements/base.txt": "x"}, "requirements/base.txt", "write `requirements: requirements/base.txt`"),
    ({"requirements/prod.txt": "flask", "requirements/dev.txt": "y"}, "requirements/prod.txt", "write `requirements: requirements/prod.txt`"),
    ({"requirements/prod.txt": "flask", "requirements/aws.txt": "y"}, "requirements/prod.txt", "write `requirements: requirements/prod.txt`"),
    ({"requirements-live.txt": "flask"}, "requirements-live.txt", "write `requirements: requirements-live.txt`"),
    ({"requirements_prod.txt": "flask"}, "requirements_prod.txt", "write `requirements: requirements_prod.txt`"),
    ({"requirements.prod.txt": "flask"}, "requirements.prod.txt", "write `requirements: requirements.prod.txt`"),
    ({"environment.yml": "name: x\ndependencies:\n  - flask\n"}, "environment.yml", "into a requirements.txt"),
]  # fmt: skip


@pytest.mark.parametrize(("files", "seen", "remedy"), ELSEWHERE, ids=lambda value: "+".join(value) if isinstance(value, dict) else "")
def test_requirements_that_only_another_tool_reads_are_refused_with_the_way_to_a_file(check, files, seen, remedy):
    told = one(check(files))
    assert told.startswith(f"requirements: the source has no requirements.txt, so nothing would be installed, but it has {seen}; ")
    assert remedy in told
    assert told.endswith("; an empty requirements.txt says that nothing is needed.")
    assert check({**files, "requirements.txt": ""}) == []


@pytest.mark.parametrize("name", ["prod", "base"])
def test_the_file_that_is_offered_can_be_written(check, name):
    assert check({f"requirements/{name}.txt": "flask"}, requirements=f"requirements/{name}.txt") == []


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"pyproject.toml": "[tool.ruff]\nline-length = 100\n"},
        {"pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n'},
        {"pyproject.toml": PROJECT.replace('["flask"]', "[]"), "uv.lock": '[[package]]\nname = "shop"\nsource = {editable = "."}\n'},
        {"pyproject.toml": EMPTY_POETRY, "poetry.lock": '[[package]]\nname = "pytest"\n'},
        {"pyproject.toml": '[dependency-groups]\ndev = ["pytest"]\n'},
        {"uv.lock": '[[package]]\nname = "shop"\nsource = {virtual = "."}\n'},
        {"Pipfile": '[packages]\n[dev-packages]\npytest = "*"\n', "Pipfile.lock": '{"default": {}, "develop": {"pytest": {}}}'},
        {"setup.cfg": "[flake8]\nmax-line-length = 100\n"},
        {"setup.py": "from setuptools import setup\nsetup(name='shop', install_requires=[])"},
        {
            "requirements-dev.txt": "pytest",
            "requirements/test.txt": "pytest",
            "dev-requirements.txt": "pytest",
            "requirements_docs.txt": "x",
        },
        {"docs/requirements.txt": "sphinx"},
        {"environment.yml": "name: x\n"},
    ],
)
def test_a_project_that_needs_nothing_is_taken(check, files):
    assert check(files) == []


def test_a_package_is_not_looked_into(tmp_path):
    assert package(tmp_path, "shop==1.0", "flask") == []


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("pyproject.toml", "add a requirements.txt with one line, a dot"),
        ("uv.lock", "run `uv export --no-emit-project -o requirements.txt`"),
        ("poetry.lock", "run `poetry export -o requirements.txt`"),
        ("Pipfile", "run `pipenv requirements > requirements.txt`"),
        ("setup.py", "a dot"),
        ("environment.yml", "a dot"),
    ],
)
def test_a_file_that_pip_cannot_read_is_no_requirements_file(check, name, remedy):
    told = one(check({name: "x"}, requirements=name))
    assert told.startswith(f"requirements: '{name}' is no requirements file")
    assert remedy in told


def test_requirements_of_another_tool_may_be_read_by_pip(check):
    assert check({"requirements.in": "flask"}, requirements="requirements.in") == []


# --- the same in a commit ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"requirements.txt": "-r more/base.txt", "more/base.txt": "-e .", "pyproject.toml": PROJECT}, "in more/base.txt is an editable installation"),
        ({"requirements.txt": "../common"}, "leads out of the source"),
        ({"requirements.txt": "./lib"}, "which is not in the source"),
        ({"requirements.txt": "./lib", "lib/x.py": ""}, "which pip cannot install"),
        ({"requirements.txt": "uWSGI==2.0.28"}, "is a second uWSGI"),
        ({"requirements.txt": ".", "pyproject.toml": dynamic('"setuptools_scm"')}, "has its version from the history"),
        ({"pyproject.toml": PROJECT}, "but it has a pyproject.toml with dependencies"),
        ({"requirements/prod.txt": "flask"}, "but it has requirements/prod.txt"),
        ({"requirements.txt": "./lib\n.[live]", "lib/setup.py": "", "pyproject.toml": PROJECT}, ""),
    ],
)  # fmt: skip
def test_a_commit_is_looked_at_as_a_directory_is(tmp_path, files, says):
    write(tmp_path / "app", files)
    commit = Repository(tmp_path).commit("x")
    told = problems(complete(wsgi="app.py"), GitTree(tmp_path / ".git", commit, "app"))
    assert says in one(told) if says else told == []
