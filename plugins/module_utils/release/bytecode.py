# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bytecode of a release: its own interpreter makes it in a cage and prints it, and root writes what is printed beside the sources.

So nothing in the tree of a release ever belongs to somebody else than root, where no other command has to write to it.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import errno
import itertools
import os
import typing as t

from ..host.command import CommandError
from ..host.output import MOST_BYTES
from ..host.trees import ABSENT, DIRECTORY, opened, others
from .workshop import Workshop

# A program that works in the tree. Its arguments are the final path of the tree, for tracebacks, and how many bytes it may print.
# The bytecode is hash-based and not checked (PEP 552), since an immutable tree needs no check of its sources.
_COMPILE = r"""
import base64, importlib.util, marshal, os, sys

final, left = sys.argv[1], int(sys.argv[2])
for directory, below, files in os.walk("."):
    below[:] = [name for name in below if name != "__pycache__"]
    for name in sorted(files):
        path = os.path.normpath(os.path.join(directory, name))
        try:
            if not name.endswith(".py"):
                continue
            with open(path, "rb") as file:
                source = file.read()
            code = marshal.dumps(compile(source, os.path.join(final, path), "exec", dont_inherit=True))
            header = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(source)
            made = [os.fsencode(path), os.fsencode(os.path.basename(importlib.util.cache_from_source(path))), header + code]
            line = b" ".join(map(base64.b64encode, made)) + b"\n"
        except Exception:
            continue
        left -= len(line)
        if left < 0:
            sys.exit()
        sys.stdout.buffer.write(line)
"""


# unlink(2) fails with one of these where no file of the name can be: the name is too long, or a directory has it.
_IMPOSSIBLE = (errno.ENAMETOOLONG, errno.EISDIR)


class Bytecode(t.NamedTuple):
    """The bytecode of a source: its place in the tree, the name of the file for it, and its content."""

    directory: str
    source: str
    name: str
    content: bytes


def compile_tree(workshop: Workshop, python: str, tree: str, final: str) -> None:
    """Put the bytecode of each Python file into a tree of root's.

    A file that is of another version of Python, and a tree that cannot be compiled, start more slowly and are no reason to stop.

    :param python: the interpreter of the virtualenv
    :param final: the path that tracebacks name, which the tree gets later
    """
    # Half of what a command may print, since its standard error counts as well.
    command = [python, "-I", "-S", "-W", "ignore", "-c", _COMPILE, final, str(MOST_BYTES // 2)]
    with contextlib.suppress(CommandError):
        printed = workshop._replace(directory=tree).run(command)
        # Each directory once, in whatever order its files are printed: to look into a large one takes time.
        ordered = sorted(_understood(printed), key=lambda made: made.directory)
        with opened(tree, DIRECTORY) as top:
            for directory, files in itertools.groupby(ordered, lambda made: made.directory):
                _write(top, directory, files)


def _understood(printed: str) -> t.Iterator[Bytecode]:
    """Yield the bytecode in what the command has printed, of each source once. The application's packages may print there as well."""
    seen = set()
    for line in printed.splitlines():
        try:
            path, name, content = [base64.b64decode(word, validate=True) for word in line.split(" ")]
        except (ValueError, binascii.Error):
            continue
        directory, source = os.path.split(os.fsdecode(path))
        made = Bytecode(directory, source, os.fsdecode(name), content)
        if path not in seen and _is_that_of_its_source(made):
            seen.add(path)
            yield made


def _is_that_of_its_source(made: Bytecode) -> bool:
    """Return whether the file has the name of bytecode of its source, as ``a.cpython-313.pyc`` of ``a.py`` (PEP 3147)."""
    stem, suffix = os.path.splitext(made.source)
    named = suffix == ".py" and made.name.startswith(f"{stem}.") and made.name.endswith(".pyc")
    return named and "/" not in made.name and "\0" not in made.name + made.directory


def _write(top: int, directory: str, files: t.Iterable[Bytecode]) -> None:
    """Write bytecode beside its sources, unless they are in no directory of the tree's own."""
    with contextlib.ExitStack() as stack:
        try:
            place = top
            for name in directory.split("/") if directory else []:
                if name in ("", ".", ".."):
                    return
                place = stack.enter_context(opened(name, DIRECTORY, place))
            with contextlib.suppress(FileExistsError):
                os.mkdir("__pycache__", 0o755, dir_fd=place)
            cache = stack.enter_context(opened("__pycache__", DIRECTORY, place))
        except OSError as error:
            if error.errno not in (*ABSENT, errno.ENAMETOOLONG):
                raise
            return
        there = set(others(place))
        for made in files:
            if made.source in there:
                _replace(made, cache)


def _replace(made: Bytecode, cache: int) -> None:
    """Write a file of bytecode anew, also where the source was shipped with one.

    The name of the file is longer than that of its source, and may be too long for the file system.
    """
    try:
        os.unlink(made.name, dir_fd=cache)
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno in _IMPOSSIBLE:
            return
        raise
    descriptor = os.open(made.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=cache)
    with open(descriptor, "wb") as file:
        file.write(made.content)
