# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The access logs of nginx, read for how visitors have fared."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app import access_log, traffic, traffic_over_time
from ansible_collections.flaskops.stack.plugins.module_utils.app.access_log import LoggedRequest
from ansible_collections.flaskops.stack.plugins.module_utils.app.traffic import Traffic

ROOT = Path(__file__).parents[5]
# 2026-11-28 22:00:00 UTC
TEN = 1_795_903_200


def combined(
    when: str = "28/Nov/2026:22:00:00 +0000", status: int = 200, seconds: float = 0.01, user: str = "-", agent: str = "curl"
) -> str:
    return (
        f'192.0.2.1 - {user} [{when}] "GET /a?b=c HTTP/1.1" {status} 512 "-" "{agent}" '
        f'seconds={seconds:.3f} upstream_seconds="0.009" cache=- request_id=5f3a\n'
    )


def in_json(when: str = "2026-11-28T22:00:00+00:00", status: int = 200, seconds: float = 0.01) -> str:
    return json.dumps({"time": when, "uri": "/a", "status": status, "seconds": seconds}) + "\n"


@pytest.mark.parametrize(
    ("line", "logged"),
    [
        (combined(), LoggedRequest(TEN, 200, 0.01)),
        (combined("29/Nov/2026:03:30:00 +0530", 503, 12.5), LoggedRequest(TEN, 503, 12.5)),
        (combined("28/Nov/2026:18:30:00 -0330"), LoggedRequest(TEN, 200, 0.01)),
        (in_json(status=500, seconds=1.25), LoggedRequest(TEN, 500, 1.25)),
        (in_json("2026-11-28T23:00:00+01:00"), LoggedRequest(TEN, 200, 0.01)),
        # A visitor chooses the user's name of basic authentication, and the agent.
        (combined(user="x [28/Nov/2020:00:00:00 +0000] \\x22GET / HTTP/1.1\\x22 500 1"), LoggedRequest(TEN, 200, 0.01)),
        (combined(agent="seconds=99.0 upstream_seconds="), LoggedRequest(TEN, 200, 0.01)),
    ],
)
def test_both_formats_are_read(line, logged):
    assert access_log.parse(line) == logged


@pytest.mark.parametrize(
    "line",
    [
        "",
        "\n",
        combined()[40:],
        "{",
        "{}",
        "[]",
        '{"time": 1, "status": 200, "seconds": 1}',
        combined("99/Nov/2026:22:00:00 +0000"),
        combined("28/Foo/2026:22:00:00 +0000"),
    ],
)
def test_other_lines_are_passed_over(line):
    assert access_log.parse(line) is None


def test_a_line_of_another_format_has_a_time_all_the_same():
    own = '192.0.2.1 - - [28/Nov/2026:22:00:00 +0000] "GET / HTTP/1.1" 200 512'
    assert (access_log.time_of(own), access_log.parse(own)) == (TEN, None)


def write(path: Path, *lines: str, age: int = 0) -> None:
    path.write_text("".join(lines))
    os.utime(path, (TEN - age, TEN - age))


def test_requests_of_the_time_are_counted(tmp_path):
    outside = combined("28/Nov/2026:21:58:59 +0000", 500), combined("28/Nov/2026:22:00:01 +0000", 500)
    inside = [combined("28/Nov/2026:21:59:30 +0000", 200, 0.1), combined(status=502, seconds=0.2), combined(status=404, seconds=0.3)]
    write(tmp_path / "shop.access.log", *outside, *inside)
    assert traffic.traffic("shop", TEN - 60, TEN, logs=str(tmp_path)) == Traffic(3, 1, 0.3)


@pytest.mark.parametrize("rotated", ["shop.access.log.1", "shop.access.log-20261128"])
def test_the_log_of_before_the_rotation_counts_while_it_is_young(tmp_path, rotated):
    write(tmp_path / "shop.access.log", combined())
    write(tmp_path / rotated, combined("28/Nov/2026:21:59:50 +0000"), age=10)
    assert traffic.traffic("shop", TEN - 60, TEN, logs=str(tmp_path)) == Traffic(2, 0, 0.01)
    write(tmp_path / rotated, combined("28/Nov/2026:21:59:50 +0000"), age=61)
    assert traffic.traffic("shop", TEN - 60, TEN, logs=str(tmp_path)) == Traffic(1, 0, 0.01)


