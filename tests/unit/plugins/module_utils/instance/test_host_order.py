# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host tells whether the order that it has carried out last would change anything."""

from __future__ import annotations

import copy
import json
import os
import typing as t

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import last_order
from ansible_collections.flaskops.stack.plugins.module_utils.instance import host_order


@pytest.fixture
def ordered(host, monkeypatch) -> t.Callable[..., dict[str, t.Any]]:
    """Carry an order for one instance out, as the module does."""
    monkeypatch.setattr(host_order, "LAST", str(host.place / "var/instances.order"))

    def carry_out(id_: str = "one", release: str = "r1", check: bool = False, **more: t.Any) -> dict[str, t.Any]:
        app = {**host.candidate(id_, release).app, **more}
        order = {"apps": [app], "accounts": [], "absent": [], "allow_rejected": False, "digest": id_}
        return host_order.apply({**order, "trial": {"seconds": 0, "program": ""}, "who": "me@here"}, check)

    return carry_out


def settled() -> str:
    """Return the digest of the order that is settled, empty if none is."""
    found = host_order.settled()
    return found["digest"] if found else ""


def test_the_last_order_is_settled_and_has_the_result_of_a_run_that_changes_nothing(host, ordered):
    assert settled() == ""
    ordered()
    found = host_order.settled()
    assert found["digest"] == "one"
    again = ordered()
    assert again["changed"] is False
    assert found["result"] == again
    ordered("two", release="r2")
    assert settled() == "two"


def test_digests_of_secrets_are_kept_for_the_next_run_and_are_in_no_result(host, ordered):
    sealed = {"digest": "0123", "seal": "4567"}
    ordered(sealed=sealed)
    found = host_order.settled()
    assert found["sealed"] == {host.candidate("one", "r1").app["name"]: sealed}
    assert "4567" not in json.dumps(found["result"])


def test_the_file_is_roots_alone_and_has_no_secret(host, ordered):
    ordered()
    path = host_order.LAST
    assert os.stat(path).st_mode & 0o777 == 0o600
    with open(path, encoding="utf-8") as file:
        assert "hunter2" not in file.read()


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda host, instance: host.units[instance.unit].update(ActiveState="failed"), id="the instance has died"),
        pytest.param(lambda host, instance: os.unlink(instance.layout.file(instance.id, "secrets")), id="its secrets are gone"),
        pytest.param(lambda host, instance: _append(instance.layout.file(instance.id, "secrets")), id="its secrets were edited"),
        pytest.param(lambda host, instance: _append(instance.layout.file(instance.id, "ini")), id="its ini was edited"),
        pytest.param(lambda host, instance: os.unlink(instance.layout.live), id="nothing is live"),
        pytest.param(lambda host, instance: os.unlink(f"{instance.run_dir}/uwsgi.sock"), id="its socket is gone"),
    ],
)
def test_nothing_is_settled_where_a_run_would_mend_something(host, ordered, spoil):
    ordered()
    assert settled() == "one"
    spoil(host, host.candidate("one"))
    assert settled() == ""


def _append(path: str) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write("# by hand\n")


def test_an_order_that_failed_is_not_remembered(host, ordered):
    ordered()
    host.behave(host.candidate("two", release="r2").unit, 500)
    assert ordered("two", release="r2")["failures"]
    assert settled() == "one", "the first one is live still"


def test_check_mode_remembers_nothing(host, ordered):
    ordered()
    ordered("two", release="r2", check=True)
    assert settled() == "one"


def test_a_path_that_the_sandbox_opens_and_that_is_gone(host, ordered, tmp_path):
    place = tmp_path / "spool"
    place.mkdir()
    ordered(writable=[str(place)])
    assert settled() == "one"
    place.rmdir()
    assert settled() == ""


def test_an_order_of_another_version_settles_nothing(host, ordered):
    ordered()
    last = last_order.read(host_order.LAST)
    for change in ({"apps": [{"name": "shop"}]}, {"absent": None}, {"accounts": [{"name": "shop"}]}):
        last_order.remember(host_order.LAST, "one", {**copy.deepcopy(last.order), **change})
        assert settled() == ""
