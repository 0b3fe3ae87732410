# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The commands that take the place of an old server off, and those that put it back."""

from __future__ import annotations

import re
import shlex
import typing as t

from .describe import Adopted

# Files that are moved away, and what the way back needs.
KEPT = "/var/backups/flaskops-adopted"
# Both scripts run as root in directories whose owners may put links there meanwhile. So a script enters each directory and makes sure that
# no link has led elsewhere. From then on it uses names relative to that directory, wherever it is moved to.
_PINNED = """\
enter() { # DIRECTORY PATH: go into a directory below another one, whose own path may have links that root has made
  cd -P "$1"
  wanted=$(pwd -P)
  if [ "$wanted" = / ]; then wanted=; fi
  cd -P "./$2"
  if [ "$(pwd -P)" != "$wanted/$2" ]; then echo "$1/$2 leads elsewhere by a link; copy the data in it by hand" >&2; exit 1; fi
}
transfer() { # FROM TO [OWNER]: what is there by the first name, from the directory that is open as 8 to the one that is open as 9
  new=$(mktemp -d "/proc/self/fd/9/.flaskops.XXXXXX")
  around=$(cd -P /proc/self/fd/9 && pwd -P)
  cd -P "$new"
  if [ "$(pwd -P) $(stat -c %u:%a .)" != "$around/${new##*/} $(id -u):700" ]; then echo "$2 is being changed by somebody else; run again" >&2; exit 1; fi
  # tar ends with 1 for a file that was written to meanwhile.
  { tar -C /proc/self/fd/8 --numeric-owner -Scf - "./$1" || [ $? -eq 1 ] || : >.failed; } | tar --numeric-owner -xpf -
  if [ -e .failed ] || [ ! -e "./$1" ]; then echo "$1 could not be copied" >&2; exit 1; fi
  if [ -n "${3-}" ]; then chown -R -P "$3" "./$1"; fi
  there=/proc/self/fd/9/$2
  if [ -L "$there" ] || { [ -e "$there" ] && ! rmdir "$there" 2>/dev/null; }; then mv -T "$there" "$kept/${new##*.}.${2}"; fi
  mv -T "./$1" "$there"
  rmdir "/proc/self/fd/9/${new##*/}"
}
"""
_OVER = f"""\
#!/bin/sh
# Written by flaskops.stack.adopt. Run as root on the host, right before the playbook flaskops.stack.site.
set -eu
kept={KEPT}
install -d -m 0700 "$kept"
away() {{ # FILE: out of the sight of nginx or of what starts servers
  if [ -e "$1" ] || [ -L "$1" ]; then mkdir -p "$kept$(dirname "$1")"; mv -T "$1" "$kept$1"; fi
}}
{_PINNED}take() {{ # OLD ROOT SHARED: data, for a database with the files beside it
  (
    mkdir -p "$2/$(dirname "$3")"
    enter "$2" "$(dirname "$3")"; exec 9<.
    enter / "$(dirname "${{1#/}}")"; exec 8<.
    for end in '' -wal -shm -journal; do
      if [ -e "./$(basename "$1")$end" ]; then (transfer "$(basename "$1")$end" "$(basename "$3")$end"); fi
    done
  )
}}
"""
_BACK = f"""\
#!/bin/sh
# Written by flaskops.stack.adopt. Run as root on the host, after a run of flaskops.stack.site with the applications absent.
set -eu
kept={KEPT}
put_back() {{ # FILE
  if [ -e "$kept$1" ] || [ -L "$kept$1" ]; then mv -T "$kept$1" "$1"; fi
}}
{_PINNED}return_data() {{ # OLD ROOT SHARED: the data as it is now takes the place of that from before, which is kept
  (
    if [ ! -e "$2/$3" ]; then exit 0; fi
    enter "$2" "$(dirname "$3")"; exec 8<.
    enter / "$(dirname "${{1#/}}")"; exec 9<.
    owner=$(stat -c %u:%g .)
    for end in '' -wal -shm -journal; do
      old=./$(basename "$1")$end
      if [ -e "$old" ] || [ -L "$old" ]; then
        owner=$(stat -c %u:%g "$old")
        mkdir -p "$kept$(dirname "$1")"
        rm -rf "$kept$1$end"
        mv -T "$old" "$kept$1$end"
      fi
      new=$(basename "$3")$end
      if [ -e "/proc/self/fd/8/$new" ]; then (transfer "$new" "$(basename "$1")$end" "$owner"); fi
    done
  )
}}
"""


def over(apps: t.Sequence[Adopted], only_programs: t.Collection[str]) -> str:
    """Return a shell script for the host: it stops the old servers, copies their data, and moves their configuration away.

    nginx is not told, so that it goes on with the old sites until the new ones are swapped in. A second run copies no data, since the new
    instance may have written to it.

    :param only_programs: files of supervisor that have nothing but one adopted program
    """
    lines = []
    for app in apps:
        lines += ["", f"# {app.name}", *_stop(app, only_programs), *_copy_data(app)]
    files = sorted({path for app in apps for path in app.site.files})
    lines += ["", "# Sites of nginx, which goes on serving them until its next reload", *(f"away {shlex.quote(path)}" for path in files)]
    return _OVER + "\n".join(lines) + "\n"


