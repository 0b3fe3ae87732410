# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""entry_point: what uWSGI could certainly not serve is refused on the controller, and what may be right is left to the gate."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.code.entry_point import entry_point_problems
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import DirTree

_FLASK = "from flask import Flask\napp = Flask(__name__)\n"


def told(tmp_path, wsgi, **files):
    """Return the problems of a source; the first double underscore in a name is a slash."""
    for name, text in files.items():
        path = tmp_path / f"{name.replace('__', '/', 1)}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [
        f"{error.problem}; {error.remedy}" for error in entry_point_problems({"wsgi": wsgi, "hooks": {"build": []}}, DirTree(tmp_path, ()))
    ]


@pytest.mark.parametrize(
    ("wsgi", "text"),
    [
        ("shop:app", _FLASK),
        ("shop.py", _FLASK),
        ("shop.py:app", _FLASK),
        ("shop", _FLASK.replace("app =", "application =")),
        ("shop:create_app()", "def create_app(config='production'): ..."),
        ("shop:create_app('live')", "def create_app(config): ..."),
        ("shop:create_app(config='live')", "def create_app(config, *rest, debug=False, **more): ..."),
        ("shop:create_app('live', debug=True)", "def create_app(config, /, *, debug): ..."),
        ("shop:create_app()", "def create_app(config): ...\ncreate_app = 1"),
        ("shop:create_app()", "import web\n@web.configured\ndef create_app(config): ..."),
        ("shop:create_app()", "def create_app(config): ...\nif __debug__:\n    def create_app(): ..."),
        ("shop:app", "def app(environ, start_response): ..."),
        ("shop:app", "def app(*args): ..."),
        ("shop:app", "def app(environ, start_response, more=None): ..."),
        ("shop:app", "import functools\n@functools.cache\ndef app(): ..."),
        ("shop:app", "from web import app"),
        ("shop:app", "from web import *"),
        ("shop:app", "import web as app"),
        ("shop:app", "globals()['app'] = 1"),
        ("shop:app", "def __getattr__(name): ..."),
        ("shop:app", "def start():\n    global app\n    app = 1\nstart()"),
        ("shop:app", "import sys, web\nsys.modules[__name__] = web"),
        ("shop:app", "try:\n    import web\nexcept ImportError as app: ..."),
        ("shop:app", "if __debug__:\n    app = 1\nelse:\n    app = 2"),
        ("shop:app", "with open('x') as app: ..."),
        ("shop:app", "class app: ..."),
        ("shop:app", "def ("),
        ("other:app", _FLASK),
        # An application for ASGI that is wrapped, or replaced.
        ("shop:app", "from fastapi import FastAPI\nfrom a2wsgi import ASGIMiddleware\napp = FastAPI()\napp = ASGIMiddleware(app)"),
        ("shop", "from fastapi import FastAPI\nfrom a2wsgi import ASGIMiddleware\napp = FastAPI()\napplication = ASGIMiddleware(app)"),
        ("shop:app", "from fastapi import FastAPI\nimport web\napp = FastAPI()\ntry:\n    app = web.wrap(app)\nexcept OSError:\n    raise"),
        ("shop:app", "from mine import FastAPI\napp = FastAPI()"),
        ("shop:app", "def app(): ...\napp = app()"),
        ("shop:app", "import web\n@web.served\nasync def app(): ..."),
        ("shop:app", f"{_FLASK}if __name__ == '__main__':\n    app.run()"),
        ("shop:app", f"{_FLASK}def main():\n    app.run()"),
        ("shop:app", f"{_FLASK}class Task: ...\ntask = Task()\ntask.run()"),
    ],
)
def test_what_may_be_right_is_left_to_the_gate(wsgi, text, tmp_path):
    assert told(tmp_path, wsgi, shop=text) == []


