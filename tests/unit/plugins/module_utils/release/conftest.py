# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hosts on which releases are built."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.cage import Cage
from ansible_collections.flaskops.stack.tests.unit.building import make_host, without_systemd

host = pytest.fixture(make_host, name="host")
shared_host = pytest.fixture(make_host, name="shared_host", scope="module")


@pytest.fixture(autouse=True, scope="module")
def _no_systemd():
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Cage, "run_each", without_systemd)
        yield
