# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The gate: which candidates pass, and what the message says of those that do not."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.shown import learn
from ansible_collections.flaskops.stack.plugins.module_utils.instance import gate as gate_module
from ansible_collections.flaskops.stack.plugins.module_utils.instance.gate import gate

UNIT = "flask-shop@one.service"


def problems_of(candidates):
    """Put candidates through the gate; return the problems of those that are refused."""
    return [problem for _instance, problem in gate(candidates) if problem]


def log_of(problem):
    """Return the log lines that the message of a problem shows."""
    return [line.strip() for line in problem.text().partition("last log lines:\n")[2].splitlines()]


@pytest.fixture
def through(host):
    """Start an instance and put it through the gate; return the problems."""

    def through(*answers, health=None, **state):
        candidate = host.candidate("one", health=health or {})
        host.behave(UNIT, *answers, **state)
        host._start([UNIT])
        return problems_of([candidate])

    return through


def test_an_instance_that_answers_passes(host, through):
    assert through(200, health={"path": "/healthz?deep=1", "host": "shop.example.com"}) == []
    # The request went to the private socket of the instance, not to the one of the site.
    assert host.asked == [(f"{host.place}/run_dir/shop/one.sock", "/healthz?deep=1", "shop.example.com")]


@pytest.mark.parametrize("status", [200, 204, 301, 302, 308])
def test_success_and_redirects_are_accepted_by_default(through, status):
    assert through(status) == []


def test_headers_of_the_health_check_are_sent(host, through, monkeypatch):
    sent = {}
    monkeypatch.setattr(gate_module, "request", lambda *args: sent.update(args[4]) or host._request(*args))
    assert through(200, health={"headers": {"X-Token": "t"}}) == []
    assert sent == {"X-Token": "t"}


@pytest.mark.parametrize("answers", [(503, 503, 200), (ConnectionRefusedError("refused"), 200), (FileNotFoundError("no socket"), 500, 200)])
def test_an_application_may_need_time(through, answers):
    assert through(*answers) == []


def test_no_request_is_sent_before_the_unit_is_ready(host):
    candidate = host.candidate("one")
    host.behave(UNIT, ActiveState="activating", SubState="start")
    host._start([UNIT])

    def ready_later(seconds):
        assert host.asked == []
        host.now += seconds
        host.units[UNIT]["ActiveState"] = "active"

    host.sleep = ready_later
    assert problems_of([candidate]) == []
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    "state",
    [
        {"ActiveState": "failed", "SubState": "failed", "ExecMainStatus": "22"},
        {"ActiveState": "activating", "SubState": "auto-restart", "ExecMainStatus": "22"},
        {"ActiveState": "active", "SubState": "running", "NRestarts": "1", "ExecMainStatus": "22"},
    ],
)
def test_an_instance_that_exits_is_refused_at_once(host, through, state):
    began = host.now
    (problem,) = through(**state)
    assert host.now - began < 2, "without waiting for the timeout"
    assert problem.says == "the candidate one exited with 22 before it was ready"
    assert problem.text() == (
        "shop: the candidate one exited with 22 before it was ready. Nothing else is live. The candidate's last log lines:"
        "\n    Traceback\n    ImportError: no module"
    )


def test_the_message_begins_with_the_known_cause_and_fits_a_screen(host, through):
    frames = [line for number in range(40) for line in (f'  File "app.py", line {number}, in f', f"    call({number})")]
    host.log = ["*** Starting uWSGI 2.0.30 (64bit) ***", "Traceback (most recent call last):", *frames, "KeyError: 'SHOP_KEY'"]
    (problem,) = through(ActiveState="failed", SubState="failed", ExecMainStatus="22")
    first, second, *log = problem.text().splitlines()
    assert first.startswith("shop: SHOP_KEY is not there, probably an environment variable, or else a setting of the application. Add")
    assert second == "The candidate one exited with 22 before it was ready. Nothing else is live. The candidate's last log lines:"
    assert log[-1] == "    KeyError: 'SHOP_KEY'"
    assert len(log) <= 18
    assert "Starting uWSGI" not in problem.text()


