"""An application that tries what a process may do: plain WSGI, so that a virtualenv needs uWSGI only. As a script it tries the same outside of a sandbox.

GET /?read=/path      in JSON: ``error``, the name of the errno or empty, and ``found``, what there was
python3 trial.py read /path    prints the error and exits with 1 where there is one

    read PATH          the first bytes of a file
    write PATH         append to a file or make one
    list PATH          the names in a directory
    connect PATH       to a unix socket; or HOST:PORT
    family NAME        open a socket of a family, such as AF_NETLINK
    processes          the users whose processes can be seen, as numbers
    kill PID           without a signal
    call NAME          a system call that is not for services: see CALLS
    run COMMAND        a program, and what it prints
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import socket
import subprocess
import sys
import urllib.parse

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWUSER = 0x10000000


def read(path):
    with open(path, "rb") as file:
        return file.read(40).decode(errors="replace")


def write(path):
    with open(path, "ab") as file:
        file.write(b"\n")


def names(path):
    return sorted(os.listdir(path))


def connect(target):
    host, _colon, port = target.rpartition(":")
    family, address = (socket.AF_INET, (host, int(port))) if host else (socket.AF_UNIX, target)
    with socket.socket(family) as connection:
        connection.settimeout(10)
        connection.connect(address)


def family(name):
    kind = socket.SOCK_RAW if name in ("AF_NETLINK", "AF_PACKET") else socket.SOCK_STREAM
    socket.socket(getattr(socket, name), kind).close()


def processes(_nothing):
    return sorted({os.stat(f"/proc/{name}").st_uid for name in os.listdir("/proc") if name.isdigit() and os.path.exists(f"/proc/{name}")})


def kill(pid):
    os.kill(int(pid), 0)


def writable_code(_nothing):
    try:
        mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
    except PermissionError as error:  # EPERM by a filter, EACCES by the kernel's own means, which newer systemd uses
        raise OSError(errno.EACCES, str(error)) from error


def checked(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def own_file():
    with open("/tmp/own", "wb"):
        return "/tmp/own"


CALLS = {
    "unshare": lambda: checked(LIBC.unshare(CLONE_NEWUSER)),
    "chown": lambda: os.chown(own_file(), os.getuid(), os.getgid()),
    "setpriority": lambda: os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0)),
    "set_user_id_bit": lambda: os.chmod(own_file(), 0o4755),
}


def call(name):
    CALLS[name]()


def run(command):
    done = subprocess.run(["/bin/sh", "-c", command], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise OSError(errno.EREMOTEIO, done.stdout)
    return done.stdout


ATTEMPTS = {
    "read": read,
    "write": write,
    "list": names,
    "connect": connect,
    "family": family,
    "processes": processes,
    "kill": kill,
    "call": call,
    "writable_code": writable_code,
    "run": run,
}


def attempt(what, target):
    try:
        return {"error": "", "found": ATTEMPTS[what](target)}
    except TimeoutError:
        return {"error": "ETIMEDOUT", "found": ""}
    except OSError as error:
        return {"error": errno.errorcode[error.errno], "found": str(error)}


def application(environ, start_response):
    query = urllib.parse.parse_qsl(environ["QUERY_STRING"], keep_blank_values=True)
    body = json.dumps(attempt(*query[0]) if query else {"error": ""}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


if __name__ == "__main__":
    outcome = attempt(sys.argv[1], sys.argv[2])
    print(outcome["error"] or outcome["found"])
    sys.exit(1 if outcome["error"] else 0)
