# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The versions of uWSGI and gevent that are installed."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi.packages import GEVENT
from packaging.requirements import Requirement


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13", "3.14"])
def test_each_python_gets_one_version_of_each_package(python):
    pins = [Requirement(pin) for pin in GEVENT]
    chosen = [pin.name for pin in pins if not pin.marker or pin.marker.evaluate({"python_version": python})]
    assert chosen == ["gevent", "greenlet", "zope.event", "zope.interface"]


def test_every_version_is_pinned():
    assert all(str(Requirement(pin).specifier).startswith("==") for pin in GEVENT)