def test_the_words_of_systemd_tell_the_cause_too(host, through):
    host.log, host.systemds = ["nothing"], ["flask-shop@one.service: Main process exited, code=killed, status=9/KILL"]
    (problem,) = through(ActiveState="active", SubState="running", NRestarts="1", ExecMainStatus="0", InvocationID="i1")
    assert problem.says == "the candidate one exited with 9 before it was ready", "and not with 0, which the process has that runs now"
    assert problem.text().startswith("shop: the kernel killed the application")


@pytest.mark.parametrize(
    ("strategy", "says"),
    [("switch", "The live instance was not touched."), ("restart", "The live instance had to make room and is started again.")],
)
def test_the_message_says_what_happened_to_the_live_instance(host, strategy, says):
    live, candidate = host.candidate("live"), host.candidate("one", strategy=strategy)
    live.write()
    (host.place / "run_dir/shop/uwsgi.sock").symlink_to(f"{live.id}.sock")
    host.behave(UNIT, ActiveState="failed")
    host._start([UNIT])
    (problem,) = problems_of([candidate])
    assert says in problem.text()


def test_the_message_says_that_an_instance_exited_during_the_request(host, through, monkeypatch):
    def dies(*args):
        host.units[UNIT].update(ActiveState="failed", ExecMainStatus="9")
        raise ConnectionResetError("reset")

    monkeypatch.setattr(gate_module, "request", dies)
    (problem,) = through()
    assert problem.says == "the candidate one exited with 9 after it was ready"


def test_the_message_says_that_the_log_is_empty(host, through):
    host.log = []
    (problem,) = through(ActiveState="failed")
    assert problem.text().endswith("last log lines:\n    (nothing)")


@pytest.mark.parametrize("before", [[], ["*** Starting uWSGI 2.0.30 (64bit) ***", "reading the ledger"]])
@pytest.mark.parametrize("invocation", ["", "i1"])
def test_log_lines_without_an_invocation_id_are_found(host, through, before, invocation):
    """The last line tells the cause, whether or not journald was in time for the lines before it."""
    host.log, host.late_log = before, ["SyntaxError"]
    (problem,) = through(ActiveState="failed", InvocationID=invocation)
    assert log_of(problem) == [*before[1:], "SyntaxError"]


def test_lines_that_journald_has_not_read_yet_are_waited_for(host, through):
    host.log, host.unread_log = ["Traceback (most recent call last):"], ["ModuleNotFoundError: No module named 'nowhere'"]
    (problem,) = through(ActiveState="failed", InvocationID="i1")
    assert log_of(problem)[-1] == "ModuleNotFoundError: No module named 'nowhere'"


def test_the_message_is_about_the_first_start_of_a_candidate_that_systemd_starts_again_while_others_are_switched_to(host):
    """Other candidates are switched to between two looks, which takes longer than systemd's pause before it starts a unit again."""
    good, bad = host.candidate("one"), host.candidate("two", name="blog")
    host.behave(bad.unit, 503, InvocationID="first")
    host._start([good.unit, bad.unit])
    host.systemds = [f"{bad.unit}: Main process exited, code=killed, status=9/KILL"]
    for instance, problem in gate([good, bad]):
        if instance is good:
            host.units[bad.unit].update(NRestarts="1", ExecMainStatus="0", InvocationID="second")
        else:
            assert problem.says == "the candidate two exited with 9 after it was ready"
            assert problem.invocation == "first"


def test_an_instance_that_is_never_ready_is_refused_in_time(host, through):
    began = host.now
    (problem,) = through(ActiveState="activating", health={"timeout": 7})
    assert 7 < host.now - began < 10
    assert problem.says == "the candidate one was not ready (it is activating) within 7 s"


def test_an_instance_that_does_not_answer_is_refused(through):
    (problem,) = through(ConnectionRefusedError("refused"), health={"path": "/h", "host": "x"})
    assert problem.says == "the candidate one was asked for /h (Host: x) and gave no answer (refused) within 30 s"


def test_the_message_shows_a_wrong_answer(through):
    (problem,) = through((500, "<h1>Error</h1>\n\n  no such   table\n"), health={"status": [200, 418]})
    assert problem.says == (
        "the candidate one was asked for / (Host: shop) and answered 500 with the body '<h1>Error</h1> no such table';"
        " accepted are 200, 418 within 30 s"
    )


