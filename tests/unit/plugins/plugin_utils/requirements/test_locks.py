# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Locks of other tools, read as data: the packages of one host, exact and with their hashes."""

from __future__ import annotations

import json
import re

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.requirements.declared import ORDER, declared
from ansible_collections.flaskops.stack.plugins.plugin_utils.requirements.locked import NOMINAL
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import DirTree, SourceError
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.requirements.checked import PROJECT, one, problems, write
from ansible_collections.flaskops.stack.tests.unit.render import complete

# As uv 0.9 writes it, with fewer files.
UV = """
version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "shop"
version = "1"
source = { editable = "." }
dependencies = [
    { name = "flask", extra = ["async"] },
    { name = "tomli", marker = "python_full_version < '3.12'" },
    { name = "common" },
    { name = "lib" },
    { name = "ours" },
]
[package.optional-dependencies]
pg = [{ name = "psycopg" }]
[package.dev-dependencies]
dev = [{ name = "pytest" }]
prod = [{ name = "sentry-sdk" }]

[[package]]
name = "flask"
version = "3.1.3"
source = { registry = "https://pypi.org/simple" }
dependencies = [{ name = "click" }]
sdist = { url = "https://files.example.com/flask.tar.gz", hash = "sha256:aa", size = 1 }
wheels = [{ url = "https://files.example.com/flask.whl", hash = "sha256:bb", size = 1 }]
[package.optional-dependencies]
async = [{ name = "asgiref" }]

[[package]]
name = "click"
version = "8.1.0"
source = { registry = "https://pypi.org/simple" }
resolution-markers = ["python_full_version < '3.12'"]
wheels = [{ url = "https://files.example.com/click-8.1.whl", hash = "sha256:c1" }]

[[package]]
name = "click"
version = "8.3.0"
source = { registry = "https://pypi.org/simple" }
resolution-markers = ["python_full_version >= '3.12'"]
wheels = [{ url = "https://files.example.com/click-8.3.whl", hash = "sha256:c3" }]

[[package]]
name = "asgiref"
version = "3.9"
source = { registry = "https://pypi.org/simple" }
wheels = [{ url = "https://files.example.com/asgiref.whl", hash = "sha256:dd" }]

[[package]]
name = "tomli"
version = "2.0"
source = { registry = "https://pypi.org/simple" }
wheels = [{ url = "https://files.example.com/tomli.whl", hash = "sha256:ee" }]

[[package]]
name = "common"
version = "1"
source = { directory = "libs/common" }

[[package]]
name = "lib"
version = "1"
source = { git = "https://git.example.com/lib.git?subdirectory=py&rev=v1#0123abc" }

[[package]]
name = "ours"
version = "1.0"
source = { registry = "https://pypi.example.com/simple" }
wheels = [{ url = "https://pypi.example.com/ours.whl", hash = "sha256:ff" }]

[[package]]
name = "psycopg"
version = "3.2"
source = { registry = "https://pypi.org/simple" }
wheels = [{ url = "https://files.example.com/psycopg.whl", hash = "sha256:ab" }]

[[package]]
name = "pytest"
version = "9"
source = { registry = "https://pypi.org/simple" }
wheels = [{ url = "https://files.example.com/pytest.whl", hash = "sha256:ac" }]

[[package]]
name = "sentry-sdk"
version = "2"
source = { url = "https://files.example.com/sentry_sdk-2-py3-none-any.whl" }
wheels = [{ url = "https://files.example.com/sentry_sdk-2-py3-none-any.whl", hash = "sha256:ad" }]
"""
POETRY = """
[[package]]
name = "flask"
version = "3.1.3"
optional = false
groups = ["main", "dev"]
files = [{file = "flask.whl", hash = "sha256:bb"}, {file = "flask.tar.gz", hash = "sha256:aa"}]

[[package]]
name = "colorama"
version = "0.4"
optional = false
groups = ["main", "dev"]
markers = {main = "platform_system == 'Windows'", dev = "sys_platform == 'linux'"}
files = [{file = "colorama.whl", hash = "sha256:cc"}]

[[package]]
name = "psycopg"
version = "3.2"
optional = true
groups = ["main"]
markers = "extra == 'pg'"
files = [{file = "psycopg.whl", hash = "sha256:ab"}]

[[package]]
name = "pytest"
version = "9"
optional = false
groups = ["dev"]
files = [{file = "pytest.whl", hash = "sha256:ac"}]

[[package]]
name = "common"
version = "1"
optional = false
groups = ["main"]
files = []
develop = true
[package.source]
type = "directory"
url = "libs/common"

[[package]]
name = "lib"
version = "1"
optional = false
groups = ["main"]
files = []
[package.source]
type = "git"
url = "git@git.example.com:libs/lib.git"
reference = "v1"
resolved_reference = "0123abc"

[extras]
pg = ["psycopg"]

[metadata]
lock-version = "2.1"
"""
PDM = """
[metadata]
groups = ["default", "pg"]
lock_version = "4.5.0"

[[package]]
name = "flask"
version = "3.1.3"
groups = ["default"]
files = [{file = "flask.whl", hash = "sha256:bb"}]

[[package]]
name = "tomli"
version = "2.0"
groups = ["default"]
marker = "python_version < '3.12'"
files = [{file = "tomli.whl", hash = "sha256:ee"}]

[[package]]
name = "psycopg"
version = "3.2"
groups = ["pg"]
files = [{file = "psycopg.whl", hash = "sha256:ab"}]
"""
PIPFILE = {
    "_meta": {"sources": [{"name": "pypi", "url": "https://pypi.org/simple"}, {"name": "ours", "url": "https://pypi.example.com/simple"}]},
    "default": {
        "flask": {"version": "==3.1.3", "hashes": ["sha256:bb"], "index": "pypi"},
        "tomli": {"version": "==2.0", "hashes": ["sha256:ee"], "markers": "python_version < '3.12'"},
        "ours": {"version": "==1.0", "hashes": ["sha256:ff"], "index": "ours"},
        "lib": {"git": "https://git.example.com/lib.git", "ref": "0123abc"},
    },
    "develop": {"pytest": {"version": "==9", "hashes": ["sha256:ac"]}},
}
PYLOCK = """
lock-version = "1.0"
extras = ["pg"]
dependency-groups = ["prod"]

[[packages]]
name = "flask"
version = "3.1.3"
sdist = {url = "https://files.example.com/flask.tar.gz", hashes = {sha256 = "aa"}}
wheels = [{url = "https://files.example.com/flask.whl", hashes = {sha256 = "bb"}}]

[[packages]]
name = "tomli"
version = "2.0"
marker = "python_version < '3.12'"
wheels = [{url = "https://files.example.com/tomli.whl", hashes = {sha256 = "ee"}}]

[[packages]]
name = "psycopg"
version = "3.2"
marker = "'pg' in extras and python_version >= '3.11'"
wheels = [{url = "https://files.example.com/psycopg.whl", hashes = {sha256 = "ab"}}]

[[packages]]
name = "sentry-sdk"
version = "2"
marker = "'prod' in dependency_groups"
archive = {url = "https://files.example.com/sentry_sdk.zip", hashes = {sha256 = "ad"}}

[[packages]]
name = "lib"
vcs = {type = "git", url = "https://git.example.com/lib.git", commit-id = "0123abc"}

[[packages]]
name = "shop"
directory = {path = ".", editable = true}
"""
LOCKS = {"uv.lock": UV, "poetry.lock": POETRY, "pdm.lock": PDM, "Pipfile.lock": json.dumps(PIPFILE), "pylock.toml": PYLOCK}
FLASK = "flask==3.1.3 --hash=sha256:aa --hash=sha256:bb"
OURS = "--extra-index-url https://pypi.example.com/simple"
GIT = "lib @ git+https://git.example.com/lib.git@0123abc"
OLD = {**NOMINAL, "python_version": "3.11", "python_full_version": "3.11.2"}


