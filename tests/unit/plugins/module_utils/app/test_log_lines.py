# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lines of an application and of nginx come in one order, and those of other applications do not."""

from __future__ import annotations

import gzip
import os
import time
from fnmatch import fnmatch

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app import log_lines as log_lines_module
from ansible_collections.flaskops.stack.plugins.module_utils.app.log_lines import log_lines
from ansible_collections.flaskops.stack.plugins.module_utils.host import journal
from ansible_collections.flaskops.stack.plugins.module_utils.host.journal import Entries
from ansible_collections.flaskops.stack.plugins.module_utils.host.shown import learn

ID = "e93d7d6b410d7be38de2edf6e24f21f5"
ORDER = {
    "name": "shop",
    "run_dir": "/run/flask/shop",
    "server_names": ["shop.example.com"],
    "request_id": "",
    "sources": [],
    "since": 0.0,
    "lines": 200,
}
# 2026-11-28T22:33:57Z
NOON = 1795905237


def entry(at: float, message: object, unit: str = "flask-shop@0f3a1c9d2b7e.service", **fields: str) -> dict[str, object]:
    return {"__REALTIME_TIMESTAMP": str(int(at * 1e6)), "MESSAGE": message, "_SYSTEMD_UNIT": unit, **fields}


def combined(request_id: str = ID, second: int = 57, request: str = "GET / HTTP/1.1") -> str:
    return f'192.0.2.1 - - [28/Nov/2026:22:33:{second} +0000] "{request}" 200 5 "-" "curl" seconds=0.01 cache=- request_id={request_id}'


@pytest.fixture
def logs(tmp_path, monkeypatch):
    """Return a function that reads the logs of an order from this host; it has what the test writes into the directory and the journal."""
    monkeypatch.setattr(log_lines_module, "LOGS", str(tmp_path))
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    entries: list[dict[str, object]] = []

    def found(units, _since, lines, has):
        named = [[str(each.get(field)) for field in ("OBJECT_SYSTEMD_UNIT", "UNIT", "_SYSTEMD_UNIT")] for each in entries]
        about = [each for each, names in zip(entries, named, strict=True) if any(fnmatch(name, unit) for name in names for unit in units)]
        wanted = [each for each in about if has in str(each)]
        most = min(lines, read.most)
        return Entries(wanted[-most:][:: -1 if has else 1], most < lines and len(wanted) >= most)

    monkeypatch.setattr(journal, "entries", found)

    def read(**changes):
        return [line._replace(time=round(line.time, 3)) for line in log_lines({**ORDER, **changes}).lines]

    read.entries, read.place, read.most = entries, tmp_path, 10_000
    yield read
    monkeypatch.undo()
    time.tzset()


def test_all_logs_are_one_by_time(logs):
    logs.entries += [entry(NOON + 0.5, f"GET / 500 3 ms app=shop request={ID}"), entry(NOON - 3, "began")]
    (logs.place / "shop.access.log").write_text(combined() + "\n" + combined("0123456789abcdef", 59) + "\n")
    (logs.place / "shop.access.log.1").write_text(combined("fedcba9876543210", 10) + "\n")
    # The same second as above, in the time of the host.
    (logs.place / "error.log").write_text(
        '2026/11/28 23:33:58 [error] 1#1: *2 upstream, client: ::1, server: shop.example.com, request: "x"\n'
    )
    assert [(line.time - NOON, line.source, line.request_id) for line in logs()] == [
        (-47, "access", "fedcba9876543210"),
        (-3, "web", ""),
        (0, "access", ID),
        (0.5, "web", ID),
        (1, "error", ""),
        (2, "access", "0123456789abcdef"),
    ]