def test_the_end_of_a_long_log_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(traffic, "MOST_BYTES", 3 * len(combined()) + 1)
    write(tmp_path / "shop.access.log", *[combined()] * 1000)
    assert traffic.traffic("shop", TEN - 60, TEN, logs=str(tmp_path)).requests == 3


def test_a_site_without_a_log_has_no_traffic(tmp_path):
    assert traffic.traffic("shop", 0, TEN, logs=str(tmp_path)) is None
    write(tmp_path / "shop.access.log")
    assert traffic.traffic("shop", 0, TEN, logs=str(tmp_path)) == Traffic(0, 0, 0.0)


def test_99_percent_are_not_the_slowest_one(tmp_path):
    write(tmp_path / "shop.access.log", *[combined(seconds=0.01)] * 198, combined(seconds=9), combined(seconds=0.5))
    assert traffic.traffic("shop", TEN - 60, TEN, logs=str(tmp_path)).p99 == 0.5


@pytest.mark.parametrize(
    ("before", "gone"),
    [(None, 2), (Traffic(10, 0, 0.1), 2), (Traffic(10, 0, 1.0), 1), (Traffic(10, 0, 30.0), 0)],
    ids=["alone", "fast", "slow", "slowest"],
)
def test_visitors_who_had_to_wait_for_longer_than_usual_have_gone(tmp_path, before, gone):
    """A visitor who clicks on does not count, and neither does a visitor who gets an answer in the end."""
    seconds = (0.2, 0.9, 1.5, 40.0)
    answered = [combined(seconds=each) for each in (0.01, 50.0)] if before else [combined()] * 400
    write(tmp_path / "shop.access.log", *answered, *(combined(status=499, seconds=each) for each in seconds))
    found = traffic.traffic("shop", TEN - 60, TEN, before, str(tmp_path))
    assert found is not None
    assert found.gone == gone


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (Traffic(200, 0, 0.1), Traffic(200, 0, 0.1), ""),
        (Traffic(0, 0, 0), Traffic(0, 0, 0), ""),
        # One error may be anything.
        (Traffic(50, 0, 0.1), Traffic(50, 1, 0.1), ""),
        (Traffic(50, 0, 0.1), Traffic(50, 2, 0.1), "2 of 50 requests were answered with a server error, and 0 of 50 before"),
        (Traffic(0, 0, 0), Traffic(3, 3, 0.1), "3 of 3 requests were answered with a server error, and 0 of 0 before"),
        # The application failed as often before.
        (Traffic(100, 10, 0.1), Traffic(100, 11, 0.1), ""),
        (Traffic(1000, 10, 0.1), Traffic(1000, 21, 0.1), "21 of 1000 requests were answered with a server error, and 10 of 1000 before"),
        (Traffic(100, 0, 0.1), Traffic(100, 0, 0.31), "99 % of the requests were answered within 0.31 s, and within 0.10 s before"),
        (Traffic(100, 0, 0.1), Traffic(100, 0, 0.3), ""),
        (Traffic(99, 0, 0.1), Traffic(100, 0, 9.0), ""),
        (Traffic(100, 0, 0.1), Traffic(99, 0, 9.0), ""),
        # Pages hang: visitors go, or wait still, so that nginx has not logged them yet.
        (
            Traffic(70, 0, 0.1, 0),
            Traffic(20, 0, 9.0, 2),
            "2 of 20 visitors have gone without an answer after 1.0 s or more, and 0 of 70 before",
        ),
        (
            Traffic(70, 0, 2.0, 1),
            Traffic(70, 0, 2.0, 2),
            "2 of 70 visitors have gone without an answer after 4.1 s or more, and 1 of 70 before",
        ),
        (Traffic(70, 0, 0.1, 0), Traffic(70, 0, 0.1, 1), ""),
    ],
)
def test_visitors_fare_worse(before, after, says):
    assert traffic.worse(before, after, traffic.InFlight(0, 8)) == says


@pytest.mark.parametrize(
    ("before", "after", "answering", "places", "waiting"),
    [
        (70, 6, 4, 8, True),
        (70, 0, 35, 1000, True),
        (70, 7, 8, 8, False),
        (49, 0, 8, 8, False),
        # The visitors have gone home, as a job that runs at night, or another server has them.
        (70, 6, 0, 8, False),
        (70, 6, 3, 8, False),
        (70, 0, 34, 1000, False),
        (70, 0, 0, 0, False),
    ],
)
def test_pages_hang_if_requests_are_missing_and_the_instance_is_answering_as_many(before, after, answering, places, waiting):
    says = traffic.worse(Traffic(before, 0, 0.1), Traffic(after, 0, 0.1), traffic.InFlight(answering, places))
    assert says == (f"{after} requests had an answer, and {before} before, and {answering} wait for theirs" if waiting else "")


