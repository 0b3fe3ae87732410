# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of a release that outlive it: links into ``shared/``, where the application writes, with their first contents from the release.

Root makes the links in trees that are its own. Whatever is made in ``shared/`` is made by the application's user, in a unit that can write
there alone: a running application may put anything in the place of what is looked for.
"""

from __future__ import annotations

import contextlib
import os
import stat
import typing as t

from ..app.commands import cage
from ..app.layout import AppRoot
from ..app.orders import ReleaseOrder
from ..host.installers import environment
from ..host.trees import DIRECTORY, opened, remove
from .store import BuildError

# Flask finds the instance folder of a package in a virtualenv below this directory of it (flask.Flask.auto_find_instance_path).
_OF_VIRTUALENVS = "var"
# Arguments are pairs: where the release has the first contents, and the path below shared/. `mv -n` leaves what somebody else made meanwhile.
_MAKE = """
while [ $# -gt 0 ]; do
  from=$1 to=$2; shift 2
  mkdir -p -- "$(dirname -- "$to")"
  [ -e "$to" ] || [ -L "$to" ] && continue
  case $from in
    file) continue ;;
    directory) mkdir -p -- "$to"; continue ;;
  esac
  made=$(mktemp -d -- "$(dirname -- "$to")/.flaskops.XXXXXX")
  cp -dR --preserve=mode,timestamps,links -- "$from" "$made/new"
  chmod -R u+w -- "$made/new"
  mv -n -T -- "$made/new" "$to"
  rm -rf -- "$made"
done
"""


class _Shared(t.NamedTuple):
    """A path that is shared: in the release and below ``shared/``, and whether it is a directory where neither has it yet."""

    path: str
    is_directory: bool


def share(app: ReleaseOrder, tree: str) -> None:
    """Put links into ``shared/`` into the place of the shared paths of a release, and keep what the release has there as first contents.

    :param tree: the tree of the release, which belongs to root
    :raises BuildError: for a path that cannot be shared
    """
    wanted = [_wanted(path) for path in app["release"]["shared_paths"]]
    instance = app["release"]["instance_path"]
    if instance and _is_free(tree, instance, wanted):
        wanted.append(_Shared(instance, True))
    for shared in wanted:
        _check_parents(tree, shared.path)
    _make_missing(app, [(_first_contents(tree, shared), shared.path) for shared in wanted])
    for shared in wanted:
        # Again, since a link that was made just now would lead root into shared/.
        _check_parents(tree, shared.path)
        place = f"{tree}/{shared.path}"
        os.makedirs(os.path.dirname(place), mode=0o755, exist_ok=True)
        remove(place)
        os.symlink(_relative(app, tree, shared.path), place)


def share_of_virtualenv(app: ReleaseOrder, venv: str) -> None:
    """Put a link into ``shared/`` into a virtualenv, where Flask makes the instance folders of packages in it."""
    if not os.path.lexists(f"{venv}/{_OF_VIRTUALENVS}"):
        _make_missing(app, [("directory", _OF_VIRTUALENVS)])
        os.symlink(_relative(app, venv, _OF_VIRTUALENVS), f"{venv}/{_OF_VIRTUALENVS}")


def _wanted(path: str) -> _Shared:
    normal = os.path.normpath(path)
    return _Shared(normal, path.endswith("/") or "." not in os.path.basename(normal))


def _relative(app: ReleaseOrder, tree: str, path: str) -> str:
    """Return the target of a link; the tree has its final place at the same depth."""
    return os.path.relpath(f"{AppRoot(app['root']).shared}/{path}", os.path.dirname(f"{tree}/{path}"))


def _is_free(tree: str, path: str, wanted: t.Sequence[_Shared]) -> bool:
    """Return whether a release has room for a link at the path of Flask's instance folder.

    A release that has an instance folder of its own keeps it, unless the description shares it: it may hold configuration. Below a shared
    path the application makes the folder itself, and behind a link of the release Flask looks for it in another place.
    """
    if any(f"{path}/".startswith(f"{shared.path}/") for shared in wanted):
        return False
    return not os.path.lexists(f"{tree}/{path}") and not _no_directory_above(tree, path)


def _check_parents(tree: str, path: str) -> None:
    """Require that no directory above a shared path is a link or a file."""
    above = _no_directory_above(tree, path)
    if above:
        raise BuildError(f"shared_paths: '{path}' cannot be shared, since '{above}' of the release is no directory; name what it leads to")


def _no_directory_above(tree: str, path: str) -> str:
    """Return what is above a path and is a link or a file instead of a directory, empty if nothing is."""
    parts = path.split("/")[:-1]
    for above in ("/".join(parts[:count]) for count in range(1, len(parts) + 1)):
        try:
            if not stat.S_ISDIR(os.lstat(f"{tree}/{above}").st_mode):
                return above
        except FileNotFoundError:
            return ""
    return ""


def _first_contents(tree: str, shared: _Shared) -> str:
    """Return where the first contents of a path are, or the kind of it where the release has none."""
    if os.path.lexists(f"{tree}/{shared.path}"):
        return f"{tree}/{shared.path}"
    return "directory" if shared.is_directory else "file"


def _make_missing(app: ReleaseOrder, wanted: t.Sequence[tuple[str, str]]) -> None:
    """Have the application's user make what ``shared/`` lacks."""
    shared = AppRoot(app["root"]).shared
    missing = [(first, path) for first, path in wanted if _is_missing(shared, path)]
    if missing:
        arguments = [word for first, path in missing for word in (first, f"{shared}/{path}")]
        # Its own sandbox: one of a build hides shared/, and nothing of the release runs here.
        narrow = cage(app, "build")._replace(properties=("ProtectSystem=strict", f"ReadWritePaths={shared}", *_NARROW))
        narrow.run(["/bin/sh", "-euc", _MAKE, "sh", *arguments], shared, environment(shared))


_NARROW = ("NoNewPrivileges=true", "PrivateNetwork=true", "PrivateDevices=true", "ProtectHome=true", "CapabilityBoundingSet=")


def _is_missing(shared: str, path: str) -> bool:
    """Return whether a path below ``shared/`` is not there. It is looked for by descriptors, and not behind links of the application."""
    *above, name = path.split("/")
    with contextlib.ExitStack() as stack:
        try:
            here = stack.enter_context(opened(shared, DIRECTORY))
            for part in above:
                here = stack.enter_context(opened(part, DIRECTORY, here))
            os.stat(name, dir_fd=here, follow_symlinks=False)
        except FileNotFoundError:
            return True
        except OSError:
            return False  # the application has a link or a file there, and keeps it
    return False
