# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""undeclared_import: an entry point that imports what nobody installs is refused on the controller."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.code.undeclared_import import undeclared_import
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import DirTree
from ansible_collections.flaskops.stack.tests.unit.render import complete

FLASK = "import json\nfrom flask import Flask\napp = Flask(__name__)\n"
LINE = (
    "{} imports flask, and the source declares no requirements, so nothing but uWSGI would be installed; write them into a requirements.txt of"
    " the source, one on each line"
)


def told(tmp_path, files: dict[str, str], **description) -> list[str]:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    app = complete(**{"wsgi": "shop:app", **description})
    return [f"{error.problem}; {error.remedy}" for error in undeclared_import(app, DirTree(tmp_path, ()))]


@pytest.mark.parametrize(
    ("file", "wsgi"), [("shop.py", "shop:app"), ("shop/__init__.py", "shop:app"), ("src/shop.py", "shop"), ("web/app.py", "web/app.py")]
)
def test_a_package_that_nobody_installs_is_refused(tmp_path, file, wsgi):
    assert told(tmp_path, {file: FLASK, "requirements-dev.txt": "pytest\n"}, wsgi=wsgi) == [LINE.format(file)]


def test_a_package_that_an_inner_module_imports_is_refused(tmp_path):
    files = {"shop.py": "from web import app\n", "web/__init__.py": "from .views import app\n", "web/views.py": FLASK}
    assert told(tmp_path, files) == [LINE.format("web/views.py")]


@pytest.mark.parametrize(
    "files",
    [
        {"shop.py": "try:\n    import views\nexcept ImportError: ...\n", "views.py": FLASK},
        {"shop.py": "import json, os.path, uwsgi\nfrom . import models\nfrom uwsgidecorators import timer\n"},
        {"shop.py": "try:\n    import flask\nexcept ImportError: ...\n"},
        {"shop.py": "def app(environ, start_response):\n    import flask\n"},
        {"shop.py": "import models\n", "models.py": ""},
        {"shop.py": FLASK, "vendor/flask/__init__.py": ""},
        {"shop.py": FLASK, "lib/flask.cpython-313-x86_64-linux-gnu.so": ""},
        {"shop.py": FLASK, "requirements.txt": ""},
        {"shop.py": FLASK, "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\ndependencies = ["flask"]\n'},
        # The remedy of another check names the file.
        {"shop.py": FLASK, "requirements/prod.txt": "flask\n"},
        {"other.py": FLASK},
        {"shop.py": "import ("},
    ],
)
def test_what_may_be_there_is_left_to_the_gate(tmp_path, files):
    assert told(tmp_path, files) == []


@pytest.mark.parametrize(
    "description",
    [
        {"extra_requirements": ["flask"]},
        {"system_site_packages": True, "packages": ["python3-flask"]},
        {"env": {"PYTHONPATH": "/opt/modules"}},
        {"hooks": {"build": ["make vendor"]}},
    ],
)
def test_a_description_may_bring_it_in_other_ways(tmp_path, description):
    assert told(tmp_path, {"shop.py": FLASK}, **description) == []
