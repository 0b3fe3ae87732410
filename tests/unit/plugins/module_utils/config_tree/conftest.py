# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The host of a transaction, on filesystems of both kinds."""

from __future__ import annotations

import os
import sys

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import files
from ansible_collections.flaskops.stack.tests.unit.plugins.module_utils.config_tree.played_host import Host


@pytest.fixture(params=["exchange", "files"])
def host(request, tmp_path, monkeypatch) -> Host:
    """A host whose filesystem can exchange directories, and one whose cannot."""
    monkeypatch.setattr(os, "fsync", lambda _handle: None)  # thousands of them here
    if request.param == "files":
        monkeypatch.setattr(files, "exchange", lambda _one, _other: False)
    elif sys.platform != "linux":
        pytest.skip("renameat2 is Linux")
    host = Host(tmp_path)
    host.how = request.param
    return host