def test_what_a_hook_has_printed_is_one_of_them(logs):
    written = {"OBJECT_SYSTEMD_UNIT": "flask-shop.after-switch.service"}
    logs.entries += [
        entry(NOON, "purged the cache", "session-3.scope", _UID="0", **written),
        entry(NOON + 1, "Started.", "init.scope", _PID="1", _UID="0", UNIT="flask-shop@a.service"),
    ]
    assert [(line.source, line.text) for line in logs()] == [("after-switch", "purged the cache"), ("web", "Started.")]


def test_an_application_cannot_say_that_something_else_has_logged_its_line(logs):
    """It may send any field to journald that has no underscore before its name."""
    own = {"_UID": "998", "_PID": "71"}
    logs.entries += [
        entry(NOON, "one", OBJECT_SYSTEMD_UNIT="flask-shop.migrate.service", **own),
        entry(NOON, "two", UNIT="flask-shop.command-1-2.service", **own),
    ]
    assert [line.source for line in logs()] == ["web", "web"]


def test_a_log_as_json_is_read_and_a_line_that_is_cut_is_left_out(logs):
    line = f'{{"time":"2026-11-28T22:33:57+00:00","request_id":"{ID}","status":200}}'
    (logs.place / "shop.access.log").write_text(f"{line}\n{line[:30]}\nwords\n[]\n")
    assert logs() == [(NOON, "access", ID, line)]


def test_the_last_lines_are_kept_those_of_a_request_and_those_since_a_time(logs):
    logs.entries += [entry(NOON + number, f"line {number}") for number in range(5)]
    (logs.place / "shop.access.log").write_text(combined() + "\n")
    assert [line.text for line in logs(lines=2)] == ["line 3", "line 4"]
    assert [line.source for line in logs(request_id=ID)] == ["access"]
    assert [line.text for line in logs(since=NOON + 3.0)] == ["line 3", "line 4"]


def test_compressed_logs_are_read_as_far_as_they_are_of_that_time(logs):
    (logs.place / "shop.access.log").write_text(combined("fedcba9876543210", 59) + "\n")
    old = logs.place / "shop.access.log.2.gz"
    old.write_bytes(gzip.compress(f"{combined()}\n".encode()))
    os.utime(old, (NOON, NOON))
    assert [line.request_id for line in logs(since=NOON - 60)] == [ID, "fedcba9876543210"]
    assert [line.request_id for line in logs(since=NOON + 1)] == ["fedcba9876543210"]
    (logs.place / "error.log.2.gz").write_bytes(
        gzip.compress(b'2026/11/28 23:33:58 [error] 1#1: *2 x, client: ::1, server: shop.example.com, request: "x"\n')
    )
    assert [line.source for line in logs()] == ["access", "error", "access"]


def test_lines_that_were_not_read_are_told_if_they_may_be_missing(logs, monkeypatch):
    monkeypatch.setattr(log_lines_module, "_MOST_BYTES", 2 * len(combined()) + 10)
    (logs.place / "shop.access.log").write_text("".join(f"{combined(second=second)}\n" for second in range(50, 58)))
    told = "lines of the source access before 2026-11-28T22:33:56.000Z are not among these: its log is too long or damaged, "

    def left_out(**changes):
        return log_lines({**ORDER, **changes}).left_out

    (says,) = left_out()
    assert says.startswith(told)
    assert left_out(since=NOON - 2.0)
    assert left_out(lines=2) == left_out(since=NOON - 1.0) == left_out(sources=["web"]) == []
    (logs.place / "shop.access.log").write_text("")
    (logs.place / "shop.access.log.1.gz").write_text("damaged")
    assert left_out()[0].startswith("lines of the source access are not among these")
    (logs.place / "shop.access.log.1.gz").unlink()
    (logs.place / "error.log.1.gz").write_text("damaged")
    assert left_out()[0].startswith("lines of the source error are not among these")
    assert left_out(request_id=ID) == []


