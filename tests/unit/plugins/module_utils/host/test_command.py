# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one way to run a program: what it said, what counts as a failure, and in which language."""

from __future__ import annotations

import os
import time

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import command, output
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import ANY_STATUS, CommandError, CommandResult, run

BOTH = ["sh", "-c", "echo one; echo two >&2; echo; echo 'three  '; exit 3"]


def test_the_two_outputs_are_kept_apart():
    assert run(["sh", "-c", "echo one; echo two >&2"]) == CommandResult(0, "one\n", "two\n")


def test_the_two_outputs_are_together_in_the_order_in_which_they_were_written():
    assert run(BOTH, ANY_STATUS, together=True) == CommandResult(3, "one\ntwo\n\nthree  \n", "")


def test_lines_are_those_with_something_in_them():
    assert run(BOTH, ANY_STATUS).lines == ["one", "three", "two"]


@pytest.mark.parametrize("accepted", [(3,), (0, 3), ANY_STATUS])
def test_a_status_that_is_accepted_is_no_failure(accepted):
    assert run(BOTH, accepted).status == 3


def test_a_program_that_was_killed_has_a_status_too():
    assert run(["sh", "-c", "kill -9 $$"], ANY_STATUS).status == -9


@pytest.mark.parametrize(
    ("script", "together", "words"),
    [
        ("echo no >&2", False, ": no"),
        ("echo out; echo no >&2", False, ": no"),
        ("echo out; echo no >&2", True, ":\nout\nno"),
        ("echo out", False, ":\nout"),
        ("true", False, " and said nothing"),
        ("seq 30 >&2", False, ": " + "\n".join(map(str, range(16, 31)))),
    ],
)
def test_a_failure_has_the_command_the_status_and_the_last_words(script, together, words):
    with pytest.raises(CommandError) as failed:
        run(["sh", "-c", f"{script}; exit 3"], together=together)
    assert str(failed.value) == f"'sh -c {script}; exit 3' ended with 3{words}"


def test_a_program_that_is_not_there_cannot_be_run():
    with pytest.raises(CommandError, match=r"^cannot run no-such-program: No such file or directory$"):
        run(["no-such-program"], ANY_STATUS)


def test_a_directory_that_is_not_there_is_named():
    with pytest.raises(CommandError, match=r"^cannot run true: No such file or directory \(/no/such\)$"):
        run(["true"], cwd="/no/such")


def test_a_program_that_does_not_end_in_time_is_killed():
    with pytest.raises(CommandError, match=r"^'sleep 60' has not ended within 0\.1 s and was killed$"):
        run(["sleep", "60"], ANY_STATUS, timeout=0.1)


def test_programs_speak_english_whatever_the_user_speaks(monkeypatch):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de")
    assert run(["sh", "-c", "echo $LC_ALL $LANGUAGE$MARK"], env=None).output == "C\n"
    own = command.in_locale({"PATH": os.environ["PATH"], "LANG": "de_DE.UTF-8", "MARK": "x"}, "C.UTF-8")
    assert run(["sh", "-c", "echo $LC_ALL $LANGUAGE$MARK"], env=own).output == "C.UTF-8 x\n"


def test_bytes_of_no_encoding_are_no_failure():
    assert run(["printf", r"caf\303\251 \377"]).output == "café \ufffd"


def test_a_program_reads_nothing():
    assert run(["cat"]).output == ""


def test_a_program_that_writes_without_end_is_killed(monkeypatch):
    monkeypatch.setattr(output, "MOST_BYTES", 1_000_000)
    with pytest.raises(CommandError, match=r"^'yes' wrote more than 64 MB and was killed$"):
        run(["yes"], ANY_STATUS)


@pytest.mark.parametrize("together", [False, True])
def test_what_another_process_keeps_open_is_not_waited_for(together):
    """A program may pass its output on to a process that goes on for ever."""
    began = time.monotonic()
    said, child = run(["sh", "-c", "echo done; sleep 600 & echo $!"], together=together).lines
    os.kill(int(child), 9)
    assert said == "done"
    assert time.monotonic() - began < 300


def test_much_that_is_written_at_the_end_is_read(monkeypatch):
    assert len(run(["sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x"]).output) == 3_000_000
