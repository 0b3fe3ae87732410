# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The layout of an application on a host: one file spells it, and the controller's orders have its types."""

from __future__ import annotations

import ast
import typing as t
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.action import flask_release
from ansible_collections.flaskops.stack.plugins.module_utils.app import layout
from ansible_collections.flaskops.stack.plugins.module_utils.app.layout import Layout, Release, ReleaseRecord
from ansible_collections.flaskops.stack.plugins.module_utils.app.orders import (
    AbsentApp,
    AccountApp,
    HostApp,
    InstanceOrder,
    PlannedRelease,
    ReleaseOrder,
)
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import places
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.host import host_app
from ansible_collections.flaskops.stack.plugins.plugin_utils.orders import instances
from ansible_collections.flaskops.stack.tests.unit.render import RELEASE, complete

MODULE_UTILS = Path(__file__).parents[5] / "plugins/module_utils"
SPELLED_ONCE = (
    *("/releases", "/venvs", "/public", "/shared", ".sock", ".stats"),
    *("/current", "/next", "/live", "/previous", "/unfinished", "history.jsonl", "rejected.json"),
    *("/etc/sysusers.d", "/etc/tmpfiles.d", "@.service", "flask-"),
)


def spelled_paths(file: Path) -> list[str]:
    """Return the strings of a file that spell a part of an application's layout; documentation does not count."""
    tree = ast.parse(file.read_text())
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and node.body and isinstance(node.body[0], ast.Expr)
    }
    strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in documentation]
    return [text for text in strings if isinstance(text, str) and any(part in text for part in SPELLED_ONCE)]


def test_the_layout_file_spells_every_path():
    spelled = " ".join(spelled_paths(MODULE_UTILS / "app/layout.py"))
    assert [part for part in SPELLED_ONCE if part not in spelled] == []


@pytest.mark.parametrize("file", sorted(MODULE_UTILS.rglob("*.py")), ids=lambda file: str(file.relative_to(MODULE_UTILS)))
def test_no_other_file_of_the_host_spells_a_path_of_an_application(file):
    # The last one has what programs print.
    if file not in [MODULE_UTILS / name for name in ("app/layout.py", "app/unit_names.py", "host/known_causes.py")]:
        assert spelled_paths(file) == []


def keys(order: type) -> set[str]:
    return set(t.get_type_hints(order))


def test_the_controller_sends_the_host_every_key_of_an_application_and_no_other():
    assert set(host_app(complete())) == keys(HostApp)


def test_the_controller_orders_an_instance_with_every_key_and_no_other():
    files = {"ini": "", "unit": "", "drop_in": ""}
    pool = {"stream_ini": "", "stream_unit": "", "stream_drop_in": ""}
    with_workers = complete(
        workers=[{"name": "queue", "command": "rq worker"}], timers=[{"name": "clean", "command": "flask clean", "schedule": "daily"}]
    )
    beside = {"worker queue": "", "timer clean": "", "service clean": ""}
    without = instances._instance(complete(), RELEASE, None, files, first=True)
    whole = instances._instance(with_workers, RELEASE, {"digest": "", "seal": ""}, {**files, **pool, **beside}, first=True)
    assert set(whole) == keys(InstanceOrder)
    assert set(without) == keys(InstanceOrder) - {"stream_unit", "stream_drop_in", "workers", "timers", "sealed"}
    assert set(without["files"]) < set(layout.FILES)


def test_the_controller_orders_a_release_with_every_key_and_no_other(tmp_path):
    plan = {"name": "shop", "id": "r1", "virtualenv_id": "v1", "requirements": None, "package": None, "callable": "", "revision": ""}
    plan |= {"imports": "", "hashed": False, "declared": None, "instance_path": "instance"}
    plan["pinned"] = {"basis": "", "required": {}, "beside": {}}
    order = flask_release._order(complete(), {**plan, "open_versions": True, "hosted": {"python": {"path": "python3"}}}, tmp_path)
    assert set(order) == keys(ReleaseOrder)
    assert set(order["release"]) == keys(PlannedRelease)


def test_an_account_has_every_key_and_no_other():
    assert set(places(complete())) == keys(AccountApp)
    assert set(instances._absent(complete(state="absent"))) == keys(AbsentApp)


def test_a_release_is_a_dict_on_its_way_and_back():
    assert Release.from_dict(RELEASE)._asdict() == RELEASE


def test_a_record_of_an_earlier_version_names_no_imports():
    assert ReleaseRecord.from_dict({"id": "r1", "virtualenv_id": "v1", "callable": "app", "revision": "9"}).imports == ""


def test_the_record_of_a_release_leads_to_its_places():
    record = ReleaseRecord("r1", "v1", "app", "9fceb02", "src")
    assert ReleaseRecord.from_dict(record._asdict()) == record
    assert record.release("/srv/x") == Release("r1", "/srv/x/releases/r1", "/srv/x/venvs/v1", "app", "9fceb02", "src")


def test_a_stream_pool_is_not_the_instance_of_another_application():
    """The name of an application has no dot."""
    shop = Layout(complete())
    pool = shop.stream_unit("0f3a1c9d2b7e")
    assert pool.partition("@")[0].removeprefix("flask-") == "shop.stream"
    assert pool != shop.unit("0f3a1c9d2b7e")