@pytest.mark.parametrize(
    ("wsgi", "text", "line"),
    [
        ("shop:app", "from flask import Flask\nserver = Flask(__name__)", "shop.py has no 'app'; write shop:server"),
        ("shop.py", "import flask\nserver = flask.Flask(__name__)", "shop.py has no 'application'; write shop.py:server"),
        (
            "shop:application",
            "def create_app(): ...",
            "shop.py has no 'application'; name what the module has, the Flask object or a factory with parentheses",
        ),
        (
            "shop:create_app",
            "def create_app(config=None): ...",
            "'create_app' in shop.py is a function that takes no request, so it seems to make the application; write it with parentheses,"
            " shop:create_app()",
        ),
        (
            "shop.py:create_app",
            "def create_app(): ...",
            "'create_app' in shop.py is a function that takes no request, so it seems to make the application; write it with parentheses,"
            " shop:create_app()",
        ),
        (
            "shop:create_app",
            "def create_app(config, *, debug=False): ...",
            "'create_app' in shop.py is a function that takes no request, so it seems to make the application; write it with parentheses,"
            ' shop:create_app(config="production")',
        ),
        (
            "shop.py",
            "import fastapi\napp = fastapi.FastAPI()",
            "'app' in shop.py is an application for ASGI (fastapi.FastAPI), and uWSGI speaks WSGI; name a Flask object, or wrap it (application ="
            " a2wsgi.ASGIMiddleware(app), with a2wsgi in the requirements) and write shop.py:application",
        ),
        (
            "shop:app",
            "import connexion\napp = connexion.AsyncApp(__name__)",
            "'app' in shop.py is an application for ASGI (connexion.AsyncApp), and uWSGI speaks WSGI; name a Flask object, or wrap it (application ="
            " a2wsgi.ASGIMiddleware(app), with a2wsgi in the requirements) and write shop:application",
        ),
        (
            "shop:app",
            "async def app(scope, receive, send): ...",
            "'app' in shop.py is an application for ASGI, and uWSGI speaks WSGI; name a Flask object, or wrap it (application ="
            " a2wsgi.ASGIMiddleware(app), with a2wsgi in the requirements) and write shop:application",
        ),
        (
            "shop:app",
            "from aiohttp import web\napp = web.Application()",
            "'app' in shop.py is an application of aiohttp, which needs a server of its own, and uWSGI speaks WSGI; name a Flask object",
        ),
        ("shop:app()", _FLASK, "'app' in shop.py is the application and no factory; write shop:app without parentheses"),
        (
            "shop:create_app()",
            "def create_app(config): ...",
            "'create_app' in shop.py wants the argument config, and wsgi does not give it; write it, as in"
            ' shop:create_app(config="production"), or give it a default value',
        ),
        (
            "shop:create_app('live')",
            "def create_app(config, database, debug=False): ...",
            "'create_app' in shop.py wants the argument database, and wsgi does not give it; write it, as in"
            ' shop:create_app(database="production"), or give it a default value',
        ),
        (
            "shop:create_app(config='live')",
            "def create_app(config, *, database, debug=False): ...",
            "'create_app' in shop.py wants the argument database, and wsgi does not give it; write it, as in"
            ' shop:create_app(database="production"), or give it a default value',
        ),
        (
            "shop:app",
            f"{_FLASK}\napp.run(port=8000)",
            "shop.py, line 4, starts a server of its own while it is imported, so uWSGI would never get the application; write it below"
            ' `if __name__ == "__main__":`, or remove it',
        ),
    ],
)
def test_what_is_certainly_wrong_is_refused_with_the_remedy(wsgi, text, line, tmp_path):
    assert told(tmp_path, wsgi, shop=text) == [line]


def test_a_module_that_is_called_uwsgi_is_never_found(tmp_path):
    (line,) = told(tmp_path, "uwsgi:app", uwsgi=_FLASK)
    assert line == "'uwsgi' is a module of the source, and uWSGI has a module of its own with that name, which is taken; rename uwsgi.py"
    assert told(tmp_path, "uwsgi.py", uwsgi=_FLASK) == []


def test_a_package_and_the_src_layout_are_looked_into(tmp_path):
    package = tmp_path / "src/shop"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (line,) = told(tmp_path, "shop:app")
    assert line.startswith("src/shop/__init__.py has no 'app'; ")
    (package / "__init__.py").write_text(_FLASK)
    assert told(tmp_path, "shop:app") == []


def test_of_a_package_and_a_file_with_one_name_python_imports_the_package(tmp_path):
    (tmp_path / "shop").mkdir()
    assert told(tmp_path, "shop:app", shop=_FLASK) == [], "a directory without __init__.py is not imported before a file"
    (tmp_path / "shop/__init__.py").write_text("x = 1\n")
    (line,) = told(tmp_path, "shop:app", shop=_FLASK)
    assert line.startswith("shop/__init__.py has no 'app'; ")
    assert told(tmp_path, "shop.py:app") == []


def test_a_module_that_its_package_does_not_have_is_refused(tmp_path):
    (line,) = told(tmp_path, "shop.wsgi:app", shop____init__="", shop__app=_FLASK)
    assert line == (
        "'shop.wsgi' is no module of the source, which has the package shop without wsgi.py; name a module of it, such as shop.app, or add the"
        " file"
    )
    (line,) = told(tmp_path, "shop.web.wsgi:app")
    assert "has the package shop without web/wsgi.py; " in line
    (tmp_path / "src/market").mkdir(parents=True)
    (tmp_path / "src/market/__init__.py").touch()
    (line,) = told(tmp_path, "market.wsgi")
    assert line.endswith("has the package src/market without wsgi.py; name a module of it, such as market, or add the file")


def test_a_module_that_may_be_there_later_or_elsewhere_is_left_to_the_gate(tmp_path):
    assert told(tmp_path, "other.wsgi:app", shop____init__="") == [], "it may come with the requirements"
    tree = DirTree(tmp_path, ())
    assert list(entry_point_problems({"wsgi": "shop.wsgi:app", "hooks": {"build": ["make wsgi"]}}, tree)) == []
    (tmp_path / "shop/wsgi.cpython-313-x86_64-linux-gnu.so").touch()
    assert told(tmp_path, "shop.wsgi:app") == [], "it may be compiled"
    assert told(tmp_path, "market.wsgi:app", market____init__="__path__ = __import__('pkgutil').extend_path(__path__, __name__)") == []
    assert told(tmp_path, "space.wsgi:app", space__views="") == [], "a namespace may have parts elsewhere"
