# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run git on a repository of the controller, without what hooks and the user's configuration would change."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
import typing as t
from collections.abc import Iterator
from pathlib import Path

# Set in hooks of git (git-rev-parse(1), --local-env-vars); they would name another repository than the one that is meant.
_LOCAL_TO_A_REPOSITORY = {
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
}
# These settings of a user would change the files of a commit. Files of Git LFS are fetched and put into their places by git_lfs.py.
PLAIN = (
    *("-c", "core.autocrlf=false", "-c", "core.eol=lf", "-c", "core.attributesFile=/dev/null"),
    *("-c", "filter.lfs.smudge=", "-c", "filter.lfs.process=", "-c", "filter.lfs.required=false"),
)


# git knows no more than this where ssh has failed, whose own words come before.
_SSH_FAILED = "Could not read from remote repository"
# Words of git and ssh, and what to do; the first row that fits counts.
_REMEDIES = (
    (
        r"Permission denied \(",
        "give the user who runs Ansible a key of the repository (`ssh-add -L` lists those of its agent), or write an https address",
    ),
    (r"Host key verification failed", "add the server to known_hosts of the user who runs Ansible, as by connecting to it once with ssh"),
    (
        r"terminal prompts disabled|could not read (Username|Password)|Authentication failed",
        "write a token from a vault into the address, or use ssh",
    ),
    (
        r"dubious ownership in repository at '(?P<path>[^']+)'",
        "run `git config --global --add safe.directory {path}` as the user who runs Ansible, or give that user the directory",
    ),
    (
        r"SSL certificate problem|certificate verif",
        "have git trust the authority of the server, as by `git config --global http.sslCAInfo FILE` on the controller",
    ),
    (r"Could not resolve host", "correct the name of the server, or mend the DNS of the controller"),
)
_OTHER_REMEDY = "check the URL, the version and the controller's access to it"


def git_words(error: subprocess.CalledProcessError) -> str:
    """Return what git says is wrong: its first complaint, without the advice that follows."""
    lines = error.stderr.decode(errors="replace").strip().splitlines()
    complaints = [line for line in lines if line.startswith(("fatal:", "error:", "remote: "))]
    first = (complaints or lines or ["there is no such branch, tag or commit"])[0]
    before = [line for line in lines[: lines.index(first)] if line.strip()] if _SSH_FAILED in first else []
    return before[-1].strip() if before else first


def git_remedy(words: str) -> str:
    """Return what to do about what git says is wrong."""
    for pattern, remedy in _REMEDIES:
        if found := re.search(pattern, words):
            return remedy.format_map(found.groupdict())
    return _OTHER_REMEDY


def _environment(url_of_user: bool = True) -> dict[str, str]:
    # No prompt: a run must not wait for a password that nobody is there to type.
    inherited = {name: value for name, value in os.environ.items() if name not in _LOCAL_TO_A_REPOSITORY}
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")}
    # See protocol.allow in git-config(1); git does so for submodules.
    return {**inherited, **quiet, **({} if url_of_user else {"GIT_PROTOCOL_FROM_USER": "0"})}


def git(repository: Path, *arguments: str, given: bytes | None = None, url_of_user: bool = True) -> bytes:
    """Run git in a repository and return what it prints.

    :param given: what git reads from its standard input
    :param url_of_user: whether the user wrote the URL, and not a repository, whose author may not read directories of the controller
    :raises subprocess.CalledProcessError: with git's own words in ``stderr``
    """
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, capture_output=True, env=_environment(url_of_user), input=given).stdout


@contextlib.contextmanager
def git_stream(repository: Path, *arguments: str) -> Iterator[tuple[t.IO[bytes], t.Callable[[], str]]]:
    """Run git in a repository, and yield what it prints as a file, and a function that waits for its end and returns why it failed."""
    command = ["git", "-C", str(repository), *arguments]
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=_environment()) as process,
    ):
        output = t.cast("t.IO[bytes]", process.stdout)

        def ended() -> str:
            output.read()  # a tar ends before the blocks that fill it up
            if process.wait() == 0:
                return ""
            errors.seek(0)
            return git_words(subprocess.CalledProcessError(process.returncode, command, stderr=errors.read()))

        yield output, ended
