# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: to_uwsgi_ini
short_description: Format settings in uWSGI's ini dialect
version_added: 1.0.0
description:
  - Returns one line for each option, in the order of the input. A list as value repeats the option, and null leaves it out. Values
    have uWSGI's own syntax, where C(%) begins a magic variable and C(%%) is a percent sign.
positional: section
options:
  _input:
    description: A mapping of options to values, or a list of dicts with C(option), C(value) and C(reason).
    type: raw
    required: true
  section: {description: Name of the section header. With null there is no header., type: str, default: uwsgi}
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Show an ini
  ansible.builtin.debug:
    msg: "{{ {'master': true, 'route': ['^/a addheader:X: 1', '^/b addheader:X: 2']} | flaskops.stack.to_uwsgi_ini }}"
"""

RETURN = r"""
_value: {description: The ini., type: str}
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi import ini


def to_uwsgi_ini(settings: t.Any, section: str | None = "uwsgi") -> str:
    """Return the ini; see ``plugin_utils/uwsgi/ini.py``."""
    try:
        return ini.to_uwsgi_ini(settings, section)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"to_uwsgi_ini": to_uwsgi_ini}
