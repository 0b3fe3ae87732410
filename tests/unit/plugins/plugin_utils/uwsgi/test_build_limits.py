# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The size of files that a build may write, and that hooks may write beside the live instance."""

from __future__ import annotations

from ansible_collections.flaskops.stack.plugins.module_utils.host.trees import MOST_BYTES
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi.sandbox import of_builds, of_hooks
from ansible_collections.flaskops.stack.tests.unit.render import complete


def test_a_build_writes_no_file_that_would_be_refused_afterwards():
    """An index may offer a wheel without an end."""
    assert f"LimitFSIZE={MOST_BYTES}" in of_builds(complete())


def test_a_migration_may_write_a_database_of_any_size():
    assert not [line for line in of_hooks(complete()) if line.startswith("LimitFSIZE")]
