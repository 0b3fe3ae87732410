# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lines of an instance's log that a message shows."""

from __future__ import annotations

from ansible_collections.flaskops.stack.plugins.module_utils.instance.log_excerpt import telling_lines

# As uWSGI 2.0.30 wrote it on Debian 13.
START = """\
*** Starting uWSGI 2.0.30 (64bit) on [Sat Nov 28 18:17:37 2026] ***
compiled with version: 14.2.1 20250110 (Red Hat 14.2.1-10) on 24 February 2026 19:10:36
os: Linux-6.18.44 #1 SMP PREEMPT_DYNAMIC @0
nodename: web1
machine: x86_64
clock source: unix
pcre jit disabled
detected number of CPU cores: 2
current working directory: /
detected binary path: /srv/flask/shop/venvs/faf6724ceb4f/bin/python
chdir() to /srv/flask/shop/releases/1b4c62dfb367
your processes number limit is 96365
your memory page size is 4096 bytes
detected max file descriptor number: 20000
lock engine: pthread robust mutexes
thunder lock: disabled (you can enable it with --thunder-lock)
uwsgi socket 0 bound to UNIX address /run/flask/shop/own/c1afa6817261.sock fd 4
Python version: 3.13.5 (main, Aug 10 2026, 12:06:59) [GCC 14.2.0]
--- Python VM already initialized ---
Python main interpreter initialized at 0xa84590
python threads support enabled
your server socket listen backlog is limited to 1024 connections
your mercy for graceful operations on workers is 10 seconds
mapped 667818 bytes (652 KB) for 4 cores
*** Operational MODE: preforking+threaded ***""".splitlines()
FAILURE = [
    "Traceback (most recent call last):",
    '  File "app.py", line 3, in <module>',
    "    k=os.environ['SHOP_KEY']",
    "KeyError: 'SHOP_KEY'",
    "unable to load app 0 (mountpoint='') (callable not found or import error)",
]
END = [
    "*** no app loaded. GAME OVER ***",
    "VACUUM: unix socket /run/flask/shop/own/c1afa6817261.sock removed.",
    "unlink(): No such file or directory [core/uwsgi.c line 1668]",
]


def test_only_the_words_of_the_application_are_shown():
    assert telling_lines([*START, *FAILURE, *END]) == FAILURE


def test_a_log_of_nothing_but_routine_is_shown_in_part():
    assert telling_lines(START) == START[-15:]
    assert telling_lines([]) == []


def test_a_traceback_that_comes_again_and_again_is_shown_once():
    asked = [*FAILURE[:4], "GET / 500 1 ms app=shop worker=1 request=-"]
    assert telling_lines([*START, *asked, *asked, *asked]) == asked


def test_a_line_that_comes_again_with_other_numbers_is_shown_once():
    log = [line for worker in (1, 2, 1) for line in ("TypeError: 'int' object is not callable", f"GET / 500 0 ms worker={worker}")]
    assert telling_lines(log) == log[-2:]


def test_the_exceptions_of_a_chain_stay_together():
    chain = [
        *FAILURE[:4],
        "",
        "During handling of the above exception, another exception occurred:",
        "",
        *FAILURE[:3],
        "RuntimeError: no key",
    ]
    assert telling_lines(chain)[0] == FAILURE[0]
    assert "KeyError: 'SHOP_KEY'" in telling_lines(chain)


def test_no_more_than_a_screen_of_lines_is_shown():
    assert telling_lines([f"word {'x' * number}" for number in range(100)]) == [f"word {'x' * number}" for number in range(85, 100)]


def test_the_exception_that_led_to_a_long_traceback_is_told():
    # As privacyIDEA 3.13 failed with the logging of Python 3.13.
    refused = "OSError: [Errno 30] Read-only file system: '/srv/flask/otp/releases/93da9a5c115b/privacyidea.log'"
    frames = [
        line for number in range(9) for line in (f'  File "/usr/lib/python3.13/logging/config.py", line {number}, in configure', "    x()")
    ]
    chain = [
        FAILURE[0],
        *frames,
        refused,
        "",
        "The above exception was the direct cause of the following exception:",
        "",
        FAILURE[0],
        *frames,
    ]
    told = telling_lines([*START, *chain, "ValueError: Unable to configure handler 'file'", *END])
    assert told[0] == refused
    assert told[-1] == "ValueError: Unable to configure handler 'file'"
    assert len(told) == 16
