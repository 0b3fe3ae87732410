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


def test_a_socket_of_this_change_was_never_lost(host):
    host.sockets = [host.base / "backend.sock"]
    assert not host.run(FIRST, check=True).restarted, "nothing on the disk has the socket yet"
    # The reload of a service without `reload_check` may make it a moment later.
    got = host.run(FIRST)
    assert (got.reloaded, got.restarted, host.restarts) == (True, False, 0)
    # Nobody has made it until the next run.
    assert host.run(FIRST, check=True).restarted
    assert host.run(FIRST).restarted


def test_a_later_change_may_be_the_first_with_a_socket(host):
    host.listens_by = b"more 2"
    host.run(FIRST)
    host.sockets = [host.base / "backend.sock"]
    assert not host.run(SECOND, check=True).restarted
    got = host.run(SECOND)
    assert (got.reloaded, got.restarted, host.restarts) == (True, False, 0)


def test_a_socket_that_this_change_gives_up_is_not_made_again(listening):
    listening.listens_by = b"blog 1"
    assert listening.run(FIRST, check=True).restarted
    assert not listening.run(SECOND, check=True).restarted
    got = listening.run(SECOND)
    assert (got.reloaded, got.restarted, listening.restarts) == (True, False, 0)


def test_a_diff_shows_lost_sockets_only(listening):
    def shown(entries):
        return [each["after_header"] for each in listening.run(entries, check=True, want_diff=True).plan.diff]

    socket = str(listening.base / "backend.sock")
    assert shown(FIRST) == [socket]
    listening.listens_by = b"more 2"
    assert socket not in shown(SECOND)


def test_a_file_of_somebody_else_is_not_read_for_sockets(listening):
    listening.listens_by = b"foreign"
    assert not listening.run(FIRST, check=True).restarted