def test_the_message_shows_only_the_beginning_of_a_long_answer(through):
    (problem,) = through((500, "x" * 5000))
    assert len(problem.says) < 500


@pytest.mark.parametrize(
    ("body", "text", "good"),
    [("ok", "it is ok", True), ("^ok$", "ok", True), ("^ok$", "not ok", False), ("db=up", "db=down", False), ("", "", True)],
)
def test_the_body_must_match(through, body, text, good):
    problems = through((200, text), health={"body": body})
    assert [problem.says.partition("; ")[2] for problem in problems] == ([] if good else [f"it must match '{body}' within 30 s"])


def test_good_answers_must_be_in_a_row(host, through):
    began = host.now
    assert through(200, 200, 500, 200, 200, 200, health={"successes": 3, "interval": 2}) == []
    assert len(host.asked) == 6
    assert 10 <= host.now - began < 13, "five pauses of two seconds"


def test_one_good_answer_is_not_enough_where_three_are_asked_for(through):
    (problem,) = through(200, 500, health={"successes": 3, "timeout": 5})
    assert "answered 500" in problem.says


def test_all_candidates_are_judged(host):
    names = ["one", "two", "three", "four"]
    candidates = [host.candidate(name) for name in names]
    host.behave("flask-shop@two.service", 500)
    host.behave("flask-shop@three.service", ActiveState="failed", ExecMainStatus="1")
    host.behave("flask-shop@four.service", 503, 200)
    host._start([candidate.unit for candidate in candidates])
    says = [problem.says for problem in problems_of(candidates)]
    assert [" ".join(line.split()[:4]) for line in says] == ["the candidate three exited", "the candidate two was"]


@pytest.mark.parametrize(("starting", "processors", "seconds"), [(1, 2, 30), (2, 2, 30), (6, 2, 90), (6, 64, 30), (3, 1, 90)])
def test_candidates_that_share_processors_get_more_time(host, monkeypatch, starting, processors, seconds):
    monkeypatch.setattr(gate_module.os, "sched_getaffinity", lambda _process: set(range(processors)))
    candidates = [host.candidate(f"c{number}") for number in range(starting)]
    for candidate in candidates:
        host.behave(candidate.unit, ActiveState="activating", SubState="start")
    host._start([candidate.unit for candidate in candidates])
    began = host.now
    assert len(problems_of(candidates)) == starting
    assert seconds < host.now - began < seconds + 3


def test_the_time_of_those_that_wait_is_counted_in_full_once_the_others_have_passed(host, monkeypatch):
    monkeypatch.setattr(gate_module.os, "sched_getaffinity", lambda _process: {0})
    candidates = [host.candidate(f"c{number}") for number in range(10)]
    host.behave(candidates[0].unit, ActiveState="activating", SubState="start")
    host._start([candidate.unit for candidate in candidates])
    began = host.now
    assert len(problems_of(candidates)) == 1
    assert 30 < host.now - began < 35


def test_without_candidates_the_gate_does_not_wait(host):
    began = host.now
    assert problems_of([]) == []
    assert host.now == began


def test_one_request_may_take_half_of_the_timeout(host, through, monkeypatch):
    seconds = []
    monkeypatch.setattr(gate_module, "request", lambda *args: seconds.append(args[3]) or host._request(*args))
    through(200, health={"timeout": 20})
    through(200, health={"timeout": 1})
    assert seconds == [10, 1]


def test_a_secret_is_in_no_message_of_the_gate(host, through):
    """A secret that is cut in half at the end of what is shown would not be found any more."""
    learn(["postgres://shop:S3CRETMARK@db/shop"])
    host.log = ["OperationalError: postgres://shop:S3CRETMARK@db/shop", f"{'x' * 1990}S3CRETMARK"]
    for blanks in range(280, 300):
        (problem,) = through((500, f"{'x' * blanks} postgres://shop:S3CRETMARK@db/shop"))
        for beginning in ("postgres://shop:S3C", "S3CRET"):
            assert beginning not in problem.text()
    assert log_of(problem)[0] == "OperationalError: ***"


def test_a_line_of_the_log_is_cut(host, through):
    host.log = ["x" * 1_000_000, "\x1b]0;owned\x07"]
    (problem,) = through(500)
    assert [len(line) for line in log_of(problem)] == [2000, len(r"\x1b]0;owned\x07")]
