# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report as data keeps to its schema, whatever a host answers."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import jsonschema
import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app.traffic_over_time import traffic_over_time
from ansible_collections.flaskops.stack.plugins.plugin_utils.report.document import ReportedHost, report_document, reported_hosts
from ansible_collections.flaskops.stack.plugins.plugin_utils.report.page import report_page
from ansible_collections.flaskops.stack.tests.unit.answers import DAY, NOW, app, attempt, nothing, part, traffic

SCHEMA = json.loads((Path(__file__).parents[5] / "docs/monitoring/report.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
ANSWERS = {
    "web2": {"apps": {"shop": app(), "feed": nothing()}},
    "web1": {"apps": {}},
    "web3": {"unreachable": True, "msg": "Connection timed out"},
    "web4": {},
}


def document(answers):
    # As a reader of the file gets it.
    return json.loads(json.dumps(report_document(reported_hosts(answers), NOW + 0.5)))


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_report_keeps_to_its_schema():
    made = document(ANSWERS)
    VALIDATOR.validate(made)
    assert made["made"] == NOW
    assert [host["name"] for host in made["hosts"]] == ["web1", "web2", "web3", "web4"]
    assert [named["name"] for named in made["hosts"][1]["apps"]] == ["feed", "shop"]


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.update(format=2),
        lambda made: made.pop("made"),
        lambda made: made["hosts"][1]["apps"][1].update(secrets={}),
        lambda made: made["hosts"][1]["apps"][1]["pool"].update(busy="1"),
        lambda made: made["hosts"][1]["apps"][1]["traffic"]["parts"][0].pop("p99"),
        lambda made: made["hosts"][1]["apps"][1]["attempts"][0].update(seconds=None),
    ],
)
def test_the_schema_refuses_what_is_no_report(change):
    made = copy.deepcopy(document(ANSWERS))
    change(made)
    assert not VALIDATOR.is_valid(made)


def test_what_a_host_tells_is_reported():
    (host,) = reported_hosts({"web1": {"apps": {"shop": app(problems=["p"], changed_by_hand=["/etc/x"])}}})
    (shop,) = host.apps
    assert (shop.state, shop.release, shop.instance) == ("active", "0f3a1c9d2b7e", "two")
    assert (shop.pool.busy, shop.pool.slots, shop.streams.busy, shop.streams.slots) == (1, 4, 3, 1200)
    assert (shop.earlier, shop.rejected) == (["719af5e899f8"], ["b8d556ae053c"])
    assert shop.problems == ["p", "changed by hand: /etc/x"]
    assert [(each.result, each.reason, each.seconds) for each in shop.attempts] == [("live", "", 3.75), ("failed", "no answer", 3.75)]
    assert shop.traffic.end == NOW
    assert shop.traffic.parts[24].requests == 120


def test_a_host_counts_visitors_as_the_report_wants_them(tmp_path):
    (tmp_path / "shop.access.log").write_text('{"time": "2026-11-28T21:59:59+00:00", "status": 503, "seconds": 0.25}\n')
    counted = traffic_over_time("shop", DAY, NOW, str(tmp_path))
    (host,) = reported_hosts({"web1": {"apps": {"shop": app(traffic=counted)}}})
    assert host.problem == ""
    assert (host.apps[0].traffic.statuses["5xx"], host.apps[0].traffic.parts[-1].p99) == (1, 0.25)


def test_only_named_fields_are_reported():
    """A field that a later version of the module returns must not come into the file unseen."""
    (host,) = reported_hosts({"web1": {"apps": {"shop": app(environment={"KEY": "hunter2"}, history=[attempt(output="hunter2")])}}})
    assert "hunter2" not in str(host)


def test_a_host_that_gave_no_answer_has_the_reason():
    assert [host.problem for host in reported_hosts(ANSWERS)] == [
        "",
        "",
        "gave no answer: Connection timed out",
        "gave no answer: it was not asked",
    ]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {"shop": None},
        {"shop": app(release={})},
        {"shop": app(history=[{}])},
        {"shop": app(instances={"two": {"slots": "<b>"}})},
        {"shop": app(traffic=traffic(part_seconds=0))},
        {"shop": app(traffic={**traffic(), "parts": []})},
        {"shop": app(traffic=traffic([part(1, p99=float("nan"))]))},
        {"shop": app(history=[attempt(seconds={"gate": float("inf")})])},
        {"shop": app(history=[attempt(seconds=[1])])},
        # Numbers that can be no times, or that Python cannot draw.
        {"shop": app(release={"id": "", "revision": "", "built": 10**400})},
        {"shop": app(release={"id": "", "revision": "", "built": float("inf")})},
        {"shop": app(certificate={"names": [], "issuer": "", "not_after": 10**18})},
        {"shop": app(certificate={"names": [], "issuer": "", "not_after": -(10**18)})},
        {"shop": app(instances={"two": {"requests": 10**400}})},
        {"shop": app(instances={"two": {"memory": -1}})},
        {"shop": app(traffic=traffic([part(1, p99=1.7e308)]))},
        {"shop": app(traffic=traffic([part(1, p50=10**400)]))},
        {"shop": app(traffic=traffic([part(10**400)]))},
        {"shop": app(traffic=traffic([part(-5)]))},
        {"shop": app(traffic=traffic(begin=10**18))},
        {"shop": app(traffic=traffic(log_begins=-(10**18)))},
        {"shop": app(traffic=traffic([part(1)] * 100_000))},
    ],
)
def test_an_answer_that_makes_no_sense_is_a_problem_of_its_host_alone(answer):
    one, other = reported_hosts({"web1": {"apps": answer}, "web2": {"apps": {"shop": app()}}})
    assert isinstance(one, ReportedHost)
    assert one.problem.startswith("gave an answer that makes no sense (")
    assert [named.name for named in other.apps] == ["shop"]
    assert report_page([one, other], NOW)
