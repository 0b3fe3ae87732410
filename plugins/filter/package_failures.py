# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: package_failures
short_description: Tell which applications lack packages that cannot be installed
version_added: 1.0.0
description:
  - Takes the results of M(ansible.builtin.apt) in a loop over applications, and returns a message for each application whose packages it
    could not install.
options:
  _input: {description: Results of the loop., type: list, elements: dict, required: true}
  loop_var:
    description: Name of the loop's variable. Each value has the application as C(key) and its packages as C(value).
    type: str
    required: true
  together:
    description: Words of apt when it was to install the packages of all applications at once, before the loop.
    type: str
    default: ""
  update:
    description: The result of C(apt-get update), which was run where the lists of packages could not be fetched.
    type: dict
    default: {}
positional: loop_var, together, update
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Show what failed
  ansible.builtin.debug:
    msg: "{{ installed.results | flaskops.stack.package_failures('lacking') }}"
"""

RETURN = r"""
_value:
  description: Messages by application.
  type: dict
  sample: {shop: "shop.packages: apt cannot install libpq6: No package matching 'libpq6' is available."}
"""

import typing as t

from ansible_collections.flaskops.stack.plugins.module_utils.host.causes import known_cause
from ansible_collections.flaskops.stack.plugins.module_utils.host.known_causes import APT

_REMEDY = "Correct `packages`, or `python`, which brings the package of the interpreter's venv; or add the source of these packages to the server."


# The words of ansible.builtin.apt where the lists of packages could not be fetched. It then finds nothing that is not in older lists.
_NO_LISTS = "Failed to update apt cache"
_MOST_LINES = 5
_LISTS_REMEDY = "Run `apt-get update` on the server, which tells what is wrong, and mend that."


def package_failures(
    results: t.Sequence[t.Mapping[str, t.Any]], loop_var: str, together: str = "", update: t.Mapping[str, t.Any] | None = None
) -> dict[str, str]:
    """Return messages of applications whose packages apt could not install, by application."""
    no_lists = _words_about_lists(together, update or {}) if together.startswith(_NO_LISTS) else ""
    return {result[loop_var]["key"]: _message(result[loop_var], result, no_lists) for result in results if result.get("failed")}


def _words_about_lists(together: str, update: t.Mapping[str, t.Any]) -> str:
    """Return why the lists of packages could not be fetched: the module often ends with a colon and nothing behind it."""
    lines = f"{update.get('stdout', '')}\n{update.get('stderr', '')}".splitlines()
    complaints = list(dict.fromkeys(line.strip() for line in lines if line.startswith(("E:", "W:"))))
    return "\n".join(complaints[:_MOST_LINES]) or together.strip().rstrip(":. ")


def _message(lacking: t.Mapping[str, t.Any], result: t.Mapping[str, t.Any], no_lists: str) -> str:
    names, says = ", ".join(lacking["value"]), str(result.get("msg", "it does not say why")).strip().rstrip(".")
    cause = known_cause(says.splitlines(), APT)
    if not cause and no_lists:
        says = no_lists.rstrip(".")
        cause = known_cause(says.splitlines(), APT) or f"it has no lists of what there is. {_LISTS_REMEDY}"
    if cause:
        return f"{lacking['key']}.packages: apt cannot install {names}, since {cause} It said: {says}"
    return f"{lacking['key']}.packages: apt cannot install {names}: {says}. {_REMEDY}"


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"package_failures": package_failures}
