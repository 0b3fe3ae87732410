# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: report_page
short_description: Format the state of applications on hosts as a page of HTML
version_added: 1.0.0
description:
  - Takes the results of M(flaskops.stack.uwsgi_info) from all hosts and returns a page of HTML that loads nothing.
options:
  _input: {description: "By host, the result of the module, also of one that failed.", type: dict, required: true}
  now: {description: When the hosts were asked in seconds since the epoch., type: float, required: true}
positional: now
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Write a report about one host
  ansible.builtin.copy:
    content: "{{ {inventory_hostname: look} | flaskops.stack.report_page(now().timestamp()) }}"
    dest: /srv/report.html
    mode: "0600"
"""

RETURN = r"""
_value: {description: The page., type: str}
"""

import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.report import document, page


def report_page(answers: dict[str, t.Any], now: float) -> str:
    """Return a page of HTML that loads nothing."""
    return page.report_page(document.reported_hosts(answers), now)


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"report_page": report_page}
