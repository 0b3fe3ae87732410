# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The parts of a release, and the names that follow from them."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.release.plan import ReleasePlan, plan_release, prebuilt_release
from ansible_collections.flaskops.stack.plugins.plugin_utils.requirements.locked import NOMINAL
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.git import GitTree
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.package import FileTree
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import DirTree, SourceError
from ansible_collections.flaskops.stack.tests.unit.render import complete
from ansible_collections.flaskops.stack.tests.unit.repository import Repository

PYTHON = "cpython-3.11-linux-x86_64"


@pytest.fixture
def plan(tmp_path):
    """Plan a release of files; a second call replaces them."""

    def plan(files: dict[str, str], tag: str = PYTHON, markers=NOMINAL, **description) -> ReleasePlan:
        root = tmp_path / "code"
        for old in root.rglob("*"):
            if old.is_file():
                old.unlink()
        for name, text in {"app.py": "app = 1\n", **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return plan_release(complete(**{"wsgi": "app.py", **description}), DirTree(root), tag, markers)

    return plan


@pytest.fixture
def refused(plan):
    def refused(files: dict[str, str], **description) -> tuple[str, str]:
        with pytest.raises(SourceError) as caught:
            plan(files, **description)
        assert caught.value.remedy
        return caught.value.key, caught.value.problem

    return refused


PROJECT = '[build-system]\nrequires = ["setuptools"]\n[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["flask"]\n'


def test_a_project_shares_its_virtualenv_among_releases_of_other_code(plan):
    one, other = plan({"pyproject.toml": PROJECT}), plan({"pyproject.toml": PROJECT, "app.py": "app = 2\n"})
    assert one.virtualenv_id == other.virtualenv_id
    assert one.id != other.id
    assert (one.requirements, one.declared["resolved"], one.declared["project"]) == (None, ["flask"], ".")
    # Its modules are those of the source, as in an editable installation.
    assert one.imports == ".:.project"
    assert plan({"src/shop.py": "", "pyproject.toml": PROJECT}, wsgi="shop").imports == "src:.project"


def test_a_release_is_named_by_where_its_instance_folder_is(plan):
    files = {"app.py": "app = 1\n", "web/app.py": "app = 1\n"}
    top, below = plan(files), plan(files, wsgi="web/app.py")
    assert (top.instance_path, below.instance_path) == ("instance", "web/instance")
    # Both have the same code; the links in them lead to other places.
    one = {"web/__init__.py": "", **files}
    assert plan(one, wsgi="web/app.py").id != plan(one).id


def test_the_order_of_shared_paths_makes_no_other_release(plan):
    assert plan({}, shared_paths=["a", "b"]).id == plan({}, shared_paths=["b", "a"]).id != plan({}, shared_paths=["a"]).id


def test_a_project_for_another_python_is_refused(refused):
    key, problem = refused({"pyproject.toml": PROJECT.replace(">=3.10", ">=3.12")})
    assert (key, problem) == ("python", "the project needs Python >=3.12, and the host's is 3.11")


LOCKS = {
    "pylock.toml": "packages = []\n",
    "pylock.live.toml": "packages = []\n",
    "uv.lock": '[[package]]\nname = "shop"\nsource = {virtual = "."}\n',
}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_for_another_python_is_refused(plan, refused, name):
    text = f'requires-python = ">=3.12"\n{LOCKS[name]}'
    key, problem = refused({name: text}, requirements=name)
    assert (key, problem) == ("python", "the project needs Python >=3.12, and the host's is 3.11")
    plan({name: text.replace("3.12", "3.10")}, requirements=name)


def test_a_lock_leaves_nothing_open_and_has_the_packages_of_the_interpreter(plan):
    lock = '[[package]]\nname = "tomli"\nversion = "2"\nmarker = "python_version < \'3.12\'"\nfiles = [{hash = "sha256:aa"}]\n'
    made = plan({"pdm.lock": lock})
    assert (made.hashed, made.open_versions, made.declared["locked"]) == (False, True, [])
    made = plan({"pdm.lock": lock}, markers={**NOMINAL, "python_version": "3.11"})
    assert (made.hashed, made.open_versions, made.declared["locked"]) == (True, False, ["tomli==2 --hash=sha256:aa"])


def test_a_module_in_src_is_imported_from_there(plan):
    made = plan({"src/shop.py": "app = 1\n"}, wsgi="shop")
    assert (made.imports, made.callable) == ("src", "app")
    assert made.release("/srv/x").imports == "src"


# --- names -------------------------------------------------------------------------------------------------------------------


def test_equal_sources_give_equal_names(plan):
    assert plan({"requirements.txt": "flask==3"}) == plan({"requirements.txt": "flask==3"})


def test_new_code_is_a_new_release_with_the_old_virtualenv(plan):
    one, other = plan({"requirements.txt": "flask==3"}), plan({"requirements.txt": "flask==3", "app.py": "app = 2\n"})
    assert one.id != other.id
    assert one.virtualenv_id == other.virtualenv_id


@pytest.mark.parametrize(
    ("files", "description"),
    [
        ({"requirements.txt": "flask==4"}, {}),
        ({"requirements.txt": "flask==3"}, {"uwsgi": {"package": "pyuwsgi==2.0.29"}}),
        ({"requirements.txt": "flask==3"}, {"nginx": {"routes": [{"path": "/time/", "mode": "stream"}]}}),
        ({"requirements.txt": "flask==3"}, {"uwsgi": {"greenlets": 100}}),
        ({"requirements.txt": "flask==3"}, {"requirements_refresh": "2026-11"}),
        ({"requirements.txt": "flask==3"}, {"extra_requirements": ["psycopg==3"]}),
        ({"requirements.txt": "flask==3"}, {"build_constraints": ["setuptools<81"]}),
        ({"requirements.txt": "flask==3"}, {"system_site_packages": True}),
        ({"requirements.txt": "flask==3"}, {"tag": "cpython-3.13-linux-x86_64"}),
    ],
)
def test_what_a_virtualenv_is_made_of_changes_both_names(plan, files, description):
    one = plan({"requirements.txt": "flask==3"})
    other = plan(files, **description)
    assert one.virtualenv_id != other.virtualenv_id
    assert one.id != other.id


def test_a_build_hook_is_part_of_a_release_and_others_are_not(plan):
    none, build, later = (plan({}, hooks=hooks) for hooks in ({}, {"build": ["make"]}, {"migrate": ["x"], "after_switch": ["y"]}))
    assert none.id == later.id != build.id
    assert none.virtualenv_id == build.virtualenv_id


@pytest.mark.parametrize("description", [{"env": {"A": "b"}}, {"name": "blog"}, {"uwsgi": {"processes": 9}}, {"root": "/opt/shop"}])
def test_what_is_no_part_of_a_release_does_not_change_it(plan, description):
    assert plan({}, **description).id == plan({}).id


def test_comments_in_requirements_do_not_make_a_new_virtualenv(plan):
    one = plan({"requirements.txt": "flask==3\nwheel\n"})
    other = plan({"requirements.txt": "# what we need\n\nflask==3  # the framework\nwheel\n"})
    assert one.virtualenv_id == other.virtualenv_id


def test_the_release_that_later_roles_get(plan):
    made = plan({})
    assert made.release("/srv/x")._asdict() == {
        "id": made.id,
        "path": f"/srv/x/releases/{made.id}",
        "virtualenv_path": f"/srv/x/venvs/{made.virtualenv_id}",
        "callable": "app",
        "revision": made.revision,
        "imports": "",
    }
    assert made.revision == f"sha256:{made.digest[:12]}"


def test_code_that_something_else_put_there_has_no_id():
    source = {"prebuilt": "/opt/code", "virtualenv": "/opt/venv", "version": "7"}
    release = {"id": "", "path": "/opt/code", "virtualenv_path": "/opt/venv", "callable": "", "revision": "7", "imports": ""}
    assert prebuilt_release(source)._asdict() == release


# --- requirements ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "description", "requirements"),
    [
        ({}, {}, None),
        ({"requirements.txt": ""}, {}, "requirements.txt"),
        ({"requirements/live.txt": ""}, {}, None),
        ({"requirements/live.txt": ""}, {"requirements": "requirements/live.txt"}, "requirements/live.txt"),
        ({"requirements.txt": "a", "other.txt": "b"}, {"requirements": "other.txt"}, "other.txt"),
    ],
)
def test_which_file_is_installed(plan, files, description, requirements):
    assert plan(files, **description).requirements == requirements


