# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""config_tree on the host: documentation equal to its parameters and results."""

from __future__ import annotations

import typing as t

import yaml
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.plan import TreePlan
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import ARGUMENT_SPEC
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
