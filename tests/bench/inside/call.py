"""Print the microseconds of processor time that the application itself takes for a request: call.py DIRECTORY PATH CALLS.

Run by the interpreter of its virtualenv. The application is called as uWSGI calls it, in one thread, without a server.
"""

import sys
import time

directory, path, calls = sys.argv[1], sys.argv[2], int(sys.argv[3])
sys.path.insert(0, directory)

from app import application  # noqa: E402 (found by the path above)

ENVIRON = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": path,
    "QUERY_STRING": "",
    "REQUEST_URI": path,
    "SERVER_NAME": "direct.localhost",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "127.0.0.1",
    "HTTP_HOST": "direct.localhost",
    "HTTP_X_FORWARDED_FOR": "127.0.0.1",
    "HTTP_X_FORWARDED_HOST": "direct.localhost",
    "HTTP_X_FORWARDED_PROTO": "http",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.input": None,
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}


def call():
    answer = application(dict(ENVIRON), lambda status, headers, error=None: None)
    b"".join(answer)
    answer.close()


for _number in range(calls // 10):
    call()
began = time.process_time()
for _number in range(calls):
    call()
print((time.process_time() - began) / calls * 1e6)