@pytest.mark.parametrize("name", ["live.txt", "requirements.txt"])
def test_a_file_that_is_named_must_be_there(refused, name):
    assert refused({}, requirements=name) == ("requirements", f"'{name}' is not in the source")


@pytest.mark.parametrize(
    "line",
    [
        "-r more.txt",
        "-rmore.txt",
        "-r  more.txt # x",
        "--requirement more.txt",
        "--requirement=more.txt",
        "-c more.txt",
        "--constraint=more.txt",
    ],
)
def test_what_is_included_counts(plan, line):
    one, other = (plan({"requirements.txt": f"{line}\n", "more.txt": f"flask=={version}\n"}) for version in (3, 4))
    assert one.virtualenv_id != other.virtualenv_id


def test_files_are_included_from_where_they_are_and_as_deep_as_they_go(plan):
    files = {"requirements.txt": "-r sub/a.txt", "sub/a.txt": "-r b.txt", "sub/b.txt": "-r c/d.txt"}
    one, other = (plan({**files, "sub/c/d.txt": f"flask=={version}\n"}) for version in (3, 4))
    assert one.virtualenv_id != other.virtualenv_id


def test_files_that_include_each_other_come_to_an_end(refused):
    key, problem = refused({"requirements.txt": "-r a.txt", "a.txt": "-c requirements.txt\n-r a.txt"})
    assert (key, problem) == ("requirements", "'requirements.txt' includes itself by way of 'a.txt'")


