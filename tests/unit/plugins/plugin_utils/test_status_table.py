# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The table of the playbook status, and what it becomes on a terminal."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.status_table import Health, status_lines, status_rows, status_table

NOW = 1_800_000_000
APP = {
    "live": "two",
    "release": {"id": "r2", "revision": "9fceb02d0ae598e95dc970b74767f19372d61af8", "built": NOW - 7200},
    "instances": {
        "one": {"release": "r1", "active": "inactive"},
        "two": {
            **{"release": "r2", "active": "active", "requests": 12, "workers": [{}, {}], "busy": 1, "slots": 4, "memory": 70 * 2**20},
            "stream": {"busy": 3, "slots": 1200, "memory": 60 * 2**20},
        },
    },
    "changed_by_hand": [],
    "rejected": {},
    "problems": [],
    "certificate": {"names": ["shop.test"], "issuer": "", "not_after": NOW + 61.5 * 86400},
    "history": [{"action": "deploy", "result": "live", "time": "2026-11-23T10:00:00Z", "who": "me@here"}],
}


def table(hosts):
    return status_table(status_rows(hosts, NOW))


def marked(text, health):
    return f"<{health.name}>{text}</>"


def test_a_row_for_each_application_of_each_host():
    head, one, other = table({"b": {"shop": APP}, "a": {"blog": APP}})
    assert head.split()[:3] == ["host", "app", "state"]
    assert one.split() == [
        "a",
        "blog",
        "active",
        "r2",
        "9fceb02d0ae598",
        "2",
        "h",
        "2",
        "1/4",
        "3/1200",
        "130M",
        "12",
        "r1",
        "61",
        "d",
        "deploy",
        "live",
        "2026-11-23T10:00:00Z",
        "by",
        "me@here",
        "-",
    ]
    assert other.startswith("b     shop")
    assert len({line.index("active") for line in (one, other)}) == 1, "columns stand under each other"


def test_an_application_that_is_not_there_is_a_row_too():
    nothing = {
        "live": "",
        "release": {"id": "", "revision": "", "built": 0},
        "instances": {},
        "changed_by_hand": [],
        "rejected": {},
        "history": [],
        "problems": [],
    }
    _head, row = table({"a": {"shop": nothing}})
    assert row.split() == ["a", "shop", "nothing", "live", "-", "-", "-", "0", "0/0", "-", "0M", "0", "-", "-", "-", "-"]


def test_what_needs_attention_is_noted():
    app = {**APP, "changed_by_hand": ["/etc/x"], "rejected": {"r3": {}}, "problems": ["its statistics had no end after 5 s"]}
    row = table({"a": {"shop": app}})[1]
    assert row.endswith("its statistics had no end after 5 s; changed by hand: /etc/x; rejected: r3")


@pytest.mark.parametrize(
    ("changes", "health"),
    [
        ({}, Health.GOOD),
        ({"problems": ["no socket"]}, Health.NOTED),
        ({"rejected": {"r3": {}}}, Health.NOTED),
        ({"live": ""}, Health.BAD),
        ({"certificate": {"names": [], "issuer": "", "not_after": NOW - 1}}, Health.BAD),
    ],
)
def test_the_state_has_the_colour_of_the_health(changes, health):
    rows = status_rows({"a": {"shop": {**APP, **changes}}}, NOW)
    assert [row.health for row in rows] == [health]
    plain = status_table(rows)
    for line, coloured in zip(plain, status_table(rows, marked), strict=True):
        assert coloured.replace(f"<{health.name}>", "").replace("</>", "") == line
    assert f"<{health.name}>" in status_table(rows, marked)[1]
    assert f"<{health.name}>" in status_lines(rows, 60, marked)[0]


def test_a_wide_terminal_has_the_table():
    rows = status_rows({"a": {"shop": APP}}, NOW)
    width = max(map(len, status_table(rows)))
    assert status_lines(rows, width, lambda text, _health: text) == status_table(rows)
    assert status_lines(rows, width - 1, lambda text, _health: text) != status_table(rows)


def test_a_narrow_terminal_has_paragraphs():
    app = {**APP, "problems": ["a long story of a socket that nobody listens at, told by somebody with much time"]}
    lines = status_lines(status_rows({"web1": {"shop": app}}, NOW), 60, lambda text, _health: text)
    assert lines == [
        "web1  shop  active  r2",
        "  revision 9fceb02d0ae598  age 2 h  workers 2  busy 1/4",
        "  streams 3/1200  memory 130M  requests 12  earlier r1",
        "  tls 61 d",
        "  last attempt deploy live 2026-11-23T10:00:00Z by me@here",
        "  notes a long story of a socket that nobody listens at,",
        "  told by somebody with much time",
    ]


def test_no_application_is_a_table_without_rows():
    assert status_lines([], 60, marked) != []
    assert len(table({"a": {}})) == 1


@pytest.mark.parametrize(
    "apps",
    [
        None,
        {"shop": None},
        {"shop": {**APP, "release": {"id": 5}}},
        {"shop": {**APP, "certificate": {"not_after": "x"}}},
        {"shop": {**APP, "release": {"id": "", "revision": "", "built": float("-inf")}}},
        {"shop": {**APP, "history": [{"time": ""}]}},
    ],
)
def test_a_host_whose_answer_makes_no_sense_has_a_row_and_hides_no_other(apps):
    """Somebody else may rule it."""
    rows = status_rows({"a": apps, "b": {"shop": APP}}, NOW)
    assert [row.cells[:2] for row in rows] == [("a", "-"), ("b", "shop")]
    assert rows[0].cells[-1].startswith("gave an answer that makes no sense (")
    assert rows[0].health is Health.BAD
    assert status_table(rows)


def test_a_cell_is_a_text_whatever_a_host_answers():
    row = table(
        {"a": {"shop": {**APP, "instances": {"two": {"active": {"x": 1}}}, "release": {"id": 5, "revision": "", "built": 10**400}}}}
    )[1]
    assert row.split()[:5] == ["a", "shop", "{'x':", "1}", "5"]
