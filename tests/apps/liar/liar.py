"""An application that answers in uWSGI's place when its statistics are asked for: plain WSGI, so that a virtualenv needs uWSGI only.

GET /?KIND           begin to lie in this way, one of LIES; "link" tries to have the live socket lead to itself, and tells the error
liar.py KIND PATH    the server that tells the lie at a socket

With FAIL in its environment it cannot be imported, and says its secret.
"""

import errno
import glob
import itertools
import os
import socket
import subprocess
import sys
import time

RUN_DIR = "/run/flask/liar"
SHARED = "/srv/flask/liar/shared"
WORKER = '{"id":1,"pid":%s,"status":"idle","requests":0,"exceptions":0,"avg_rt":0,"cores":[]}'
STATS = '{"version":"%s","listen_queue":0,"workers":[' + WORKER + "]}"
# The parts of an answer and the seconds after each of them.
LIES = {
    "list": (["[1]"], 0),
    "worker": (['{"version":"2.0","listen_queue":0,"workers":[{}]}'], 0),
    "deep": (["[" * 1_000_000], 0),
    "path": ([STATS % ("2.0", f'"../{SHARED}"')], 0),
    "escape": ([STATS % ("\\u001b]0;owned\\u0007", "1")], 0),
    "slow": (itertools.repeat(" "), 1.5),
    "blanks": (itertools.repeat(" " * 65536), 0),
    "silent": ([""], 3600),
}

if "FAIL" in os.environ:
    raise RuntimeError(f"\x1b]0;owned\x07cannot connect to {os.environ['DATABASE']}")


def serve(kind, path):
    parts, pause = LIES[kind]
    os.unlink(path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        while True:
            connection, _address = listening.accept()
            try:
                with connection:
                    for part in parts:
                        connection.sendall(part.encode())
                        time.sleep(pause)
            except OSError:
                continue


def lie(kind):
    if not os.path.exists(f"{SHARED}/statm"):
        os.mkfifo(f"{SHARED}/statm")
    for path in glob.glob(f"{RUN_DIR}/own/*.stats"):
        subprocess.Popen([f"{sys.prefix}/bin/python", __file__, kind, path], stdin=subprocess.DEVNULL, start_new_session=True)
    time.sleep(1)  # for the server to be there


def link():
    try:
        os.unlink(f"{RUN_DIR}/uwsgi.sock")
        os.symlink("uwsgi.sock", f"{RUN_DIR}/uwsgi.sock")
    except OSError as error:
        return errno.errorcode[error.errno]
    return "ok"


def application(environ, start_response):
    body = "ok"
    if environ["QUERY_STRING"] == "link":
        body = link()
    elif environ["QUERY_STRING"] in LIES:
        lie(environ["QUERY_STRING"])
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body.encode()]


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2])