def test_a_file_that_is_not_read_is_told(logs):
    (logs.place / "shop.access.log").write_text(combined() + "\n")
    packed = logs.place / "shop.access.log-20261128.zst"
    packed.write_bytes(b"\x28\xb5\x2f\xfd")
    os.utime(packed, (NOON - 60, NOON - 60))
    (says,) = log_lines(ORDER).left_out
    assert says.startswith("lines of the source access before 2026-11-28T22:33:57.000Z are not among these: ")
    assert log_lines({**ORDER, "since": NOON - 59.0}).left_out == []
    # The log of another application, whose name has no dot.
    (logs.place / "shop-access.access.log").write_text(combined() + "\n")
    packed.unlink()
    assert log_lines(ORDER).left_out == []


def test_entries_that_are_too_long_to_be_read_at_once_are_told_if_they_may_be_missing(logs):
    logs.entries += [entry(NOON + number, f"line {number} request={ID}") for number in range(6)]
    logs.entries.append(entry(NOON - 9, "mailed", "flask-shop.mail.1@0f3a1c9d2b7e.service"))

    def left_out(**changes):
        return log_lines({**ORDER, **changes}).left_out

    assert left_out() == []
    logs.most = 3
    told = (
        "lines of {} before 2026-11-28T22:34:00.000Z are not among these: the journal has more text there than is read at once; ask for single"
        " sources (-e sources=NAME), or read them on the server: journalctl --until=@1795905240 {}"
    )
    logs.entries.sort(key=lambda each: int(each["__REALTIME_TIMESTAMP"]))
    assert left_out() == [told.format("all sources but access and error", "--unit='flask-shop@*' --unit='flask-shop.*'")]
    assert left_out(request_id=ID) == left_out()
    assert left_out(sources=["web", "error"])[0].startswith("lines of the source web before 2026-11-28T22:34:00.000Z ")
    assert left_out(sources=["web", "mail"])[0].startswith("lines of the sources web, mail before ")
    # As many lines as were asked for, or all of that time, are there; and all of that source are.
    assert left_out(lines=3) == left_out(since=NOON + 3.0) == left_out(sources=["mail"]) == []
    (logs.place / "shop.access.log").write_text(2 * f"{combined()}\n".replace("22:33:57", "22:34:57"))
    # Younger lines of nginx are as many as were asked for, and older ones in the journal are not among the last.
    logs.most = 1
    assert left_out(lines=2) == []


def test_lines_of_some_sources_are_not_hidden_by_one_that_writes_much(logs):
    logs.entries += [
        entry(NOON, "the hook", "flask-shop.after-switch-0a1b2c3d.service"),
        entry(NOON + 1, "mailed", "flask-shop.mail.2@0f3a1c9d2b7e.service"),
        entry(NOON + 2, "served"),
        *(entry(NOON + 3 + number, "done", "flask-shop.queue.1@0f3a1c9d2b7e.service") for number in range(5)),
        entry(NOON + 9, "of another worker", "flask-shop.mail-late@0f3a1c9d2b7e.service"),
    ]
    (logs.place / "shop.access.log").write_text(combined() + "\n")
    assert [line.source for line in logs(lines=3)] == ["queue.1", "queue.1", "mail-late"]
    assert [line.source for line in logs(lines=3, sources=["after-switch", "mail"])] == ["after-switch", "mail.2"]
    assert [line.source for line in logs(lines=3, sources=["access", "web"])] == ["access", "web"]
    assert [line.source for line in logs(lines=1, sources=["queue.1", "queue.3"])] == ["queue.1"]


def test_no_visitor_chooses_the_id_of_a_line(logs):
    """He would hide his own requests from those who look for them, and be found with somebody else's."""
    other = "0123456789abcdef"
    asked = f"GET /?request_id={other}&request={other} HTTP/1.1"
    logs.entries.append(entry(NOON, f"GET /?request={other} 200 3 ms app=shop request={ID}"))
    plain, packed = (
        combined(request=asked),
        f'{{"time":"2026-11-28T22:33:57+00:00","request_id":"{ID}","uri":"/?request_id={other}","status":200}}',
    )
    (logs.place / "shop.access.log").write_text(f"{plain}\n{packed}\n")
    (logs.place / "error.log").write_text(
        f'2026/11/28 23:33:57 [error] 1#1: *2 x, client: ::1, server: shop.example.com, request: "{asked}"\n'
    )
    assert [(line.source, line.request_id) for line in logs()] == [("web", ID), ("access", ID), ("access", ID), ("error", "")]
    assert logs(request_id=other) == []


