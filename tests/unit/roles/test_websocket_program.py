# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The program that loads an application into its stream pool and hands it sockets. It runs here; the scenario websockets has the libraries."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import sys
import threading
import time
import types

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi.websocket import loaded
from ansible_collections.flaskops.stack.tests.unit.parse import uwsgi_ini
from ansible_collections.flaskops.stack.tests.unit.render import complete, instance

CHAT = {"path": "/ws/", "mode": "websocket"}
OPENING = {
    "REQUEST_METHOD": "GET",
    "HTTP_UPGRADE": "WebSocket",
    "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
    "HTTP_SEC_WEBSOCKET_VERSION": "13",
}
FRAME = b"\x81\x02hi"
GOING_AWAY = b"\x88\x02\x03\xe9"


def files(**changes) -> dict[str, str]:
    return instance(complete(nginx={"routes": [{"path": "/"}, CHAT]}, **changes))["files"]


def run(program: str, name: str = "/etc/flask/shop/0f3a.stream.py") -> types.ModuleType:
    """Run the program as uWSGI does."""
    module = types.ModuleType("program")
    module.__file__ = name
    exec(compile(program, name, "exec"), vars(module))
    return module


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A release with an application that answers with what it is called with; the program is run in it."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").write_text("")
    (tmp_path / "shop/wsgi.py").write_text("app = 'the application'\n")
    (tmp_path / "app.py").write_text("NAME = __name__\napplication = 'of the file'\n\n\ndef create(word=''):\n    return f'made {word}'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "uwsgi", types.SimpleNamespace())
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] in ("shop", "app", "uwsgi_file_app_py")]:
        del sys.modules[name]


class Called:
    """A request to the program: the client's end of its connection, and what became of it."""

    def __init__(self, program: types.ModuleType) -> None:
        self.program = program
        self.client, self.server = socket.socketpair()
        self.client.settimeout(5)
        self.head: tuple[object, ...] = ()
        self.body = b""

    def __call__(self, application, **environ) -> Called:
        """Call an application as uWSGI does, which writes the answer and closes its descriptor."""
        sys.modules["uwsgi"].connection_fd = self.server.fileno
        self.program.application.application = application
        answer = self.program.application({**OPENING, **environ}, self._start)
        self.body = b"".join(answer)
        os.write(self.server.fileno(), b"the answer of uWSGI" + self.body)
        self.server.close()
        return self

    def _start(self, *head: object) -> None:
        self.head = head


@pytest.fixture
def request_to(project):
    """Return a function that begins a request to the program of an application."""
    begun: list[Called] = []

    def begin(**settings) -> Called:
        program = run(files()["websocket"])
        vars(program).update(settings)
        begun.append(Called(program))
        return begun[-1]

    yield begin
    for called in begun:
        called.client.close()
        called.server.close()


# --- how the application is found ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wsgi", "default", "found"),
    [
        ("shop.wsgi:app", "", "the application"),
        ("shop.wsgi", "app", "the application"),
        ("app", "", "of the file"),
        ("app.py", "", "of the file"),
        ("app.py", "create()", "made "),
        ("app:create()", "", "made "),
        ("app:create('x')", "", "made x"),
    ],
)
def test_an_application_is_loaded_as_uwsgi_would(project, wsgi, default, found):
    made = files(wsgi=wsgi)["websocket"]
    program = run(made.replace(loaded(wsgi), loaded(wsgi, default)))
    assert program.application.application == found


def test_a_file_is_a_module_of_the_name_that_uwsgi_gives_it(project):
    run(files(wsgi="app.py")["websocket"])
    assert sys.modules["uwsgi_file_app_py"].NAME == "uwsgi_file_app_py"


def test_the_pool_runs_the_program_and_the_other_workers_the_application():
    made = files()
    pool, own = dict(uwsgi_ini(made["stream"])), dict(uwsgi_ini(made["ini"]))
    assert pool["wsgi-file"] == "/etc/flask/shop/%n.py"
    assert not {"module", "callable", "eval"} & set(pool)
    assert (own["module"], own["callable"]) == ("shop.wsgi", "app")
    assert "websocket" not in instance(complete(nginx={"routes": [{"path": "/t/", "mode": "stream"}]}))["files"]


# --- requests -------------------------------------------------------------------------------------------------------------------------