def test_requests_that_are_missing_are_bad_where_nobody_can_say_whether_they_wait():
    says = "0 requests had an answer, and 70 before, and the statistics of the instance, which would tell whether others wait for theirs, cannot be read"
    assert traffic.worse(Traffic(70, 0, 0.1), Traffic(0, 0, 0.0), None) == says
    assert traffic.worse(Traffic(70, 0, 0.1), Traffic(70, 0, 0.1), None) == ""


def test_logs_lie_where_the_sites_write_them():
    site = (ROOT / "roles/nginx_site/templates/site.conf.j2").read_text()
    assert f"access_log {access_log.LOGS}/{{{{ nginx_site_app.name }}}}.access.log " in site


@pytest.mark.parametrize("place", ["plugins/modules/site_traffic_info.py", "plugins/modules/uwsgi_info.py", "docs/monitoring.md"])
def test_the_documentation_says_how_much_of_a_log_is_read(place):
    assert re.findall(r"(\d+) MiB", (ROOT / place).read_text()) == [str(traffic.MOST_BYTES // 2**20)]


# --- traffic_over_time -------------------------------------------------------------------------------------------------------


def test_requests_are_counted_in_parts_of_the_time(tmp_path):
    lines = [
        combined("28/Nov/2026:21:12:00 +0000", 500, 9.0),  # before the time
        combined("28/Nov/2026:21:12:01 +0000", 200, 0.1),
        combined("28/Nov/2026:21:13:00 +0000", 101, 0.2),
        combined("28/Nov/2026:21:13:01 +0000", 302, 0.3),
        combined("28/Nov/2026:21:59:59 +0000", 404, 0.4),
        combined("28/Nov/2026:22:00:00 +0000", 503, 0.5),
        combined("28/Nov/2026:22:00:00 +0000", 0, 0.6),  # an answer that nobody got
        combined("28/Nov/2026:22:00:01 +0000", 500, 9.0),  # after the time
    ]
    write(tmp_path / "shop.access.log", *lines)
    found = traffic_over_time.traffic_over_time("shop", 48 * 60, TEN + 0.7, str(tmp_path))
    assert found is not None
    assert (found["begin"], found["part_seconds"], found["log_begins"]) == (TEN + 1 - 48 * 60, 60, TEN + 1 - 48 * 60)
    assert (found["statuses"], found["p50"], found["p99"]) == ({"2xx": 2, "3xx": 1, "4xx": 1, "5xx": 1}, 0.3, 0.5)
    parts = {number: part["statuses"] for number, part in enumerate(found["parts"]) if part["statuses"]}
    assert parts == {0: {"2xx": 2}, 1: {"3xx": 1}, 47: {"4xx": 1, "5xx": 1}}
    assert (found["parts"][0]["p50"], found["parts"][1]["p99"], found["parts"][2]["p99"]) == (0.2, 0.3, 0.0)
    assert len(found["parts"]) == traffic_over_time.PARTS


def test_the_log_may_begin_within_the_time(tmp_path, monkeypatch):
    monkeypatch.setattr(traffic_over_time, "MOST_BYTES", 2 * len(combined()) + 1)
    write(tmp_path / "shop.access.log", *[combined("28/Nov/2026:21:59:00 +0000")] * 5, combined(), combined())
    found = traffic_over_time.traffic_over_time("shop", 3600, TEN, str(tmp_path))
    assert found is not None
    assert (found["log_begins"], found["statuses"]) == (TEN, {"2xx": 2})


def test_a_log_without_lines_tells_of_no_visitors(tmp_path):
    assert traffic_over_time.traffic_over_time("shop", 3600, TEN, str(tmp_path)) is None
    write(tmp_path / "shop.access.log")
    found = traffic_over_time.traffic_over_time("shop", 30, TEN, str(tmp_path))
    assert found is not None
    assert (found["statuses"], found["log_begins"], found["part_seconds"]) == ({}, found["begin"], 1)
