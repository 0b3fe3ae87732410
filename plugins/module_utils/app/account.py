# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The system users and directories of applications, by sysusers.d(5), tmpfiles.d(5) and systemd.mount(5)."""

from __future__ import annotations

import grp
import os
import pwd
import typing as t

from ..host.causes import known_cause, with_cause
from ..host.command import CommandError, run
from ..host.files import is_directory, names_in, read_text, write_atomically
from ..host.known_causes import ACCOUNT
from ..host.managed import HEADER
from . import run_mount, user
from .layout import Layout, directories_above, key_of_own
from .orders import AccountApp

_ROOT = 0
# Directories of other places belong to whoever made them; systemd creates those that are missing.
_OUR_PARENTS = ("/srv/flask", "/etc/flask", "/run/flask")


class Directory(t.NamedTuple):
    """A directory as tmpfiles.d declares it."""

    path: str
    mode: int
    user: str
    group: str

    def line(self) -> str:
        return f"d {self.path} {self.mode:04o} {self.user} {self.group} -\n"

    def is_right(self) -> bool:
        """Return whether the host has the directory with the declared owner, group and mode."""
        try:
            owner, group = pwd.getpwnam(self.user).pw_uid, grp.getgrnam(self.group).gr_gid
        except KeyError:
            return False
        return is_directory(self.path, self.mode, owner, group)


def directories(app: AccountApp) -> list[Directory]:
    """Return the directories of an application, parents first.

    Code and configuration belong to root and are readable by the application's group alone; ``public`` is for the web server, which
    may pass through its parent and see nothing else there. The directory in which instances make their sockets has the set-group-ID bit,
    so that a socket made by the application's user belongs to the web server's group (inode(7)).
    """
    owner, web_group, places = app["user"], app["web_group"], Layout(app)
    parents = dict.fromkeys(os.path.dirname(path) for path in (places.root, places.config_dir, places.run_dir))
    return [
        *(Directory(path, 0o755, "root", "root") for path in parents if path in _OUR_PARENTS),
        Directory(places.root, 0o751, "root", owner),
        Directory(places.releases, 0o750, "root", owner),
        Directory(places.virtualenvs, 0o750, "root", owner),
        Directory(places.shared, 0o750, owner, owner),
        Directory(places.public, 0o750, "root", web_group),
        Directory(places.config_dir, 0o750, "root", owner),
        Directory(places.run_dir, 0o751, "root", web_group),
        Directory(places.own_dir, 0o2750, owner, web_group),
        *(Directory(path, 0o750, owner, owner) for path in app["own_dirs"]),
    ]


def declarations(app: AccountApp) -> dict[str, str]:
    """Return the texts of the files that declare the user and the directories of an application, by path."""
    places = Layout(app)
    sysusers = f'{HEADER}u {app["user"]} - "{user.description(app["name"])}" {places.shared} /usr/sbin/nologin\n'
    tmpfiles = HEADER + "".join(directory.line() for directory in directories(app))
    return {places.sysusers: sysusers, places.tmpfiles: tmpfiles, places.mount_file: run_mount.text(places)}


class Lacking(t.NamedTuple):
    """The parts of accounts that a host lacks: the texts of declaring files by path, and the directories that are not as declared."""

    files: dict[str, str]
    directories: list[str]


def pending(apps: t.Sequence[AccountApp]) -> Lacking:
    """Return what the host lacks of accounts.

    :raises OSError: if that cannot be read
    """
    files: dict[str, str] = {}
    wrong: list[str] = []
    for app in apps:
        files.update({path: text for path, text in declarations(app).items() if read_text(path) != text})
        wrong += [directory.path for directory in directories(app) if not directory.is_right()]
    return Lacking(files, sorted(set(wrong)))


def look(apps: t.Sequence[AccountApp]) -> tuple[list[str], dict[str, str]]:
    """Return the paths that the host lacks of accounts, and messages by application where that cannot be read."""
    lacking, failures = _each(apps, lambda _app: "")
    return _paths(lacking.values()), failures


def _each(apps: t.Sequence[AccountApp], problem_of: t.Callable[[AccountApp], str]) -> tuple[dict[str, Lacking], dict[str, str]]:
    """Return by application what the host lacks of its account, or a message: one that cannot be looked at costs no other its account."""
    lacking: dict[str, Lacking] = {}
    failures: dict[str, str] = {}
    for app in apps:
        name = app["name"]
        try:
            problem = problem_of(app)
            lacking |= {} if problem else {name: pending([app])}
        except OSError as error:
            problem = f"{name}: what the host has of its user and its directories cannot be read: {error}"
        failures |= {name: problem} if problem else {}
    return lacking, failures