def back(apps: t.Sequence[Adopted], only_programs: t.Collection[str]) -> str:
    """Return a shell script for the host that undoes :func:`over`, after the applications have been set absent."""
    lines = []
    for app in apps:
        lines += ["", f"# {app.name}", *_return_data(app), *_start(app, only_programs)]
    files = sorted({path for app in apps for path in app.site.files})
    lines += ["", "# Sites of nginx", *(f"put_back {shlex.quote(path)}" for path in files), "nginx -t", "systemctl reload nginx"]
    return _BACK + "\n".join(lines) + "\n"


def _stop(app: Adopted, only_programs: t.Collection[str]) -> list[str]:
    launch = app.program.launch
    name, file = shlex.quote(launch.name), shlex.quote(launch.place.file)
    if launch.kind == "systemd":
        return [f"systemctl disable --now {_units(app)}"]
    if launch.kind == "supervisor":
        moved = [f"away {file}", "supervisorctl update"] if launch.place.file in only_programs else []
        return [f"supervisorctl stop {name}", *moved]
    if launch.kind == "upstart":
        return [f"echo manual >/etc/init/{name}.override", f"if command -v initctl >/dev/null; then initctl stop {name} || true; fi"]
    if launch.kind == "emperor":
        return [f"away {file}  # the emperor stops what it has no file of"]
    if launch.kind == "apps-enabled":
        return [f"away {file}", f"SYSTEMCTL_SKIP_REDIRECT=1 /etc/init.d/uwsgi stop {name} || true"]
    return ["# Nothing starts this server: end it by hand."]


def _units(app: Adopted) -> str:
    """Return the units of an old server: the socket first, since it would start the service again."""
    name = shlex.quote(app.program.launch.name)
    return f"{name}.socket {name}.service" if app.program.launch.sockets else f"{name}.service"


def _start(app: Adopted, only_programs: t.Collection[str]) -> list[str]:
    launch = app.program.launch
    name, file = shlex.quote(launch.name), shlex.quote(launch.place.file)
    if launch.kind == "systemd":
        return [f"systemctl enable --now {_units(app)}"]
    if launch.kind == "supervisor":
        moved = [f"put_back {file}", "supervisorctl update"] if launch.place.file in only_programs else []
        return [*moved, f"supervisorctl start {name} || true"]
    if launch.kind == "upstart":
        return [f"rm -f /etc/init/{name}.override", f"if command -v initctl >/dev/null; then initctl start {name} || true; fi"]
    if launch.kind == "emperor":
        return [f"put_back {file}"]
    if launch.kind == "apps-enabled":
        return [f"put_back {file}", f"SYSTEMCTL_SKIP_REDIRECT=1 /etc/init.d/uwsgi start {name} || true"]
    return ["# Start the old server as you did before."]


def _copy_data(app: Adopted) -> list[str]:
    """Return the commands that give the application's user its data, before the roles make the user and its directories."""
    if not app.data:
        return []
    shared, user = shlex.quote(f"{app.root}/shared"), shlex.quote(app.user)
    account = f'u {app.user} - "Flask application {app.name}" {app.root}/shared /usr/sbin/nologin'
    return [
        f'if [ ! -e "$kept/{app.name}.copied" ]; then',
        f"  id -u {user} >/dev/null 2>&1 || systemd-sysusers --inline {shlex.quote(account)}",
        *(f"  take {_data_paths(app, path)}" for path in app.data),
        f"  chown -R -P {user}:{user} {shared}",
        f'  touch "$kept/{app.name}.copied"',
        "fi",
    ]


def _return_data(app: Adopted) -> list[str]:
    if not app.data:
        return []
    return [
        f'if [ -e "$kept/{app.name}.copied" ]; then',
        *(f"  return_data {_data_paths(app, path)}" for path in app.data),
        f'  rm "$kept/{app.name}.copied"',
        "fi",
    ]


def _data_paths(app: Adopted, path: str) -> str:
    """Return the arguments of ``take`` and ``return_data``; the path of the code has no link in it."""
    plain = path.rstrip("/")
    return " ".join(map(shlex.quote, [f"{app.code.path}/{plain}", f"{app.root}", f"shared/{plain}"]))


def sole_programs(texts: t.Mapping[str, str]) -> set[str]:
    """Return the files of supervisor that have one section of a program and nothing else.

    :param texts: texts of files by path
    """
    return {path for path, text in texts.items() if len(re.findall(r"(?m)^\s*\[", text)) == 1 and re.search(r"(?m)^\s*\[program:", text)}
