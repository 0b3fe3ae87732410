# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A model of many gigabytes is shipped in pieces: neither the controller nor the host has the whole of it in memory."""

from __future__ import annotations

import shutil
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.release import build
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.git import GitTree
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.package import FileTree
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import DirTree, Tree
from ansible_collections.flaskops.stack.tests.unit.repository import Repository

_SIZE = 64 * 2**20
_ENOUGH = 16 * 2**20


@contextmanager
def little_memory() -> Iterator[None]:
    """Fail if Python has more in memory at once than a part of the file."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < _ENOUGH
    finally:
        tracemalloc.stop()


@pytest.fixture(params=["directory", "git", "file"])
def tree(request, memory: Path) -> Tree:
    code = memory / "code"
    code.mkdir()
    with (code / "model.bin").open("wb") as file:
        file.truncate(_SIZE)
    if request.param == "git":
        repository = Repository(code)
        repository.commit("a model", {"app.py": ""})
        return GitTree(code / ".git", repository.head())
    return DirTree(code) if request.param == "directory" else FileTree(code / "model.bin", "model 1.0")


def test_a_large_file_is_read_packed_and_unpacked_in_pieces(tree, memory):
    archive, unpacked = memory / "shipped.tar.gz", memory / "unpacked"
    with little_memory():
        assert len(tree.digest) >= 40
        tree.write_tar(archive)
    shutil.rmtree(memory / "code")
    with little_memory():
        build._unpack(str(archive), str(unpacked))
    assert (unpacked / "model.bin").stat().st_size == _SIZE
