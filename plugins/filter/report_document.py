# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: report_document
short_description: Give the state of applications on hosts the form of a report
version_added: 1.0.0
description:
  - Takes the results of M(flaskops.stack.uwsgi_info) from all hosts and returns data for JSON, as docs/monitoring/report.schema.json describes it.
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
    content: "{{ {inventory_hostname: look} | flaskops.stack.report_document(now().timestamp()) | to_nice_json }}"
    dest: /srv/report.json
    mode: "0600"
"""

RETURN = r"""
_value: {description: The report., type: dict}
"""

import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.report import document


def report_document(answers: dict[str, t.Any], now: float) -> dict[str, t.Any]:
    """Return data for JSON, as docs/monitoring/report.schema.json describes it."""
    return document.report_document(document.reported_hosts(answers), now)


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"report_document": report_document}
