# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""flask_elsewhere: code that imports Flask is refused where another extra, group or file of its source brings it, or nothing does."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.code.flask_elsewhere import flask_elsewhere
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import DirTree
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.requirements.checked import SETUPTOOLS
from ansible_collections.flaskops.stack.tests.unit.render import complete

FLASK = {"shop/__init__.py": "from .web import app\n", "shop/web.py": "import json\nfrom flask import Flask\napp = Flask(__name__)\n"}
PLAIN = f'{SETUPTOOLS}[project]\nname = "shop"\nversion = "1"\ndependencies = ["requests"]\n'
EXTRAS = f'{PLAIN}[project.optional-dependencies]\ndev = ["flask"]\nweb = ["Flask>=3", "humanize"]\n'
UV = """
[[package]]
name = "shop"
source = {editable = "."}
dependencies = [{name = "requests"}]
[package.optional-dependencies]
web = [{name = "flask"}]
[package.dev-dependencies]
web = [{name = "flask"}]
[[package]]
name = "requests"
version = "2.32"
source = {registry = "https://pypi.org/simple"}
wheels = [{url = "https://files.example.com/requests.whl", hash = "sha256:aa"}]
[[package]]
name = "flask"
version = "3.1"
source = {registry = "https://pypi.org/simple"}
wheels = [{url = "https://files.example.com/flask.whl", hash = "sha256:bb"}]
"""
GROUPS = f'{PLAIN}[dependency-groups]\ntest = ["flask"]\nweb = ["flask"]\n'
POETRY = '[[package]]\nname = "requests"\nversion = "2.32"\ngroups = ["main"]\nfiles = [{file = "x", hash = "sha256:aa"}]\n'
LIKE = "requirements: shop/web.py imports flask, and {} does not have it; {}, or write `extra_requirements: [flask]`"


def told(tmp_path, files: dict[str, str], **description) -> list[str]:
    for name, text in {**FLASK, **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    app = complete(**{"wsgi": "shop:app", **description})
    return [f"{error.key}: {error.problem}; {error.remedy}" for error in flask_elsewhere(app, DirTree(tmp_path, ()))]


@pytest.mark.parametrize(
    ("files", "counts", "remedy"),
    [
        ({"pyproject.toml": EXTRAS}, "pyproject.toml", "write `extras: [web]`"),
        ({"pyproject.toml": GROUPS}, "pyproject.toml", "write `groups: [web]`"),
        ({"pyproject.toml": EXTRAS, "uv.lock": UV}, "uv.lock", "write `extras: [web]`"),
        ({"pyproject.toml": GROUPS, "uv.lock": UV}, "uv.lock", "write `groups: [web]`"),
        ({"pyproject.toml": PLAIN, "uv.lock": UV}, "uv.lock", "add it to the dependencies of the project and make the lock anew"),
        (
            {"pyproject.toml": '[tool.poetry.group.web.dependencies]\nflask = "^3"\n', "poetry.lock": POETRY},
            "poetry.lock",
            "write `groups: [web]`",
        ),
        (
            {"requirements.txt": "black\nmkdocs\n", "shop/requirements.txt": "Flask==3.1.3\n"},
            "requirements.txt",
            "write `requirements: shop/requirements.txt`",
        ),
    ],
)
def test_flask_that_another_part_of_the_source_brings_is_refused_with_that_part(tmp_path, files, counts, remedy):
    assert told(tmp_path, files) == [LIKE.format(counts, remedy)]


@pytest.mark.parametrize(
    ("files", "description"),
    [
        ({"pyproject.toml": EXTRAS}, {"extras": ["web"]}),
        ({"pyproject.toml": GROUPS, "uv.lock": UV}, {"groups": ["web"]}),
        ({"requirements.txt": "black\n", "shop/requirements.txt": "flask\n"}, {"requirements": "shop/requirements.txt"}),
        ({"pyproject.toml": EXTRAS}, {"extra_requirements": ["flask"]}),
    ],
)
def test_the_remedy_works(tmp_path, files, description):
    assert told(tmp_path, files, **description) == []


@pytest.mark.parametrize(
    "files",
    [
        # A package may bring it, whatever its name, and so may a project or a commit.
        {"requirements.txt": "some-framework\n"},
        {"requirements.txt": "Flask-Admin\n", "shop/requirements.txt": "flask\n"},
        {"requirements.txt": "./lib\n", "lib/setup.py": "", "shop/requirements.txt": "flask\n"},
        {"requirements.txt": "git+https://git.example.com/common\n", "shop/requirements.txt": "flask\n"},
        {"pyproject.toml": EXTRAS.replace('"requests"', '"connexion[flask]"')},
        {"pyproject.toml": EXTRAS.replace("web =", "test ="), "uv.lock": UV.replace('"requests"}]', '"flask"}]', 1)},
        # Flask's own repository, and one that has a copy of it.
        {"pyproject.toml": EXTRAS, "src/flask/__init__.py": ""},
        {"pyproject.toml": EXTRAS, "vendor/flask.py": ""},
        # Nothing imports it for certain.
        {"pyproject.toml": EXTRAS, "shop/web.py": "try:\n    import flask\nexcept ImportError:\n    flask = None\n"},
        {"pyproject.toml": EXTRAS, "shop/web.py": "def app(environ, start_response):\n    import flask\n"},
        # Nothing is declared, or it cannot be read.
        {},
        {"uv.lock": "["},
    ],
)
def test_what_may_be_there_is_left_to_the_gate(tmp_path, files):
    assert told(tmp_path, files) == []
