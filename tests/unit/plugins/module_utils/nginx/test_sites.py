# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""config_tree: sites before and after a reload, against a web server on the loopback."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.nginx import sites
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.sites import SiteProbe

SITES = [
    {"name": "shop", "host": "shop.example.com", "routes": [{"probe": "/"}, {"probe": "/api"}, {"probe": ""}]},
    {"name": "blog", "host": "blog.example.com", "routes": [{"probe": "/"}]},
]


class Server:
    """Answers with a status by host and path; 0 closes the connection."""

    def __init__(self) -> None:
        self.answers: dict[str, list[int]] = {}
        self.marks: dict[str, str] = {}
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = f"{self.headers['Host']}{self.path}"
                outer.asked.append(name)
                answers = outer.answers.get(name, [200])
                status = answers.pop(0) if len(answers) > 1 else answers[0]
                if status:
                    self.send_response(status)
                    if mark := outer.marks.get(self.headers["Host"]):
                        self.send_header("X-Flaskops-Site", mark)
                    self.end_headers()

            def log_message(self, *_args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = ("127.0.0.1", self.http.server_address[1])
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(sites, "_PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(sites, "_POLL_SECONDS", 0.01)
    made = Server()
    yield made
    if made.thread.is_alive():
        made.stop()


@pytest.fixture
def probe(server):
    return SiteProbe([server.address], SITES)


def test_routes_of_the_named_sites_are_asked(server, probe):
    assert probe.names == {"shop", "blog"}
    assert {request.path: answer.says for request, answer in probe.look({"shop"}).items()} == {"/": "answered 200", "/api": "answered 200"}
    assert sorted(server.asked) == ["shop.example.com/", "shop.example.com/api"]


def test_as_before_is_good(server, probe):
    server.answers = {"shop.example.com/api": [503], "blog.example.com/": [0]}
    assert probe.worse(probe.look({"shop", "blog"})) == ""


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (200, 502, "answered 502, and answered 200 before the change"),
        (404, 500, "answered 500, and answered 404 before the change"),
        (200, 0, "gave no answer (RemoteDisconnected: Remote end closed connection without response), and answered 200 before the change"),
        (502, 0, "gave no answer (RemoteDisconnected: Remote end closed connection without response), and answered 502 before the change"),
    ],
)
def test_worse_than_before_is_told(server, probe, before, after, says):
    server.answers = {"shop.example.com/api": [before, after]}
    assert probe.worse(probe.look({"shop"})) == f"shop: shop.example.com/api {says}"


@pytest.mark.parametrize(("before", "after"), [(200, 404), (200, 302), (502, 200), (0, 502), (503, 500)])
def test_what_is_no_worse(server, probe, before, after):
    server.answers = {"shop.example.com/": [before, after]}
    assert probe.worse(probe.look({"shop"})) == ""


def test_an_application_may_fail_for_a_moment(server, probe, monkeypatch):
    monkeypatch.setattr(sites, "_PATIENCE_SECONDS", 60)
    server.answers = {"shop.example.com/": [200, 502, 502, 200]}
    assert probe.worse(probe.look({"shop"})) == ""


def test_a_slow_host_whose_look_takes_all_the_time_looks_once_more(server, probe, monkeypatch):
    monkeypatch.setattr(sites, "_PATIENCE_SECONDS", 0)
    server.answers = {"shop.example.com/": [200, 502, 200]}
    assert probe.worse(probe.look({"shop"})) == ""


def test_a_new_site_need_not_work_yet(server, probe):
    server.answers = {"shop.example.com/": [404, 502], "blog.example.com/": [404, 502]}
    found = probe.worse(probe.look({"shop", "blog"}), new={"shop"})
    assert found == "blog: blog.example.com/ answered 502, and answered 404 before the change"


def test_nobody_listens_any_more(server, probe):
    before = probe.look({"shop"})
    server.stop()
    assert "shop: shop.example.com/ took no connection (ConnectionRefusedError: " in probe.worse(before, new={"shop"})


def test_nothing_to_ask(probe):
    assert probe.look(set()) == {}
    assert probe.worse({}) == ""


NAMED = [
    {"name": "shop", "host": "shop.example.com", "names": ["shop.example.com", "*.shop.example.com"], "routes": [{"probe": "/"}]},
    {"name": "files", "host": "files.example.com", "names": ["files.example.com"], "routes": [{"probe": ""}]},
]
WELL = {"shop.example.com": "shop 0.004", "flaskops-probe.shop.example.com": "shop ", "files.example.com": "files"}


@pytest.fixture
def named(server):
    server.marks = dict(WELL)
    return SiteProbe([server.address], NAMED, marked={"shop", "files"})


def test_sites_that_answer_themselves(server, named):
    assert named.unserved({"shop", "files"}) == {}
    assert sorted(server.asked) == [
        "files.example.com/.flaskops-probe",
        "flaskops-probe.shop.example.com/.flaskops-probe",
        "shop.example.com/",
        "shop.example.com/.flaskops-probe",
    ]


def test_answers_that_are_known_are_not_asked_for_again(server, named):
    named.worse(named.look({"shop"}))
    server.asked.clear()
    assert named.unserved({"shop"}) == {}
    assert "shop.example.com/" not in server.asked


@pytest.mark.parametrize("status", [200, 302, 401, 403, 404, 429, 500, 503])
def test_an_application_that_answers_has_answered(server, named, status):
    server.answers = {"shop.example.com/": [status]}
    assert named.unserved({"shop"}) == {}


@pytest.mark.parametrize(("mark", "served"), [("shop 0.002", True), ("shop 1f9c0a", True), ("shop -", False), ("shop -, -", False)])
def test_a_bad_gateway_counts_by_whose_it_is(server, named, mark, served):
    server.answers, server.marks["shop.example.com"] = {"shop.example.com/": [502]}, mark
    says = "shop.example.com/ answered 502, and the application was not reached; start it, or give its routes an empty probe"
    assert (named.unserved({"shop"}) == {}) is served
    assert served or named.unserved({"shop"})["shop"].startswith(says)


@pytest.mark.parametrize(
    ("name", "mark", "says"),
    [
        ("files.example.com", "shop ", "files.example.com at 127.0.0.1:{port} is answered by the site of shop"),
        ("files.example.com", "", "files.example.com at 127.0.0.1:{port} is answered by a server that is not from this collection"),
    ],
)
def test_a_name_that_another_server_answers(server, named, name, mark, says):
    server.marks[name] = mark
    assert named.unserved({"files"})["files"].startswith(says.format(port=server.address[1]))


def test_a_name_that_nobody_answers(server, named):
    server.answers = {"files.example.com/.flaskops-probe": [0]}
    assert "gave no answer" in named.unserved({"files"})["files"]
    server.stop()
    assert "nginx has not loaded the site" in named.unserved({"files"})["files"]


def test_a_site_without_a_mark_is_not_judged_by_it(server):
    assert SiteProbe([server.address], NAMED).unserved({"shop", "files"}) == {}


def test_an_address_of_another_host_is_not_asked(server):
    server.marks = dict(WELL)
    # Documentation addresses (RFC 5737) are nobody's.
    probe = SiteProbe([server.address, ("192.0.2.1", 80)], NAMED, marked={"files"})
    assert probe.unserved({"files"}) == {}


def test_a_site_may_come_a_moment_later(server, named, monkeypatch):
    monkeypatch.setattr(sites, "_PATIENCE_SECONDS", 60)
    server.answers, server.marks["shop.example.com"] = {"shop.example.com/": [502, 200]}, "shop -"
    assert named.unserved({"shop"}) == {}
