# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Helpers of tests that read the units of an instance as systemd would."""

from __future__ import annotations

from ansible_collections.flaskops.stack.tests.unit.parse import unit
from ansible_collections.flaskops.stack.tests.unit.render import instance

STREAM = {"path": "/time/", "mode": "stream"}
STREAMS = {"nginx": {"routes": [{"path": "/"}, STREAM]}}


def service(app, part="unit") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in unit(instance(app)[part])["Service"]:
        found.setdefault(name, []).append(value)
    return found
