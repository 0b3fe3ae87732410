# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs that a host keeps between runs, so that a run sends what it asks and not the code that answers.

ansible-core packs a module and everything that it imports for each task, and Python on the host compiles all of it each time. A kept
program lies where root alone writes, in a directory that is named after its contents, and Python keeps what it has compiled beside it.
"""

from __future__ import annotations

import io
import os
import secrets
import shutil
import zipfile

from .files import fsync, names_in, sync_filesystem

ROOT = "/var/lib/flaskops/programs"
# The line of a program's output that has its answer begins so. Shells, sudo and ssh may print lines of their own.
ANSWER = "flaskops.stack answers "
# The line that a program prints when it has read what it is asked.
BEGUN = "flaskops.stack begins"


def place_of(name: str, root: str = ROOT) -> str:
    """Return the path that Python is to run for a program."""
    return os.path.join(root, name)


def keep(name: str, packed: bytes, root: str = ROOT) -> None:
    """Keep a program, and remove those of other versions of the collection. Where nothing can be written, the next run sends it again.

    :param packed: its archive
    """
    # A killed run leaves such a directory, and the next program that is kept removes it.
    partial = os.path.join(root, f".{name}.{secrets.token_hex(8)}")
    try:
        for directory in (os.path.dirname(root), root):
            os.makedirs(directory, 0o700, exist_ok=True)
        os.mkdir(partial, 0o700)
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            archive.extractall(partial)
        # After a loss of power, empty files would begin and crash.
        sync_filesystem(partial)
        for other in names_in(root):
            if os.path.join(root, other) != partial:
                shutil.rmtree(os.path.join(root, other), ignore_errors=True)
        os.rename(partial, place_of(name, root))
        fsync(root)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)
