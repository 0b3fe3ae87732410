# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""config_tree on the host: parameters in, documentation equal to them."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.plan import TreePlan
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import (
    ARGUMENT_SPEC,
    Absent,
    ConfigTreeError,
    Entry,
    encode_payload,
)
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.transaction import Result
from ansible_collections.flaskops.stack.plugins.modules import config_tree


def described(options: dict[str, t.Any]) -> dict[str, t.Any]:
    """Options of a spec or a documentation, by what both say."""
    kept = ("type", "elements", "choices", "default", "required")
    found = {}
    for name, option in options.items():
        found[name] = {key: option[key] for key in kept if key in option}
        nested = option.get("options") or option.get("suboptions")
        if nested:
            found[name]["options"] = described(nested)
    return found


def test_documentation_is_the_argument_spec():
    documented = yaml.safe_load(config_tree.DOCUMENTATION)["options"]
    assert described(documented) == described(ARGUMENT_SPEC)


def test_return_values_are_documented():
    documented = yaml.safe_load(config_tree.RETURN)
    result = Result(TreePlan(None)).as_dict()
    assert set(result) - {"changed"} <= set(documented)
    assert set(result["files"]) == set(documented["files"]["contains"])


@pytest.mark.parametrize(
    ("value", "absent"),
    [("a", Absent("a")), ({"path": "a", "only_if_link": "b"}, Absent("a", "b")), ({"path": "a"}, Absent("a"))],
)
def test_absent(value, absent):
    assert config_tree.to_absent(value) == absent


@pytest.mark.parametrize("value", [1, None, {}, {"path": "a", "only_if_file": "b"}])
def test_wrong_absent(value):
    with pytest.raises(ConfigTreeError, match="absent"):
        config_tree.to_absent(value)


def params(**more: t.Any) -> dict[str, t.Any]:
    return {**{name: option.get("default") for name, option in ARGUMENT_SPEC.items()}, "root": "/etc/nginx", **more}


def test_without_its_action_plugin_it_says_so():
    with pytest.raises(ConfigTreeError, match="action plugin"):
        config_tree.to_transaction(params(), want_diff=False)


def test_parameters_arrive():
    entries = [Entry("a", "shop", b"x")]
    made = config_tree.to_transaction(
        params(payload=encode_payload(entries), absent=["b"], service="nginx", reload_check="workers"), want_diff=True
    )
    assert made.request.entries == entries
    assert made.request.absent == [Absent("b")]
    assert made.request.want_diff
    assert (made.service.name, made.service.check, made.service.timeout) == ("nginx", "workers", 10)
