# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One change of a host's applications at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import lock
from ansible_collections.flaskops.stack.plugins.module_utils.host.lock import LockedError, held


@pytest.fixture
def path(tmp_path, monkeypatch) -> str:
    monkeypatch.setattr(lock, "_POLL_SECONDS", 0.01)
    return str(tmp_path / "lock")


def test_a_released_lock_can_be_taken_again(path):
    for _time in range(2):
        with held("me", 0, path):
            pass


def test_a_second_run_is_told_who_holds_the_lock(path):
    says = r"^another run changes the applications of this host: me@here since 20.* \(process \d+\)\. Waited 0 s"
    with held("me@here", 0, path), pytest.raises(LockedError, match=says), held("you", 0, path):
        pytest.fail("two at a time")


def test_a_second_run_waits_for_the_lock(path):
    order: list[str] = []

    def second() -> None:
        with held("you", 60, path):
            order.append("second")

    with held("me", 0, path):
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.05)
        order.append("first")
    waiting.join(5)
    assert order == ["first", "second"]


def test_an_exception_releases_the_lock(path):
    with pytest.raises(KeyError), held("me", 0, path):
        raise KeyError
    with held("you", 0, path):
        pass


def test_a_killed_holder_releases_the_lock(path):
    code = f"import fcntl, time; f = open({path!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LockedError, match="it did not say who it is"):
            held("me", 0, path).__enter__()
        holder.kill()
    with held("me", 60, path):
        pass


@pytest.mark.parametrize("text", ["[1]", "null", '{"who": "me"}', "[" * 100_000, "\udcff", "x" * 1_000_000], ids=lambda text: text[:9])
def test_a_holder_that_says_nonsense_is_a_holder(path, text):
    with held("you", 0, path):
        with open(path, "w", errors="surrogateescape") as file:
            file.write(text)
        with pytest.raises(LockedError, match="it did not say who it is"):
            held("me", 0, path).__enter__()


def test_only_root_can_read_the_lock_file(path, tmp_path):
    with held("me", 0, path):
        assert (tmp_path / "lock").stat().st_mode & 0o077 == 0


def test_a_run_waits_for_the_commands_of_a_killed_run(path):
    code = (
        "import os, subprocess; from ansible_collections.flaskops.stack.plugins.module_utils.host import lock\n"
        f"with lock.held('me@here', 0, {path!r}):\n"
        "    subprocess.Popen(['sh', '-c', 'echo begun; exec sleep 60'], pass_fds=lock.inherited())\n"
        "    os.wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True) as run:
        assert run.stdout.readline() == b"begun\n"
        command = int(subprocess.check_output(["pgrep", "--parent", str(run.pid)]))
        run.kill()
        run.wait()
        says = r"^a command of a run that was killed is still at work: me@here since 20.* \(process \d+\)\. Waited 0 s"
        with pytest.raises(LockedError, match=says), held("you", 0, path):
            pytest.fail("beside the command")
        os.kill(command, signal.SIGKILL)
        with held("you", 60, path):
            pass


def test_the_message_has_what_is_changed(path):
    says = r"^another run changes the files below /etc/nginx: me since 20.*\. Waited 0 s for it$"
    with held("me", 0, path), pytest.raises(LockedError, match=says), held("you", 0, path, "the files below /etc/nginx"):
        pytest.fail("two at a time")


def test_a_lock_that_no_command_needs_has_one_file(path, tmp_path):
    with held("me", 0, path, for_commands=False):
        assert lock.inherited() == ()
    assert [file.name for file in tmp_path.iterdir()] == ["lock"]


def test_a_full_disk_does_not_keep_anybody_from_the_lock(monkeypatch):
    monkeypatch.setattr(lock, "_take", lambda _descriptor: True)
    with held("me", 0, "/dev/full", for_commands=False):
        pass


def test_nothing_is_inherited_without_the_lock(path):
    with held("me", 0, path):
        assert len(lock.inherited()) == 1
    assert lock.inherited() == ()
