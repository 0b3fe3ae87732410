"""Print what stands on a host as JSON: paths with what they are, units, processes of applications, held locks. Run inside a host.

Names of instances, releases and virtualenvs that belong to what is live and to what was live before become words; any other one stands out.
"""

from __future__ import annotations

import contextlib
import fcntl
import grp
import json
import os
import pwd
import re
import stat
import subprocess

PLACES = ("/srv", "/etc", "/opt", "/usr/local", "/var/lib/flaskops", "/var/cache/nginx", "/var/tmp", "/tmp", "/root", "/home")
# A boot empties them, so what makes a directory there once it is needed is told by what is in it.
CHALLENGES = "/run/flaskops-acme/.well-known/acme-challenge"
PLACES_IN_MEMORY = ("/run/flask", "/run/flaskops", "/run/lock", "/run/systemd/transient", "/run/systemd/system", CHALLENGES)
# Ansible's own, which it leaves where it is killed; what certbot remembers; entries of the response cache; what the machine writes about itself; the numbers of
# users that were removed, which stay; files of locks, which a boot removes and the next holder makes anew: whether one is held is told by itself.
PASSED_OVER = re.compile(
    r"/tmp/ansible_|/home/deploy/\.ansible|/root/\.ansible|/var/cache/nginx/[^/]+/.|/tmp/systemd-private|/var/tmp/systemd-private"
    r"|/etc/(mtab|hostname|hosts|resolv\.conf|\.pwd\.lock|ld\.so\.cache)|.*/__pycache__|/etc/[^/]+-$|/var/lib/flaskops/certbot/.|/var/tmp/faketime|/tmp/faketime|/var/lib/flaskops/retired-users|/run/flaskops/lock(\.commands)?$"
)
LOCKS = ("/run/flaskops/lock", "/run/flaskops/lock.commands")
CERTIFICATES = "/var/lib/flaskops/tls"
ROOT, CONFIG, RUN = "/srv/flask", "/etc/flask", "/run/flask"


def link(path: str) -> str:
    return os.path.basename(os.readlink(path)).split(".")[0] if os.path.islink(path) else ""


def told() -> dict[str, str]:
    """Return the names that there should be, with what to call them."""
    found = {}
    for app in os.listdir(CONFIG):
        for when, path in (("PREVIOUS", f"{CONFIG}/{app}/previous"), ("LIVE", f"{RUN}/{app}/uwsgi.sock")):
            instance = link(path)
            found[instance] = f"{app}-{when}"
            for what, name in release_of(app, instance).items():
                found[name] = f"{app}-{what}-{when}"
        found[os.path.basename(os.path.realpath(f"{CERTIFICATES}/{app}/live"))] = f"{app}-CERTIFICATE"
    for nothing in ("", "live"):
        found.pop(nothing, None)
    return found


def release_of(app: str, instance: str) -> dict[str, str]:
    record = f"{CONFIG}/{app}/{instance}.json"
    if not os.path.exists(record):
        return {}
    with open(record, encoding="utf-8") as file:
        release = json.load(file)["release"]
    return {"RELEASE": release["id"], "VIRTUALENV": os.path.basename(release["virtualenv_path"])}


def walk(place: str) -> list[str]:
    found = []
    for directory, names, files in os.walk(place):
        names[:] = [name for name in names if not PASSED_OVER.match(os.path.join(directory, name))]
        found += [os.path.join(directory, name) for name in [*names, *files]]
    return [path for path in found if not PASSED_OVER.match(path) and not is_of_previous(path)]


def is_of_previous(path: str) -> bool:
    """Return whether a path is a socket of the previous instance: it is left when the instance stops, and gone when the host reboots."""
    directory, name = os.path.split(path)
    run, app = os.path.split(directory)
    return run == RUN and name.split(".")[0] == link(f"{CONFIG}/{app}/previous") != ""


def what(path: str) -> str:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return f"-> {os.readlink(path)}"
    return f"{status.st_mode:o} {user(status.st_uid)}:{group(status.st_gid)}"


def user(number: int) -> str:
    """Return whose a number is: a user that was removed and comes back has another one."""
    with contextlib.suppress(KeyError):
        name = pwd.getpwuid(number).pw_name
        return name if name.startswith("flask-") else str(number)
    return str(number)


def group(number: int) -> str:
    with contextlib.suppress(KeyError):
        name = grp.getgrgid(number).gr_name
        return name if name.startswith("flask-") else str(number)
    return str(number)


def output(*command: str) -> list[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.splitlines()


def held(path: str) -> bool:
    if not os.path.exists(path):
        return False
    with open(path, encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def main() -> None:
    users = {entry.pw_name for entry in pwd.getpwall() if entry.pw_name.startswith("flask-") or entry.pw_name in os.listdir(CONFIG)}
    paths = [f"{path} {what(path)}" for place in (*PLACES, *PLACES_IN_MEMORY) for path in walk(place)]
    units = output("systemctl", "list-units", "--all", "--plain", "--no-legend", "flask-*", "nginx.service")
    processes = [line for line in output("ps", "-eo", "user:40,args", "--no-headers") if line.split()[0] in users]
    state = {
        "paths": paths,
        # A dead unit is in the list only for as long as systemd happens to remember it.
        "units": [" ".join(line.split()[:4]) for line in units if line.split()[2:4] != ["inactive", "dead"]],
        "processes": processes,
        "locks": [path for path in LOCKS if held(path)],
    }
    names = told()
    text = json.dumps({kind: sorted(lines) for kind, lines in state.items()})
    for name, called in names.items():
        text = text.replace(name, called)
    # The package that a release requires, in the version of the release.
    text = re.sub(r"ledger_dependency-[0-9.]+\.dist-info", "ledger_dependency.dist-info", text)
    print(json.dumps({kind: sorted(lines) for kind, lines in json.loads(text).items()}))


if __name__ == "__main__":
    main()
