# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A warning tells from the source alone which state code keeps in the memory of one process, and is silent about what is only likely."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.code.process_memory import warning
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import DirTree
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.requirements.checked import write
from ansible_collections.flaskops.stack.tests.unit.render import complete

STREAMS = {"nginx": {"server_names": ["x"], "routes": [{"path": "/ws/", "mode": "websocket", "probe": ""}]}}
SCHEDULER = "from apscheduler.schedulers.background import BackgroundScheduler\n"
FACTORY = "def create_app():\n    app = Flask(__name__)\n"


@pytest.fixture
def told(tmp_path):
    """Return the warning about a source; files are added to an empty app.py."""

    def told(files: dict[str, str], wsgi: str = "app.py", **description) -> str:
        write(tmp_path / "code", files)
        return warning(complete(**{"wsgi": wsgi, **description}), DirTree(tmp_path / "code", [".git"]))

    return told


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import os\napp = 1\napp.secret_key = os.urandom(24)\n", "app.py, line 3, makes a new SECRET_KEY at each start"),
        ("import secrets\napp.config['SECRET_KEY'] = secrets.token_hex(16)\n", "line 2, makes a new SECRET_KEY"),
        ("from os import urandom\napp.config.from_mapping(DEBUG=False, SECRET_KEY=urandom(24).hex())\n", "line 2, makes a new SECRET_KEY"),
        ("import uuid\nclass Config:\n    SECRET_KEY = str(uuid.uuid4())\n", "line 3, makes a new SECRET_KEY"),
        ("import uuid\nSECRET_KEY: str = uuid.uuid4().hex\n", "line 2, makes a new SECRET_KEY"),
        (f"{SCHEDULER}s = BackgroundScheduler()\ns.start()\n", "app.py, line 3, starts a scheduler while it is imported"),
        (f"{SCHEDULER}if True:\n    BackgroundScheduler(daemon=True).start()\n", "line 3, starts a scheduler"),
        ("from flask_apscheduler import APScheduler as A\ns = A()\ns.init_app(app)\ns.start()\n", "line 4, starts a scheduler"),
        ("import threading\nthreading.Thread(target=print, daemon=True).start()\n", "line 2, starts a thread while it is imported"),
        ("from threading import Timer\nt = Timer(1, print)\nt.start()\n", "line 3, starts a thread"),
        ("app.config['SESSION_FILE_DIR'] = '/tmp/sessions'\n", "line 1, keeps sessions in /tmp/sessions"),
        ("import sqlite3\ndb = sqlite3.connect('x.db')\n", "line 2, opens a connection of SQLite"),
    ],
)
def test_what_one_process_keeps_is_told(told, code, says):
    line = told({"app.py": code})
    assert line.startswith("shop: ")
    assert says in line
    assert line.endswith("memory_warnings: false switches this line off.")
    assert "\n" not in line


@pytest.mark.parametrize(
    "code",
    [
        "import os\napp.secret_key = os.environ.get('KEY') or os.urandom(24)\n",
        "import os\napp.secret_key = os.environ.get('KEY', os.urandom(24))\n",
        "import os\napp.secret_key = load(os.urandom(24))\n",
        "import os\nSALT = os.urandom(24)\n",
        "import os\nif not os.environ.get('LIVE'):\n    app.secret_key = os.urandom(24)\n",
        f"{SCHEDULER}import os\nif os.environ['FLASKOPS_ROLE'] == 'worker':\n    s = BackgroundScheduler()\n    s.start()\n",
        f"{SCHEDULER}s = BackgroundScheduler()\nif __name__ == '__main__':\n    s.start()\n",
        f"{SCHEDULER}def start():\n    s = BackgroundScheduler()\n    s.start()\n",
        "from apscheduler.schedulers.blocking import BlockingScheduler\ns = BlockingScheduler()\ns.start()\n",
        "import threading\n@app.get('/')\ndef page():\n    threading.Thread(target=print).start()\n",
        "server.start()\n",
        "app.config['SESSION_FILE_DIR'] = '/srv/sessions'\n",
        "import sqlite3\ndb = sqlite3.connect('x.db')\ndb.close()\n",
        "import sqlite3\ndef get():\n    db = sqlite3.connect('x.db')\n    return db\n",
        "this is no Python\n",
        "x = (" * 5000,
    ],
)
def test_what_is_not_certain_is_not_told(told, code):
    assert told({"app.py": code}) == ""