def _paths(lacking: t.Collection[Lacking]) -> list[str]:
    return [
        *sorted(path for each in lacking for path in each.files),
        *sorted({path for each in lacking for path in each.directories}),
    ]


class Ensured(t.NamedTuple):
    """Declarations and directories that were not as they should be, the declarations before and after, and messages by application."""

    paths: list[str]
    diff: list[dict[str, str]]
    failures: dict[str, str]


def ensure(apps: t.Sequence[AccountApp], check: bool) -> Ensured:
    """Have systemd make the users and directories of applications that the host lacks; one that cannot have them stops no other.

    :param check: whether only to report what would be made
    """
    lacking, failures = _each(apps, lambda app: _problem_of_root(app) or _problem_of_own_dirs(app))
    fine = [app for app in apps if app["name"] in lacking]
    before = {path: read_text(path) or "" for each in lacking.values() for path in each.files}
    if any(each.files or each.directories for each in lacking.values()) and not check:
        failures |= _make(fine)
    made = [lacking[app["name"]] for app in fine if app["name"] not in failures]
    texts = {path: text for each in made for path, text in each.files.items()}
    diff = [{"before": before[path], "after": text, "before_header": path, "after_header": path} for path, text in sorted(texts.items())]
    return Ensured(_paths(made), diff, failures)


def _make(apps: t.Sequence[AccountApp]) -> dict[str, str]:
    """Make what applications lack, all in one go; where that fails, one after the other. Return messages by application."""
    try:
        apply(pending(apps).files, apps, run)
    except (CommandError, OSError) as error:
        if len(apps) == 1:
            cause = known_cause(error.lines if isinstance(error, CommandError) else [str(error)], ACCOUNT)
            told = with_cause(cause, f"its user and its directories cannot be made: {error}")
            return {app["name"]: f"{app['name']}: {told}" for app in apps}
        return {name: problem for app in apps for name, problem in _make([app]).items()}
    return {}


def _problem_of_root(app: AccountApp) -> str:
    """Return what is wrong with a root, empty if it is ours already, or has nothing in it but what we would make.

    The owner and the mode of a root are changed, so one with files of somebody else is refused with the name of such a file.
    """
    places = Layout(app)
    if os.path.isdir(places.releases):
        return ""
    ours = {*places.made_here(), places.shared}
    there = [f"{places.root}/{name}" for name in names_in(places.root)]
    foreign = [path for path in there if path not in ours and not any(f"{code}/".startswith(f"{path}/") for code in app["prebuilt"])]
    if not foreign:
        return ""
    return f"{app['name']}.root: {places.root} has files of somebody else, such as {foreign[0]}; name a directory that is not there yet."


def _problem_of_own_dirs(app: AccountApp) -> str:
    """Return what is wrong with the directories in /var, empty if each is the application's already or not there.

    The owner of such a directory is changed, so one of somebody else is refused. systemd makes those above it, as root's.
    """
    for path in app["own_dirs"]:
        for above in directories_above(path):
            if os.path.lexists(above) and (os.path.islink(above) or os.lstat(above).st_uid != _ROOT):
                return f"{app['name']}.{key_of_own(path)}: {path} is in {above}, which belongs to somebody else; name another directory."
        try:
            owner = os.lstat(path).st_uid
        except FileNotFoundError:
            continue
        if not user.is_of(app["user"], app["name"], owner):
            return (
                f"{app['name']}.{key_of_own(path)}: {path} belongs to somebody else; name a directory that is not there yet, or give this one to"
                f" the user {app['user']} and write it to sandbox.write."
            )
    return ""


def apply(files: t.Mapping[str, str], apps: t.Sequence[AccountApp], run: t.Callable[[list[str]], object]) -> None:
    """Write the declarations and have systemd carry them out.

    :param run: runs a command, raising on failure
    """
    for path, text in files.items():
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        write_atomically(path, text, 0o644)
    for app in apps:
        user.add_with_new_number(app["user"], app["name"], Layout(app).shared)
    run(["systemd-sysusers", *[Layout(app).sysusers for app in apps]])
    run_mount.start([Layout(app) for app in apps])
    run(["systemd-tmpfiles", "--create", *[Layout(app).tmpfiles for app in apps]])