def test_a_file_from_the_web_is_left_to_pip(plan):
    plan({"requirements.txt": "-r https://example.com/requirements.txt"})


def test_an_included_file_that_is_not_there_is_told(refused):
    assert refused({"requirements.txt": "-r sub/a.txt"}) == ("requirements", "'sub/a.txt' is included, but not in the source")


INCLUDES_ABOVE = {"base.txt": "flask==3", "requirements/live.txt": "-r ../base.txt"}


def test_a_file_above_is_included(plan):
    assert plan(INCLUDES_ABOVE, requirements="requirements/live.txt").virtualenv_id


def test_a_file_above_is_included_from_a_commit_too(tmp_path):
    commit = Repository(tmp_path).commit("x", {"app.py": "app = 1", **INCLUDES_ABOVE})
    assert plan_release(complete(wsgi="app.py", requirements="requirements/live.txt"), GitTree(tmp_path / ".git", commit), PYTHON)


def test_a_file_outside_of_the_source_is_told(refused, tmp_path):
    (tmp_path / "outside.txt").write_text("flask==3")
    assert refused({"requirements.txt": "-r ../outside.txt"})[0] == "requirements"


@pytest.mark.parametrize(
    "line",
    [
        ".",
        "./",
        "./lib",
        "../lib",
        "-e .",
        "-e .[live]",
        "--editable ./lib",
        "file:./lib",
        ".[live]",
        "vendor/lib-1.0-py3-none-any.whl",
        "lib @ file:./lib",
    ],
)
def test_code_that_is_installed_makes_a_virtualenv_of_its_own(plan, line):
    one, other = (plan({"requirements.txt": f"{line}\n", "app.py": text}) for text in ("app = 1\n", "app = 2\n"))
    assert one.virtualenv_id != other.virtualenv_id


@pytest.mark.parametrize("line", ["flask==3", "flask", "-i https://example.com/simple", "--find-links https://example.com"])
def test_code_that_is_not_installed_does_not(plan, line):
    one, other = (plan({"requirements.txt": f"{line}\n", "app.py": text}) for text in ("app = 1\n", "app = 2\n"))
    assert one.virtualenv_id == other.virtualenv_id