def test_the_code_of_a_factory_and_what_it_calls_is_looked_at(told):
    files = {
        "shop/__init__.py": f"from flask import Flask\nfrom .jobs import begin\n{FACTORY}    from . import config\n    begin(app)\n",
        "shop/jobs.py": f"{SCHEDULER}scheduler = BackgroundScheduler()\ndef begin(app):\n    scheduler.start()\n",
        "shop/config.py": "import os\nSECRET_KEY = os.urandom(24)\n",
        "shop/never.py": f"{SCHEDULER}BackgroundScheduler().start()\n",
        "wsgi.py": "from shop import create_app\napp = create_app()\n",
    }
    for wsgi in ("shop:create_app()", "wsgi:app"):
        line = told(files, wsgi)
        assert "shop/jobs.py, line 4, starts a scheduler" in line
        assert "shop/config.py, line 2, makes a new SECRET_KEY" in line
        assert "never.py" not in line


def test_a_program_that_a_worker_runs_is_not_looked_at(told):
    files = {"app.py": "import flask\n", "scheduler.py": f"{SCHEDULER}s = BackgroundScheduler()\ns.start()\n"}
    assert told(files, workers=[{"name": "scheduler", "command": "python scheduler.py"}]) == ""


def test_modules_below_src_are_found(told):
    files = {"src/shop/__init__.py": "import shop.keys\n", "src/shop/keys.py": "import os\nSECRET_KEY = os.urandom(8)\n"}
    assert "src/shop/keys.py, line 2" in told(files, "shop:app")


SOCKETS = "from flask_socketio import SocketIO\nsocketio = SocketIO(app)\n"


@pytest.mark.parametrize(
    ("code", "description", "says"),
    [
        (SOCKETS, STREAMS, "has several processes that answer requests and a pool for streams beside them"),
        (SOCKETS, {"uwsgi": {"processes": 1}, **STREAMS}, "has a pool for streams beside them"),
        (SOCKETS, {"uwsgi": {"processes": 1}, "workers": [{"name": "queue", "command": "rq worker"}]}, "has workers"),
        (SOCKETS, {"uwsgi": {"processes": 1}}, ""),
        (SOCKETS.replace("(app)", "(app, message_queue=URL)"), STREAMS, ""),
        (SOCKETS.replace("(app)", "()") + "socketio.init_app(app, message_queue=URL)\n", STREAMS, ""),
        (SOCKETS.replace("(app)", "(app, **settings)"), STREAMS, ""),
    ],
)
def test_a_socketio_without_a_queue_is_told_where_there_are_several_processes(told, code, description, says):
    line = told({"app.py": code}, **description)
    assert says in line
    assert bool(line) == bool(says)


def test_threads_decide_what_is_said_of_a_connection(told):
    code = {"app.py": "import sqlite3\ndb = sqlite3.connect('x.db')\n"}
    assert "all but one of their threads are refused it" in told(code)
    assert "refused" not in told(code, uwsgi={"threads": 1})


def test_a_key_differs_in_the_pool_where_there_is_one(told):
    code = {"app.py": "import os\nSECRET_KEY = os.urandom(24)\n"}
    assert "another key" in told(code, **STREAMS)
    assert "another key" not in told(code)


def test_with_lazy_apps_each_process_has_its_own(told):
    code = {"app.py": f"import sqlite3\n{SCHEDULER}db = sqlite3.connect('x')\nBackgroundScheduler().start()\n"}
    assert "stays in the master of uWSGI" in told(code)
    line = told(code, uwsgi={"options": {"lazy-apps": True}})
    assert "with lazy-apps each process imports the code and has its own" in line
    assert "SQLite" not in line


def test_a_key_switches_the_warning_off(told):
    code = {"app.py": "import os\nSECRET_KEY = os.urandom(24)\n"}
    assert told(code)
    assert told(code, memory_warnings=False) == ""


def test_many_places_make_one_line_that_says_how_many(told):
    line = told({"app.py": "import os\n" + "SECRET_KEY = os.urandom(24)\n" * 9})
    assert line.count("SECRET_KEY at each start") == 5
    assert "; and 4 more. " in line


def test_imports_in_a_circle_end(told):
    assert told({"app.py": "import b\n", "b.py": "import app\nfrom b import x\nx()\n"}) == ""
