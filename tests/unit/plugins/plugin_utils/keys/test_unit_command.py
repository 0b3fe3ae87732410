# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Commands of workers and timers, which are one program each."""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.unit_command import advice


@pytest.mark.parametrize(
    "command",
    [
        "celery -A shop.tasks worker",
        "flask clean > log 2>&1",
        "flask clean >| log",
        "celery worker --concurrency $(nproc | head -1)",
        "celery worker --concurrency `nproc | head -1`",
        "celery worker --concurrency $((1 + 2))",
        "celery worker -n ${NAME:-a;b}",
        'echo "$(echo "a b")"',
        "python -c 'a; b'",
        'sh -c "a && b" > /dev/null',
        "echo ';' \\; \\\\",
        "flask clean # it's; all",
        "env A=b flask clean",
    ],
)
def test_one_program_is_accepted_and_a_shell_reads_it(command):
    assert advice(command) == ""
    subprocess.run(["sh", "-n", "-c", f"exec {command}"], check=True)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("flask backup; flask clean", "and ; is for several; write sh -c '…' around all of it"),
        ("flask backup && flask clean", "and && is for"),
        ("celery worker &", "and & is for"),
        ("celery worker &> log", "and & is for"),
        ("celery worker | logger", "and | is for"),
        ("( celery worker )", "and ( is for"),
        ("celery#1; b", "and ; is for"),
        ("echo 'a", "it has a ' without an end"),
        ('echo "a', 'it has a " without an end'),
        ("echo `a", "it has a ` without an end"),
        ("echo \\", "it has a \\ without an end"),
        ("MODE=live flask clean", "begin with env, as in env MODE=live flask clean"),
    ],
)
def test_what_the_shell_would_not_do_as_it_is_written_is_refused(command, says):
    assert says in advice(command)


def test_nothing_after_the_program_would_run():
    """The reason for it all."""
    done = subprocess.run(["sh", "-c", "exec echo one; echo two"], check=True, capture_output=True, text=True)
    assert done.stdout == "one\n"
