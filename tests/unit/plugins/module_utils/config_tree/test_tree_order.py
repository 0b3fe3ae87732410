# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The order of the action plugin becomes a transaction, and a host tells later whether the same order would change anything."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree import stage, tree_order
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.probe import NoProbe
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import (
    ARGUMENT_SPEC,
    Absent,
    ConfigTreeError,
    Entry,
    encode_payload,
    payload_text,
)
from ansible_collections.flaskops.stack.plugins.module_utils.host import last_order
from ansible_collections.flaskops.stack.tests.unit.plugins.module_utils.config_tree.played_host import FIRST, SECOND, Host

SERVER = tree_order.TreeReader(lambda _params, _entries: NoProbe(), lambda _printed, _is_ours: None, lambda _texts: [])


def params(**more: t.Any) -> dict[str, t.Any]:
    return {**{name: option.get("default") for name, option in ARGUMENT_SPEC.items()}, "root": "/etc/nginx", **more}


@pytest.mark.parametrize(
    ("value", "absent"),
    [("a", Absent("a")), ({"path": "a", "only_if_link": "b"}, Absent("a", "b")), ({"path": "a"}, Absent("a"))],
)
def test_absent(value, absent):
    assert tree_order.to_absent(value) == absent


@pytest.mark.parametrize("value", [1, None, {}, {"path": "a", "only_if_file": "b"}])
def test_wrong_absent(value):
    with pytest.raises(ConfigTreeError, match="absent"):
        tree_order.to_absent(value)


def test_without_its_action_plugin_it_says_so():
    with pytest.raises(ConfigTreeError, match="action plugin"):
        tree_order.to_transaction(params(), want_diff=False, server=SERVER)


def test_parameters_arrive():
    entries = [Entry("a", "shop", b"x")]
    made = tree_order.to_transaction(
        params(payload=encode_payload(payload_text(entries)), absent=["b"], service="nginx", reload_check="workers"),
        want_diff=True,
        server=SERVER,
    )
    assert made.request.entries == entries
    assert made.request.absent == [Absent("b")]
    assert made.request.want_diff
    assert (made.service.name, made.service.check, made.service.timeout) == ("nginx", "workers", 10)


@pytest.fixture
def ordered(host, monkeypatch) -> t.Callable[..., None]:
    """Carry an order out on the host as the module does, and remember it."""
    monkeypatch.setattr(stage, "_STATE_DIR", str(host.state))
    service = tree_order.Service
    monkeypatch.setattr(tree_order, "Service", lambda *args: service(*args, runner=host))

    def carry_out(entries: list[Entry], digest: str = "first") -> None:
        order = params(
            root=str(host.root),
            payload=encode_payload(payload_text(entries)),
            owners=["shop"],
            validate=["true"],
            service="nginx",
            digest=digest,
        )
        transaction = tree_order.to_transaction(order, want_diff=False, server=SERVER)
        transaction.run()
        tree_order.remember(transaction, order)

    return carry_out


def settled(host: Host, check: bool = False) -> str:
    """Return the digest of the order that is settled, empty if none is."""
    found = tree_order.settled(str(host.root), check, SERVER)
    assert found is None or found["result"]["changed"] is False
    return found["digest"] if found else ""


def test_the_last_order_is_settled_until_a_file_changes(host, ordered):
    assert settled(host) == ""
    ordered(FIRST)
    assert settled(host) == "first"
    (host.root / "sites/shop").write_text("by hand\n")
    assert settled(host) == ""
    ordered(FIRST)
    assert settled(host) == "first"
    ordered(SECOND, "second")
    assert settled(host) == "second"


def test_nothing_is_settled_where_a_run_would_do_or_tell_something(host, ordered):
    ordered(FIRST)
    transaction = tree_order.to_transaction(
        last_order.read(f"{stage.state_path(str(host.root))}.order").order, want_diff=False, server=SERVER
    )
    assert settled(host) == "first"

    host.active = False
    assert settled(host) == "", "the service does not run"
    host.active = True

    host.spoiled = "[emerg] somebody's file"
    assert settled(host) == "", "the service would not start again"
    assert settled(host, check=True) == "first", "check mode does not run the program that validates"
    host.spoiled = ""

    transaction.mark.write()
    assert settled(host) == "", "no reload was confirmed"
    transaction.mark.clear()

    transaction.unanswered.add(["shop"])
    assert settled(host) == "", "a site has not been seen to answer"
    transaction.unanswered.ask(NoProbe(), [])

    left = transaction.places.new_stage()
    assert settled(host) == "", "a killed run has left a stage"
    transaction.run()
    assert not host.root.parent.joinpath(left).exists()

    (host.root / "..flaskops.json.1-abc.partial").write_text("half")
    assert settled(host) == "", "a killed run has left half a file"
    transaction.run()
    assert settled(host) == "first"


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[]", "{}", '{"format": 1, "digest": "first", "order": {}}', '{"format": 0, "digest": "first"}']
)
def test_a_file_that_is_no_order_settles_nothing(host, ordered, text):
    ordered(FIRST)
    path = host.state / f"{stage.state_path(str(host.root)).rpartition('/')[2]}.order"
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text(text)
    assert settled(host) == ""
    ordered(FIRST)
    assert settled(host) == "first"
