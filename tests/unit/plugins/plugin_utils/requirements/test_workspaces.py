# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A workspace of uv has one lock for all of its projects: it is read for the one that is named."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.requirements.declared import declared, declaring_file
from ansible_collections.flaskops.stack.plugins.plugin_utils.requirements.locked import NOMINAL
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import DirTree
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.requirements.checked import SETUPTOOLS, one, problems, write
from ansible_collections.flaskops.stack.tests.unit.render import complete

MEMBER = '[project]\nname = "{name}"\nversion = "1"\ndependencies = [{needs}]\n[tool.uv.sources]\ncommon = {{workspace = true}}\n'
# As uv 0.9 writes it, with fewer files.
LOCK = """
version = 1

[manifest]
members = ["common", "mail", "shop"]

[[package]]
name = "common"
version = "1"
source = { editable = "libs/common" }
dependencies = [{ name = "click" }]

[[package]]
name = "mail"
version = "1"
source = { virtual = "apps/mail" }
dependencies = [{ name = "mailbox" }]

[[package]]
name = "shop"
version = "1"
source = { editable = "apps/shop" }
dependencies = [{ name = "flask" }, { name = "common" }]
[package.optional-dependencies]
pg = [{ name = "psycopg" }]

[[package]]
name = "click"
version = "8.3.0"
source = { registry = "https://pypi.org/simple" }
wheels = [{ url = "https://files.example.com/click.whl", hash = "sha256:cc" }]

[[package]]
name = "flask"
version = "3.1.3"
source = { registry = "https://pypi.org/simple" }
wheels = [{ url = "https://files.example.com/flask.whl", hash = "sha256:ff" }]

[[package]]
name = "mailbox"
version = "1.0"
source = { registry = "https://pypi.org/simple" }
wheels = [{ url = "https://files.example.com/mailbox.whl", hash = "sha256:aa" }]

[[package]]
name = "psycopg"
version = "3.2.9"
source = { registry = "https://pypi.org/simple" }
wheels = [{ url = "https://files.example.com/psycopg.whl", hash = "sha256:bb" }]
"""
FILES = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["apps/*", "libs/*"]\n',
    "uv.lock": LOCK,
    "apps/shop/pyproject.toml": SETUPTOOLS + MEMBER.format(name="shop", needs='"flask", "common"'),
    "apps/mail/pyproject.toml": MEMBER.format(name="mail", needs='"mailbox"'),
    "libs/common/pyproject.toml": SETUPTOOLS + '[project]\nname = "common"\nversion = "1"\n',
}


@pytest.mark.parametrize("below", ["", "python/"])
def test_the_lock_of_a_workspace_is_read_for_the_member_that_is_named(tmp_path, below):
    write(tmp_path, {f"{below}{name}": text for name, text in FILES.items()})
    app, tree = complete(wsgi="app.py", requirements=f"{below}apps/shop/pyproject.toml", extras=["pg"]), DirTree(tmp_path)
    found = declared(app, tree, NOMINAL)
    assert found.file == f"{below}uv.lock"
    assert [line.partition(" ")[0] for line in found.order["locked"]] == ["click==8.3.0", "flask==3.1.3", "psycopg==3.2.9"]
    assert (found.order["loose"], found.order["project"]) == ([f"./{below}libs/common"], f"./{below}apps/shop")
    assert problems(app, tree) == []


def test_a_member_that_is_no_package_is_not_installed(tmp_path):
    write(tmp_path, FILES)
    order = declared(complete(wsgi="app.py", requirements="apps/mail/pyproject.toml"), DirTree(tmp_path), NOMINAL).order
    assert ([line.partition(" ")[0] for line in order["locked"]], order["loose"], order["project"]) == (["mailbox==1.0"], [], "")


def test_a_directory_that_is_no_member_has_its_own_requirements(tmp_path):
    write(tmp_path, {**FILES, "apps/old/pyproject.toml": '[project]\nname = "old"\nversion = "1"\ndependencies = ["flask"]\n'})
    assert declared(complete(wsgi="app.py", requirements="apps/old/pyproject.toml"), DirTree(tmp_path), NOMINAL).order["resolved"] == [
        "flask"
    ]


def test_a_workspace_alone_is_refused_with_the_file_of_a_member(check):
    told = one(check(FILES))
    assert told.startswith(
        "requirements: uv.lock is that of a workspace, whose directory is no project itself; write `requirements: libs/common/"
    )
    assert "another member (apps/mail/pyproject.toml, apps/shop/pyproject.toml)" in told


@pytest.mark.parametrize(
    ("wsgi", "counts"),
    [
        ("apps/shop/web/app.py", "apps/shop/pyproject.toml"),
        ("./apps/mail/app.py:app", "apps/mail/pyproject.toml"),
        # A file beside the members, and a module that comes with the requirements.
        ("app.py", "uv.lock"),
        ("shop:app", "uv.lock"),
    ],
)
def test_an_entry_point_in_a_member_has_the_requirements_of_the_member(tmp_path, wsgi, counts):
    files = ("apps/shop/web/app.py", "apps/mail/app.py", "libs/common/app.py")
    write(tmp_path, {**FILES, **dict.fromkeys(files, "app = 1\n")})
    tree = DirTree(tmp_path)
    assert declaring_file(complete(wsgi=wsgi), tree) == counts
    assert declaring_file(complete(wsgi=wsgi, requirements="uv.lock"), tree) == "uv.lock"


def test_an_entry_point_in_a_member_that_needs_nothing_has_the_requirements_of_the_top(tmp_path):
    lock = LOCK.replace('dependencies = [{ name = "click" }]', "")
    write(tmp_path, {**FILES, "uv.lock": lock, "libs/common/app.py": "app = 1\n"})
    assert declaring_file(complete(wsgi="libs/common/app.py"), DirTree(tmp_path)) == "uv.lock"