@pytest.mark.parametrize(
    ("requirements", "open_versions"),
    [("flask", True), ("flask==3", True), ("", True), ("flask==3 --hash=sha256:0", False), ("flask==3 \\\n  --hash=sha256:0", False)],
)
def test_hashes_leave_nothing_open(plan, requirements, open_versions):
    assert plan({"requirements.txt": requirements}).open_versions is open_versions


# --- entry point -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "callable_"),
    [
        ("app = Flask(__name__)", "app"),
        ("from shop import app", "app"),
        ("from shop import create as app", "app"),
        ("import app", "app"),
        ("def app(environ, start): pass", "app"),
        ("class app: pass", "app"),
        ("app: Flask = Flask(__name__)", "app"),
        ("application = app = Flask(__name__)", ""),
        ("app = Flask(__name__)\napplication = app", ""),
        ("from shop import application", ""),
        ("application = 1", ""),
        ("api = 1", ""),
        ("def create_app():\n    app = 1", ""),
        ("from app import x", ""),
        ("", ""),
        ("app = (", ""),
        ("app = 1\0", ""),
        ("try:\n    app = 1\nexcept OSError:\n    raise", "app"),
    ],
)
def test_flasks_own_name_is_found(plan, text, callable_):
    assert plan({"app.py": text}).callable == callable_
    assert plan({"web/site.py": text}, wsgi="web.site").callable == callable_
    assert plan({"web/__init__.py": text}, wsgi="web").callable == callable_


@pytest.mark.parametrize("wsgi", ["app.py:app", "app:app", "app:create()", "elsewhere:app", "elsewhere"])
def test_a_name_that_is_written_or_elsewhere_is_left_alone(plan, wsgi):
    assert plan({}, wsgi=wsgi).callable == ""


@pytest.mark.parametrize("wsgi", ["nothing.py", "nothing.py:app", "web/nothing.py"])
def test_a_file_that_is_not_there_is_told(refused, wsgi):
    assert refused({}, wsgi=wsgi) == ("wsgi", f"'{wsgi.partition(':')[0]}' is not in the source")


def test_a_source_may_have_any_encoding(plan):
    assert plan({"app.py": "# -*- coding: latin-1 -*-\napp = 'caf\u00e9'\n"}).callable == "app"


def test_another_entry_point_is_recorded(plan):
    files = {"api.py": "application = 1\n"}
    one, other = plan(files), plan(files, wsgi="api.py")
    assert (one.callable, other.callable) == ("app", "")
    # The role uwsgi_service alone reads the callable from the record of the release.
    assert one.id != other.id


# --- packages ----------------------------------------------------------------------------------------------------------------


def wheel(place: Path, version: str, *requires: str, python: str = "") -> FileTree:
    file = place / f"shop-{version}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(
            f"shop-{version}.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: shop\n"
            + "".join(f"Requires-Dist: {item}\n" for item in requires)
            + (f"Requires-Python: {python}\n" if python else ""),
        )
        archive.writestr("shop/__init__.py", f"version = '{version}'")
    return FileTree(file, f"shop {version}")


def package(tree: FileTree, requirement: str = "shop==1.0") -> ReleasePlan:
    return plan_release(complete(source={"path": None, "package": requirement}, wsgi="shop:app"), tree, PYTHON)


def test_versions_of_a_package_with_equal_requirements_share_a_virtualenv(tmp_path):
    one, other = (
        package(wheel(tmp_path, "1.0", "flask", "gevent; extra == 'x'")),
        package(wheel(tmp_path, "1.1", "gevent; extra == 'x'", "flask")),
    )
    assert one.virtualenv_id == other.virtualenv_id
    assert one.id != other.id


def test_other_requirements_of_a_package_are_another_virtualenv(tmp_path):
    assert package(wheel(tmp_path, "1.0", "flask")).virtualenv_id != package(wheel(tmp_path, "1.1", "flask>2")).virtualenv_id


def test_extras_are_another_virtualenv(tmp_path):
    tree = wheel(tmp_path, "1.0", "flask")
    plain, extra = package(tree), package(tree, "shop[fast, small]==1.0")
    assert plain.virtualenv_id != extra.virtualenv_id
    assert (plain.package, extra.package) == ("shop-1.0-py3-none-any.whl", "shop-1.0-py3-none-any.whl[fast,small]")
    assert (plain.requirements, plain.callable, plain.revision) == (None, "", "shop 1.0")


