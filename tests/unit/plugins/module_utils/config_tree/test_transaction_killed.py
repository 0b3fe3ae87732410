# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A run is killed at any point, and the next one converges."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import ConfigTreeError, Entry
from ansible_collections.flaskops.stack.plugins.module_utils.host import files
from ansible_collections.flaskops.stack.tests.unit.plugins.module_utils.config_tree.played_host import (
    FIRST,
    SECOND,
    TREE_OF_FIRST,
    TREE_OF_SECOND,
    Host,
)

# The calls with which a run changes the disk. It is killed before the first such call, before the second, and so on.
CALLS = ["rename", "replace", "link", "unlink", "mkdir", "rmdir", "symlink", "open"]


def killed_at(number: int, host: Host, entries: list[Entry]) -> bool:
    """Run in a child that dies without a word before its call `number`. False when it lived to the end."""
    child = os.fork()
    if child == 0:
        left = number

        def counted(real):
            def call(*args, **more):
                nonlocal left
                left -= 1
                if left == 0:
                    os._exit(9)
                return real(*args, **more)

            return call

        for name in CALLS:
            setattr(os, name, counted(getattr(os, name)))
        files.exchange = counted(files.exchange)
        host.on_check = counted(lambda: None)
        try:
            host.run(entries)
        except BaseException:
            os._exit(1)
        os._exit(0)
    _pid, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, 9)
    return os.waitstatus_to_exitcode(status) == 9


@pytest.fixture
def memory(tmp_path) -> Iterator[Path]:
    """A directory in memory, where there is one: hundreds of runs follow."""
    if not os.path.isdir("/dev/shm"):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        yield Path(directory)


def run_after_kill(host: Host, then: str) -> None:
    """The next run, and what must be so after it."""
    if then == "same":
        host.run(SECOND)
        assert host.live() == TREE_OF_SECOND
    elif then == "back":
        host.run(FIRST)
        assert {"enabled/default": "-> nowhere", **host.live()} == TREE_OF_FIRST
    else:
        with pytest.raises(ConfigTreeError, match="refused"):
            host.run([Entry("sites/shop", "shop", b"bad\n")])
        assert host.live() in (TREE_OF_FIRST, TREE_OF_SECOND)
        host.run(SECOND)
    assert host.has_loaded_its_tree()
    assert host.leftovers() == []


def killed_host(base: Path, number: int) -> tuple[Host, bool]:
    host = Host(base)
    host.run(FIRST)
    return host, killed_at(number, host, SECOND)


def test_killed_anywhere_the_next_run_converges(host, memory):
    how, states, number, killed = host.how, {}, 0, True
    while killed:
        number += 1
        host, killed = killed_host(memory / str(number), number)
        live = host.live()
        state = host.fingerprint()
        if state in states:
            continue
        states[state] = "old" if live == TREE_OF_FIRST else "new" if live == TREE_OF_SECOND else "mixed"
        for then in ("same", "back", "refused"):
            run_after_kill(killed_host(memory / f"{number}{then}", number)[0], then)
    assert len(states) > 6
    assert set(states.values()) == ({"old", "new"} if how == "exchange" else {"old", "mixed", "new"})
