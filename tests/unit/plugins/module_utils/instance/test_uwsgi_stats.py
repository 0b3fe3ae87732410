# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Statistics of uWSGI, and what an application that answers in its place may say."""

from __future__ import annotations

import copy
import json
import threading
import time

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.unix_socket import Received
from ansible_collections.flaskops.stack.plugins.module_utils.instance import uwsgi_stats
from ansible_collections.flaskops.stack.plugins.module_utils.instance.uwsgi_stats import (
    MOST_BYTES,
    NO_STATS,
    Stats,
    StatsError,
    Worker,
    parse_stats,
    read_stats,
)

WORKER = {
    **{"id": 1, "pid": 7, "status": "idle", "requests": 5, "exceptions": 1, "avg_rt": 3, "rss": 0, "more": {"a": [None]}},
    "cores": [{"in_request": 0}, {"in_request": 1, "vars": ["HTTP_HOST=x"]}],
}
STATS = {"version": "2.0.30", "listen_queue": 2, "workers": [WORKER], "sockets": []}
TOLD = Stats("2.0.30", 2, (Worker(id=1, pid=7, status="idle", requests=5, exceptions=1, avg_rt=3, slots=2, busy=1),))


def changed(**changes: object) -> bytes:
    """Return statistics whose first worker is another one; a value of ``...`` takes the key away."""
    stats = copy.deepcopy(STATS)
    worker = {**WORKER, **changes}
    stats["workers"] = [{key: value for key, value in worker.items() if value is not ...}]
    return json.dumps(stats).encode()


def test_statistics_are_read(server):
    padded = {**STATS, "pad": "x" * 200_000}
    assert read_stats(server(lambda connection: connection.sendall(json.dumps(padded).encode()))) == TOLD


def test_an_instance_without_a_socket_for_them_has_none(tmp_path):
    assert read_stats(str(tmp_path / "no.stats")) == NO_STATS


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (b"", "the answer is no JSON"),
        (b"{", "the answer is no JSON"),
        (b"\xff\xfe", "the answer is no JSON"),
        (b"[1]", "the answer is no JSON object"),
        (b"null", "the answer is no JSON object"),
        (b"[" * 1_000_000, "the answer is nested too deeply"),
        (b'{"a":' * 500_000, "the answer is nested too deeply"),
        (b'{"version": ' + b"1" * 1_000_000 + b"}", "the answer is no JSON"),
        (b'{"version": NaN}', "the answer is no JSON"),
        (b"{}", "workers is no list"),
        (b'{"workers": {}}', "workers is no list"),
        (b'{"workers": [{}]}', "version is no short word"),
        (b'{"workers": [], "version": "2.0.30"}', "listen_queue is no number"),
        (json.dumps({**STATS, "workers": [{}]}).encode(), r"workers\[0\].cores is no list"),
        (json.dumps({**STATS, "workers": [1]}).encode(), r"workers\[0\] is no object"),
        (json.dumps({**STATS, "workers": [WORKER] * 2000}).encode(), "there are 2000 workers"),
        (json.dumps({**STATS, "version": "\x1b]0;owned\x07"}).encode(), "version is no short word"),
        (json.dumps({**STATS, "version": "x" * 41}).encode(), "version is no short word"),
        (changed(pid=...), r"workers\[0\].pid is no number"),
        (changed(pid="../srv/flask/evil/shared"), r"workers\[0\].pid is no number"),
        (changed(pid="7"), r"workers\[0\].pid is no number"),
        (changed(pid=True), r"workers\[0\].pid is no number"),
        (changed(pid=-1), r"workers\[0\].pid is no number"),
        (changed(pid=7.0), r"workers\[0\].pid is no number"),
        (changed(pid=2**30), r"workers\[0\].pid is no number from 0 to 4194304"),
        (changed(requests=2**65), r"workers\[0\].requests is no number"),
        (changed(status="\x1b[2J"), r"workers\[0\].status is no short word"),
        (changed(status=["idle"]), r"workers\[0\].status is no short word"),
        (changed(cores=[1]), r"workers\[0\].cores\[0\] is no object"),
        (changed(cores=[{"in_request": 10**9}]), r"workers\[0\].cores\[0\].in_request is no number"),
    ],
)
def test_an_answer_that_uwsgi_would_not_give_is_refused(sent, says):
    with pytest.raises(StatsError, match=says) as caught:
        parse_stats(sent)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("answer", [b"[1]", b'{"workers":[{}]}', b"[" * 1_000_000, changed(pid="../srv")])
def test_nonsense_of_a_server_is_refused(server, answer):
    with pytest.raises(StatsError, match="are not what uWSGI tells"):
        read_stats(server(lambda connection: connection.sendall(answer)))


def test_an_answer_without_an_end_is_cut_off_by_its_size(server):
    def handle(connection):
        while True:
            connection.sendall(b" " * 65536)

    began = time.monotonic()
    with pytest.raises(StatsError, match=f"have more than {MOST_BYTES} bytes"):
        read_stats(server(handle))
    assert time.monotonic() - began < 60


def test_an_answer_that_comes_byte_by_byte_has_no_more_time_than_any_other(server):
    given_up = threading.Event()

    def handle(connection):
        while not given_up.wait(0.02):
            connection.sendall(b" ")

    began = time.monotonic()
    with pytest.raises(StatsError, match=r"had no end after 1 s"):
        read_stats(server(handle), 1)
    assert time.monotonic() - began < 60
    given_up.set()


def test_a_server_that_says_nothing_is_not_waited_for(server):
    given_up = threading.Event()
    path = server(lambda _connection: given_up.wait(5))
    with pytest.raises(StatsError, match="did not come"):
        read_stats(path, 0.05)
    given_up.set()


def test_a_link_in_the_place_of_the_socket_is_not_followed(tmp_path, server):
    path = server(lambda connection: connection.sendall(json.dumps(STATS).encode()))
    link = tmp_path / "one.stats"
    link.symlink_to(path)
    with pytest.raises(StatsError, match="did not come"):
        read_stats(str(link))
    assert read_stats(path) == TOLD


def test_a_link_to_itself_is_refused(tmp_path):
    (tmp_path / "one.stats").symlink_to("one.stats")
    with pytest.raises(StatsError, match="did not come"):
        read_stats(str(tmp_path / "one.stats"))


def test_the_limit_leaves_room_for_a_thousand_streams():
    headers = [f"HTTP_COOKIE={'x' * 2000}", "HTTP_HOST=shop.example.com", "REQUEST_URI=/events"]
    core = {"id": 999, "requests": 1, "in_request": 1, "vars": headers, "req_info": {"request_start": 1_800_000_000}}
    assert len(changed(cores=[core] * 1200)) < uwsgi_stats.MOST_BYTES


def test_answers_are_understood_one_after_the_other(monkeypatch):
    """The largest answer takes twenty times its size in memory, and the metrics of a host ask sixteen applications at once."""
    at_work, most = [], []
    real = uwsgi_stats.parse_stats

    def parse(received):
        at_work.append(1)
        most.append(len(at_work))
        time.sleep(0.05)
        at_work.pop()
        return real(received)

    received = Received(json.dumps(STATS).encode())
    received.ended = True
    monkeypatch.setattr(uwsgi_stats, "exchange", lambda *_question: received)
    monkeypatch.setattr(uwsgi_stats, "parse_stats", parse)
    threads = [threading.Thread(target=read_stats, args=("x.stats",)) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 4
