"""Try what no build and no hook of an application may do: python attack.py KIND. In JSON: the error of each attempt, empty where it worked.

The report of a build lies in its release, that of a hook in shared/. The program waits for /run/go-KIND first, so that somebody can look
at the unit that it runs in.
"""

import ctypes
import errno
import json
import os
import signal
import subprocess
import sys
import time

KIND = sys.argv[1]
OWN, NEIGHBOUR = "/srv/flask/hostile", "/srv/flask/calm"
SECONDS = 60
LIBC = ctypes.CDLL(None, use_errno=True)
ADD_KEY = {"x86_64": 248, "aarch64": 217}[os.uname().machine]
CLONE_NEWUSER = 0x10000000

# Every directory of a server in which a new name would matter; those that are anybody's, such as /run/lock, first.
PLACES = (
    *("/run/lock", "/run/user", "/dev/mqueue", "/dev/shm", "/tmp", "/var/tmp"),
    *(
        "/var/spool/cron/crontabs",
        "/var/spool/cron/atjobs",
        "/var/lib/systemd/linger",
        "/etc/cron.d",
        "/etc/systemd/system",
        "/etc/tmpfiles.d",
    ),
    *("/run", "/run/flask", "/run/flask/calm", "/run/flask/calm/own", "/run/flask/hostile", "/run/flask/hostile/own"),
    *("/run/flaskops", "/run/flaskops-nginx", "/run/systemd/system", "/run/systemd/transient", "/run/credentials"),
    *(
        "/etc",
        "/etc/flask/hostile",
        "/etc/flask/calm",
        "/etc/nginx",
        "/usr/local/bin",
        "/opt",
        "/root",
        "/home",
        "/var/log",
        "/var/lib/flaskops",
    ),
    *(OWN, f"{OWN}/releases", f"{OWN}/venvs", f"{OWN}/public", f"{OWN}/shared"),
    *(NEIGHBOUR, f"{NEIGHBOUR}/releases", f"{NEIGHBOUR}/shared", "/srv/flask", "/var/cache/nginx", "/var/cache/nginx/calm"),
    *("/sys/fs/cgroup", "/sys/kernel", "/proc/sys/kernel", "/dev"),
)
SECRETS = ("/etc/shadow", "/proc/1/environ", "/proc/1/root/etc/shadow", "/dev/mem", "/etc/flask/calm", "/run/flaskops/lock")
# They ask services that run as root.
COMMANDS = (
    "systemd-run --quiet --wait --uid=0 touch /usr/local/hostile",
    "systemd-run --quiet --user touch /usr/local/hostile",
    "systemctl start rescue.target",
    "systemctl kill nginx.service",
    "systemctl set-property nginx.service MemoryMax=1M",
    "systemctl daemon-reload",
    "loginctl enable-linger",
    "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager Reload",
    "su --command true root",
    "mount -t tmpfs none /tmp",
    "passwd --delete root",
)


def write(place):
    os.close(os.open(f"{place}/hostile-{KIND}-{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_EXCL))


def read(path):
    if os.path.isdir(path):
        os.listdir(path)
        return
    with open(path, "rb") as file:
        file.read(1)


def run(command):
    done = subprocess.run(
        command.split(), check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30
    )
    if done.returncode:
        raise OSError(errno.EPERM, command)


def checked(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def own_file():
    path = f"/tmp/own-{KIND}"
    with open(path, "wb"):
        return path


CALLS = {
    "a key for all sessions of the user": lambda: checked(LIBC.syscall(ADD_KEY, b"user", b"hostile", b"x", 1, -4)),
    "a message queue": lambda: checked(LIBC.mq_open(f"/hostile-{KIND}".encode(), os.O_CREAT | os.O_RDWR, 0o666, None)),
    "a set-user-ID program": lambda: os.chmod(own_file(), 0o4755),
    "a namespace": lambda: checked(LIBC.unshare(CLONE_NEWUSER)),
    "a device": lambda: os.mknod(f"/tmp/device-{KIND}", 0o20666, os.makedev(1, 1)),
    "another owner": lambda: os.chown(own_file(), 0, 0),
    "a hard link to a file of root's": lambda: os.link("/etc/passwd", "/etc/passwd-hostile"),
    "a signal to systemd": lambda: os.kill(1, signal.SIGTERM),
    "a higher priority": lambda: os.nice(-5),
}


def error_of(attempt, *arguments):
    try:
        attempt(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    except subprocess.TimeoutExpired:
        return "ETIMEDOUT"
    return ""


def odd():
    """Make files whose names programs misread, with attributes that no file of root's may keep."""
    os.mkdir("odd")
    for name in (b"-\xff", b"a\n\x1b]0;x\x07", b"x" * 255):
        with open(os.path.join(b"odd", name), "w"):
            error_of(os.setxattr, os.path.join(b"odd", name), "user.hostile", b"x")


def stay():
    """Leave a process behind that has a file of the code open and writes to it later, when the code is root's."""
    if os.fork():
        return
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    with open("page.py", "a") as page:
        for _second in range(60):
            time.sleep(1)
            page.write("\n# written when the code was root's")
            page.flush()
    os._exit(0)


def main():
    until = time.monotonic() + SECONDS
    while not os.path.exists(f"/run/go-{KIND}") and time.monotonic() < until:
        time.sleep(0.05)
    report = {f"write to {place}": error_of(write, place) for place in PLACES}
    report.update({f"read {path}": error_of(read, path) for path in SECRETS})
    report.update({name: error_of(call) for name, call in CALLS.items()})
    report.update({command: error_of(run, command) for command in COMMANDS})
    with open("report.json" if KIND == "build" else f"{OWN}/shared/report-{KIND}.json", "w") as file:
        json.dump(report, file)
    if KIND == "build":
        os.symlink("/etc/shadow", "shadow")
        odd()
        stay()


main()