def test_a_request_for_a_page_goes_to_the_application_as_it_is(request_to):
    def application(environ, start_response):
        assert "werkzeug.socket" not in environ
        start_response("200 OK", [])
        return [b"page"]

    called = request_to()(application, HTTP_UPGRADE="")
    assert (called.head, called.body) == (("200 OK", []), b"page")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"HTTP_SEC_WEBSOCKET_VERSION": "8"}, "426 Upgrade Required"),
        ({"HTTP_SEC_WEBSOCKET_VERSION": ""}, "426 Upgrade Required"),
        ({"HTTP_SEC_WEBSOCKET_KEY": ""}, "400 Bad Request"),
        ({"HTTP_SEC_WEBSOCKET_KEY": "c2hvcnQ="}, "400 Bad Request"),
        ({"HTTP_SEC_WEBSOCKET_KEY": "no base 64 \xff"}, "400 Bad Request"),
        ({"REQUEST_METHOD": "POST"}, "400 Bad Request"),
    ],
)
def test_a_wrong_opening_is_refused_before_the_application_sees_it(request_to, changes, status):
    called = request_to()(lambda *_request: pytest.fail("the application was called"), **changes)
    assert called.head == (status, [("Content-Type", "text/plain"), ("Sec-WebSocket-Version", "13")])
    assert b"RFC 6455" in called.body


def test_an_application_may_refuse_with_an_answer_of_its_own(request_to):
    def application(_environ, start_response):
        start_response("403 Forbidden", [("X-Why", "no")])
        yield b"not for you"

    called = request_to()(application)
    assert (called.head, called.body) == (("403 Forbidden", [("X-Why", "no")]), b"not for you")
    assert called.client.recv(100) == b"the answer of uWSGInot for you"
    assert called.client.recv(100) == b"", "nothing holds the connection open"


def test_an_error_of_the_application_leaves_no_connection_open(request_to):
    called = request_to()
    with pytest.raises(ZeroDivisionError):
        called(lambda *_request: 1 / 0)
    called.server.close()
    assert called.client.recv(100) == b""


def test_a_large_message_is_sent_to_its_end_and_nothing_behind_it(request_to):
    large = os.urandom(3_000_000)
    called = request_to()

    def application(environ, start_response):
        sender = threading.Thread(target=environ["werkzeug.socket"].send, args=(FRAME + large,))
        sender.start()
        assert received(called.client, len(FRAME) + len(large)) == FRAME + large
        sender.join()
        start_response("200 OK", [])
        return [b"an answer behind the frames"]

    called(application)
    assert (called.head, called.body) == (("101 Switching Protocols", []), b"")
    called.client.setblocking(False)
    with pytest.raises(BlockingIOError):
        called.client.recv(100)


def received(client: socket.socket, size: int) -> bytes:
    whole = b""
    while len(whole) < size:
        whole += client.recv(1_000_000)
    return whole


def speak(environ, start_response):
    """Send a frame and return, as an application does that has no more to say."""
    environ["werkzeug.socket"].send(FRAME)
    start_response("200 OK", [])
    return []


def test_a_client_that_does_not_answer_the_last_frame_is_cut(request_to):
    called = request_to(CLOSE_SECONDS=0.05)(speak)
    assert called.client.recv(100) == FRAME
    assert called.client.recv(100) == b"", "the connection ends by itself"


# --- a switch -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("live", "goes"), [("0f3a.stream.sock", False), ("9d3c.stream.sock", True), (None, False)])
def test_clients_of_a_replaced_instance_are_told_that_it_goes(request_to, tmp_path, live, goes):
    """The instance looks at the link by which nginx finds the live one, once in a second that passes quickly here."""
    if live:
        (tmp_path / "link").symlink_to(live)
    now = itertools.count()
    clock = types.SimpleNamespace(sleep=lambda _seconds: time.sleep(0.001), monotonic=lambda: next(now))
    called = request_to(LIVE=str(tmp_path / "link"), time=clock, CLOSE_SECONDS=0.05)

    def application(environ, start_response):
        environ["werkzeug.socket"].send(FRAME)
        assert called.client.recv(len(FRAME)) == FRAME
        called.client.settimeout(60 if goes else 0.3)
        with contextlib.suppress(TimeoutError):
            heard.append(called.client.recv(100))
        return speak(environ, start_response)

    heard: list[bytes] = []
    called(application)
    assert heard == ([GOING_AWAY] if goes else [])
    assert next(now) > 28 or not goes, "not before the end of the drain time"
