# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What tests play an application's user with that means harm."""

from __future__ import annotations

import concurrent.futures
import os
import threading
import typing as t

import pytest

# A user without files of his own; he has no account on the machine that runs the tests.
STRANGER = 54321
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")

Result = t.TypeVar("Result")


def in_time(work: t.Callable[[], Result], seconds: float = 10) -> Result:
    """Return or raise what a call does; fail where it waits for somebody."""
    future: concurrent.futures.Future[Result] = concurrent.futures.Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    # The thread of a call that waits for ever does not keep the tests from ending.
    threading.Thread(target=run, daemon=True).start()
    try:
        return future.result(seconds)
    except concurrent.futures.TimeoutError:
        pytest.fail(f"no answer after {seconds} s")