def test_a_package_from_source_has_a_virtualenv_of_its_own(tmp_path):
    plans = []
    for version in ("1.0", "1.1"):
        file = tmp_path / f"shop-{version}.tar.gz"
        file.write_text(version)
        plans.append(package(FileTree(file, version)))
    assert plans[0].virtualenv_id != plans[1].virtualenv_id


@pytest.mark.parametrize("wanted", [">=3.12", "<3.11", "==3.10.*", ">=3.8,!=3.11.*", ">=3.99"])
def test_a_wheel_for_other_pythons_is_refused_before_the_host_changes(tmp_path, wanted):
    with pytest.raises(SourceError, match="needs Python .*, and the host's is 3.11; name another interpreter") as caught:
        package(wheel(tmp_path, "1.0", python=wanted))
    assert f"'shop 1.0' needs Python {wanted}," in caught.value.problem


@pytest.mark.parametrize("wanted", ["", ">=3.11", ">=3.11.2", "!=3.11.0", "<4", "~=3.9", "==3.11.7", "~>3 nonsense"])
def test_a_wheel_that_may_fit_is_planned(tmp_path, wanted):
    assert package(wheel(tmp_path, "1.0", python=wanted)).package == "shop-1.0-py3-none-any.whl"


def test_a_plan_can_be_handed_on(plan):
    assert json.loads(json.dumps(dataclasses.asdict(plan({})))) == dataclasses.asdict(plan({}))


def test_pinned_packages_are_those_of_source_description_and_uwsgi(plan):
    files = {
        "requirements.txt": "-r more.txt\n-c limits.txt\nflask==3.1.3\nclick>=8\nmarkupsafe\n",
        "more.txt": "redis==8.1.0 \\\n  --hash=sha256:aa\n",
    }
    files |= {"limits.txt": "idna @ https://example.com/idna.whl\nmarkupsafe==3.0.3\nnot-required==1\n"}
    made = plan(files, extra_requirements=["idna==3.20", "psycopg==3.2.9"], uwsgi={"package": "uwsgi==2.0.31"}).pinned
    assert made["required"] == {
        "flask": "flask==3.1.3",
        "markupsafe": "markupsafe==3.0.3",
        "psycopg": "psycopg==3.2.9",
        "redis": "redis==8.1.0 sha256:aa",
        "uwsgi": "uwsgi==2.0.31",
    }
    assert made["beside"] == {}
    stream = plan({}, nginx={"routes": [{"path": "/", "mode": "stream"}]}).pinned["beside"]
    assert stream["zope-interface"] == "zope-interface==8.7"


def test_pinned_packages_of_a_lock_have_its_hashes(plan):
    lock = 'lock-version = "1.0"\n[[packages]]\nname = "Flask"\nversion = "3.1.3"\n'
    lock += '[packages.sdist]\nname = "flask.tar.gz"\nurl = "https://a/flask.tar.gz"\nhashes = {sha256 = "aa"}\n'
    assert plan({"pylock.toml": lock}).pinned["required"]["flask"] == "flask==3.1.3 sha256:aa"


def test_packages_of_other_interpreters_options_and_texts_are_others(plan):
    plain, same = plan({"requirements.txt": "flask==3\n"}), plan({"requirements.txt": "flask==3\nredis==8\n"})
    assert plain.virtualenv_id != same.virtualenv_id
    assert plain.pinned["basis"] == same.pinned["basis"]
    others = [
        plan({"requirements.txt": "--extra-index-url https://pypi.example.com\nflask==3\n"}),
        plan({"requirements.txt": "flask==3\n"}, tag="cpython-3.13-linux-x86_64"),
        plan({"requirements.txt": "flask==3\n"}, requirements_refresh="again"),
        plan({"requirements.txt": "flask==3\n"}, system_site_packages=True),
    ]
    assert len({plain.pinned["basis"], *(one.pinned["basis"] for one in others)}) == 5
