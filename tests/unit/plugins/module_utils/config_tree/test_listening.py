# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service whose unix socket somebody has removed."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import ConfigTreeError
from ansible_collections.flaskops.stack.tests.unit.plugins.module_utils.config_tree.played_host import FIRST, SECOND


@pytest.fixture
def listening(host):
    """A host whose service has lost its socket since the tree was made."""
    host.run(FIRST)
    host.sockets = [host.base / "backend.sock"]
    return host


def test_a_service_that_has_lost_its_socket_is_restarted(listening):
    assert listening.run(FIRST, check=True).restarted
    assert listening.restarts == 0
    got = listening.run(FIRST)
    assert (got.changed, got.restarted, got.reloaded) == (True, True, False)
    assert not got.plan.diff, "nobody has asked for it"
    again = listening.run(FIRST)
    assert (again.changed, again.restarted, listening.restarts) == (False, False, 1)
    assert not listening.run(FIRST, check=True).changed


def test_a_reload_does_not_make_the_socket_again(listening):
    got = listening.run(SECOND)
    assert (got.reloaded, got.restarted) == (True, True)


def test_a_service_that_does_not_run_makes_its_socket_when_it_starts(listening):
    listening.active = False
    got = listening.run(FIRST)
    assert not got.changed
    assert listening.restarts == 0


def test_a_service_that_would_not_start_again_is_left_alone(listening):
    listening.spoiled = "[emerg] no"
    got = listening.run(FIRST)
    assert listening.restarts == 0
    assert any("backend.sock is gone, and nginx would not start again" in warning for warning in got.warnings)


def test_a_restart_that_does_not_help_is_told(listening):
    listening.makes_sockets = False
    with pytest.raises(ConfigTreeError, match="has not made it again although it was restarted"):
        listening.run(FIRST)