def order(place, files, markers=NOMINAL, **description):
    write(place, files)
    found = declared(complete(**{"wsgi": "app.py", **description}), DirTree(place), markers)
    assert found.order is not None
    return found.order


def locked(place, files, markers=NOMINAL, **description) -> list[str]:
    return order(place, files, markers, **description)["locked"]


def refused(place, files, **description) -> str:
    with pytest.raises(SourceError) as caught:
        order(place, files, **description)
    return str(caught.value)


def test_a_lock_of_uv_is_walked_from_the_project(tmp_path):
    made = order(tmp_path, {"uv.lock": UV})
    newest = ["asgiref==3.9 --hash=sha256:dd", "click==8.3.0 --hash=sha256:c3", FLASK]
    assert made["locked"] == [OURS, *newest, "ours==1.0 --hash=sha256:ff"]
    assert made["loose"] == [OURS, "./libs/common", "lib @ git+https://git.example.com/lib.git@0123abc#subdirectory=py"]


def test_markers_of_a_lock_are_those_of_the_host(tmp_path):
    lines = locked(tmp_path, {"uv.lock": UV}, OLD)
    assert "tomli==2.0 --hash=sha256:ee" in lines
    assert "click==8.1.0 --hash=sha256:c1" in lines
    assert not [line for line in lines if line.startswith("click==8.3")]


def test_extras_and_groups_of_a_lock_of_uv(tmp_path):
    lines = locked(tmp_path, {"uv.lock": UV}, extras=["pg"], groups=["prod"])
    assert "psycopg==3.2 --hash=sha256:ab" in lines
    assert "sentry-sdk @ https://files.example.com/sentry_sdk-2-py3-none-any.whl --hash=sha256:ad" in lines
    assert not [line for line in lines if line.startswith("pytest")]


@pytest.mark.parametrize(("key", "value"), [("extras", ["mysql"]), ("groups", ["mysql"])])
@pytest.mark.parametrize("name", LOCKS)
def test_an_extra_or_a_group_that_a_lock_lacks_is_refused(tmp_path, name, key, value):
    assert refused(tmp_path, {name: LOCKS[name]}, **{key: value}).startswith(f"{key}: 'mysql' is not in {name}; ")


