# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What all unit tests stand on."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.plugins.loader import init_plugin_loader

# Templates use filters of this collection by their full names, which Ansible's own importer finds.
init_plugin_loader()


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A host in a directory."""
    from ansible_collections.flaskops.stack.tests.unit.host import Host

    return Host(tmp_path, monkeypatch)
