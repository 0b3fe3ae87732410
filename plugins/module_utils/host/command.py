# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a program to its end and keep what it said. Everything here that starts a program does it through :func:`run`."""

from __future__ import annotations

import os
import shutil
import subprocess
import typing as t

from .output import MOST_BYTES, TooMuchOutputError, collect

# For programs that end with any status, when each of them is an answer or none is of interest.
ANY_STATUS = range(-255, 256)
# So many of the last lines that a failed program wrote are in the message, which has 20 lines with its cause.
LINES_SHOWN = 15


class CommandError(Exception):
    """A program could not be started or failed; the message has the command, its exit status and the program's last words.

    :param lines: all that the program wrote, as lines
    """

    def __init__(self, message: str, lines: t.Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message, self.lines = message, lines


class TimedOutError(CommandError):
    """A program has not ended in time and was killed."""


class TooMuchWrittenError(CommandError):
    """A program wrote without an end and was killed."""


class CommandResult(t.NamedTuple):
    """The exit status of a program, negative for a signal, and the texts that it wrote to its two outputs."""

    status: int
    output: str = ""
    errors: str = ""

    @property
    def lines(self) -> list[str]:
        """Return the lines that are not empty, those of standard output first."""
        return [line.rstrip() for line in f"{self.output}\n{self.errors}".splitlines() if line.strip()]

    def require(self, argv: t.Sequence[str], accepted: t.Container[int]) -> CommandResult:
        """Return the result itself if its status is accepted.

        :raises CommandError: if it is not
        """
        if self.status in accepted:
            return self
        raise self.failure(argv)

    def failure(self, argv: t.Sequence[str]) -> CommandError:
        """Return the error of a program that has failed, with its last words."""
        # A complaint goes on in the same line; a transcript, as of a build, begins with a line of its own.
        complaint, transcript = _last_lines(self.errors), _last_lines(self.output)
        words = f": {complaint}" if complaint else f":\n{transcript}" if transcript else " and said nothing"
        return CommandError(f"'{' '.join(argv)}' ended with {self.status}{words}", self.lines)


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-LINES_SHOWN:])


class Runner(t.Protocol):
    """A function like :func:`run`; tests bring their own."""

    def __call__(self, argv: t.Sequence[str], accepted: t.Container[int] = ..., together: bool = ...) -> CommandResult: ...


def run(
    argv: t.Sequence[str],
    accepted: t.Container[int] = (0,),
    together: bool = False,
    env: t.Mapping[str, str] | None = None,
    timeout: float | None = None,
    shown: t.Sequence[str] = (),
    **options: t.Any,
) -> CommandResult:
    """Run a program to its end. It reads nothing. A module's own ``run_command`` would keep all that it writes, without an upper limit.

    :param accepted: exit statuses that are no failure; :data:`ANY_STATUS` for all of them
    :param together: whether what goes to standard error is in ``output`` too, in the order in which the program wrote it
    :param env: the whole environment; without it that of this process, in the C locale, so that words can be parsed and shown
    :param timeout: seconds that it has; without it, as long as it takes
    :param shown: what messages call the program, without all of its arguments
    :param options: further options of :class:`subprocess.Popen`, such as ``user`` and ``cwd``
    :raises CommandError: if it cannot be started, does not end in time, writes without an end, or ends with another status
    """
    try:
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function
            argv,
            env=in_locale(os.environ, "C") if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if together else subprocess.PIPE,
            **options,
        )
    except OSError as error:
        where = "" if error.filename in (None, argv[0]) else f" ({error.filename})"
        raise CommandError(f"cannot run {argv[0]}: {error.strerror}{where}") from error
    with process:
        try:
            output, *errors = [_text(written) for written in collect(process, timeout)]
        except (TimeoutError, TooMuchOutputError) as error:
            raise _cut_short(shown or argv, error, timeout) from error
        finally:
            # It has ended unless one of these errors, or an interruption, cut it short.
            process.kill()
    return CommandResult(process.returncode, output, "".join(errors)).require(shown or argv, accepted)


def _cut_short(argv: t.Sequence[str], error: Exception, timeout: float | None) -> CommandError:
    if isinstance(error, TimeoutError):
        return TimedOutError(f"'{' '.join(argv)}' has not ended within {timeout:g} s and was killed")
    return TooMuchWrittenError(f"'{' '.join(argv)}' wrote more than {MOST_BYTES // 2**20} MB and was killed")


def _text(written: bytes) -> str:
    """Return what was written as lines, each with one line feed at its end."""
    return written.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")


def in_locale(env: t.Mapping[str, str], locale: str) -> dict[str, str]:
    """Return an environment whose programs speak English, whatever the user's language.

    :param locale: ``C``, or ``C.UTF-8`` for programs that would take the encoding of files from it
    """
    return {**env, "LC_ALL": locale, "LANGUAGE": ""}


def find_program(name: str) -> str | None:
    """Return the path of a program, also from the directories of root's programs, ``None`` if it is not installed."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin")