def test_a_lock_of_poetry_says_what_a_package_is_for(tmp_path):
    made = order(tmp_path, {"poetry.lock": POETRY})
    assert made["locked"] == [FLASK]
    assert made["loose"] == ["./libs/common", "lib @ git+ssh://git@git.example.com/libs/lib.git@0123abc"]
    assert locked(tmp_path, {}, extras=["pg"]) == [FLASK, "psycopg==3.2 --hash=sha256:ab"]
    assert locked(tmp_path, {}, groups=["dev"]) == ["colorama==0.4 --hash=sha256:cc", FLASK, "pytest==9 --hash=sha256:ac"]


def test_a_lock_of_an_early_poetry_is_refused(tmp_path):
    assert "run `poetry lock`" in refused(tmp_path, {"poetry.lock": '[[package]]\nname = "flask"\nversion = "3"\n'})


def test_a_lock_of_pdm(tmp_path):
    assert locked(tmp_path, {"pdm.lock": PDM}) == ["flask==3.1.3 --hash=sha256:bb"]
    assert locked(tmp_path, {}, extras=["pg"]) == ["flask==3.1.3 --hash=sha256:bb", "psycopg==3.2 --hash=sha256:ab"]


def test_a_lock_of_pipenv(tmp_path):
    made = order(tmp_path, {"Pipfile.lock": json.dumps(PIPFILE)})
    assert made["locked"] == [OURS, "flask==3.1.3 --hash=sha256:bb", "ours==1.0 --hash=sha256:ff"]
    assert made["loose"] == [OURS, GIT]
    assert "pytest==9 --hash=sha256:ac" in locked(tmp_path, {}, groups=["develop"])


def test_a_lock_of_the_standard(tmp_path):
    made = order(tmp_path, {"pylock.toml": PYLOCK, "pyproject.toml": PROJECT})
    assert (made["locked"], made["loose"], made["project"]) == ([FLASK], [GIT], ".")
    lines = locked(tmp_path, {}, extras=["pg"], groups=["prod"])
    assert lines == [FLASK, "psycopg==3.2 --hash=sha256:ab", "sentry-sdk @ https://files.example.com/sentry_sdk.zip --hash=sha256:ad"]


def test_a_lock_of_the_standard_may_be_one_of_several(tmp_path):
    made = order(tmp_path, {"pylock.prod.toml": PYLOCK, "pyproject.toml": PROJECT}, requirements="pylock.prod.toml")
    assert (made["locked"], made["loose"], made["project"]) == ([FLASK], [GIT], ".")
    write(tmp_path, {"pylock.prod.toml": "packages = 3\n"})
    told = one(problems(complete(wsgi="app.py", requirements="pylock.prod.toml"), DirTree(tmp_path)))
    assert told.startswith("requirements: 'pylock.prod.toml' has packages, which is a number, but must be a list of tables")


@pytest.mark.parametrize("text", ["[[package]", "x = 1\x00"])
@pytest.mark.parametrize("name", [name for name in ORDER if "lock" in name])
def test_a_lock_that_cannot_be_read_is_refused_on_the_controller(tmp_path, name, text):
    write(tmp_path, {name: text})
    told = one(problems(complete(wsgi="app.py"), DirTree(tmp_path)))
    assert told.startswith(f"requirements: '{name}' cannot be read (")


def test_a_lock_that_leads_out_of_the_source_is_refused(tmp_path):
    write(tmp_path, {"uv.lock": UV.replace("libs/common", "../common")})
    told = one(problems(complete(wsgi="app.py"), DirTree(tmp_path)))
    assert told.startswith("requirements: '../common' in uv.lock leads out of the source")


def test_a_lock_with_a_second_uwsgi_is_refused(tmp_path):
    write(tmp_path, {"pdm.lock": PDM.replace('"flask"', '"uwsgi"')})
    assert "is a second uWSGI beside uwsgi.package" in one(problems(complete(wsgi="app.py"), DirTree(tmp_path)))


@pytest.mark.parametrize(
    ("name", "extra", "group"),
    [
        ("uv.lock", "pg", "prod"),
        ("poetry.lock", "pg", "dev"),
        ("pdm.lock", "pg", ""),
        ("Pipfile.lock", "", "develop"),
        ("pylock.toml", "pg", "prod"),
    ],
)
def test_an_extra_or_a_group_may_be_written_in_any_spelling(tmp_path, name, extra, group):
    plain = locked(tmp_path, {name: LOCKS[name]})
    wanted = locked(tmp_path, {}, extras=[extra] * bool(extra), groups=[group] * bool(group))
    assert len(wanted) > len(plain)
    # A lock has these names as its tool writes them, in the project's spelling or in the one that is compared.
    for spelled in ("My_{}", "my-{}"):
        text = LOCKS[name]
        for each in filter(None, (extra, group)):
            text = re.sub(rf"\b{each}\b", lambda found, spelled=spelled: spelled.format(found[0]), text)
        write(tmp_path, {name: text})
        for asked in ("My_{}", "my-{}", "MY.{}"):
            extras, groups = ([asked.format(each)] * bool(each) for each in (extra, group))
            assert locked(tmp_path, {}, extras=extras, groups=groups) == wanted