def test_errors_about_other_sites_are_left_out(logs):
    about = '2026/11/28 22:33:57 [error] 1#1: *2 x, client: ::1, server: {}, request: "GET /", upstream: "uwsgi://unix:{}/uwsgi.sock:"\n'
    (logs.place / "error.log").write_text(
        about.format("blog.example.com", "/run/flask/blog")
        + about.format("shared.example.com", "/run/flask/shop")
        + about.format("shop.example.com", "-")
        + about.format("other-shop.example.com", "/run/flask/shop2")
    )
    assert [line.text[60:90] for line in logs()] == [
        about.format("shared.example.com", "/run/flask/shop")[60:90],
        about.format("shop.example.com", "-")[60:90],
    ]


@pytest.mark.parametrize(
    ("unit", "source"),
    [
        ("flask-shop@0f3a1c9d2b7e.service", "web"),
        ("flask-shop.stream@0f3a1c9d2b7e.service", "stream"),
        ("flask-shop.send-mail@0f3a1c9d2b7e.service", "send-mail"),
        ("flask-shop.command-0f3a1c9d2b7e-0a1b2c3d.service", "command"),
        ("flask-shop.after-switch-0a1b2c3d.service", "after-switch"),
        ("flask-shop.after-switch.service", "after-switch"),
        ("flask-shop.cleanup@0f3a1c9d2b7e.timer", "cleanup"),
        ("flask-shop.build-x.1@0f3a1c9d2b7e.service", "build-x.1"),
    ],
)
def test_a_line_names_what_has_logged_it(logs, unit, source):
    logs.entries += [entry(NOON, "x", "init.scope", UNIT=unit, _PID="1"), entry(NOON, "x", unit)]
    assert [line.source for line in logs()] == [source, source]
    assert [line.source for line in logs(sources=[source])] == [source, source]


def test_a_source_is_not_hidden_by_another_one_whose_name_begins_alike(logs):
    wanted = {
        "queue": "flask-shop.queue.1@0f3a1c9d2b7e.service",
        "build": "flask-shop.build-0a1b2c3d.service",
        "nightly": "flask-shop.nightly@0f3a1c9d2b7e.service",
        "stream": "flask-shop.stream@0f3a1c9d2b7e.service",
    }
    logs.entries += [entry(NOON, source, unit) for source, unit in wanted.items()]
    for source in wanted:
        logs.entries += [entry(NOON + 1, "x", f"flask-shop.{source}{more}@0f3a1c9d2b7e.service") for more in ("-mail.1", "-x", "2.1")]
    for source in wanted:
        assert [line.text for line in logs(lines=1, sources=[source])] == [source]


def test_entries_of_every_kind_have_a_text(logs):
    logs.entries += [entry(NOON, [104, 105, 255]), entry(NOON, None), entry(NOON, "one\ntwo")]
    # An application can give an entry several messages.
    logs.entries += [entry(NOON, ["three", [52, 255], None]), entry(NOON, [])]
    assert [line.text for line in logs()] == ["hi\ufffd", "one", "two", "three", "4\ufffd"]


def test_secrets_are_hidden_before_a_line_is_cut(logs, monkeypatch):
    learn(["hunter22-hunter22"])
    monkeypatch.setattr(log_lines_module, "_LINE_SHOWN", 20)
    logs.entries.append(entry(NOON, "the token is hunter22-hunter22"))
    (line,) = logs()
    assert line.text == "the token is ***"
    assert line.as_text() == "2026-11-28T22:33:57.000Z web - the token is ***"
