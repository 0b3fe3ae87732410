"""An application that tells how its instance looks from inside, without a dependency: plain WSGI, so that a virtualenv needs uWSGI only.

/            ok, or the status of HEALTH with the body "the database is away"
/env?NAME    a variable of the environment in base64, 404 where there is none
"""

import base64
import os

if os.environ.get("PROBE_BREAKS"):
    raise RuntimeError("PROBE_BREAKS is set")


def application(environ, start_response):
    status, body = answer(environ["PATH_INFO"], environ["QUERY_STRING"])
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def answer(path, query):
    if path == "/env":
        value = os.environb.get(query.encode())
        return ("404 Not Found", b"") if value is None else ("200 OK", base64.b64encode(value))
    if os.environ.get("HEALTH", "200") != "200":
        return f"{os.environ['HEALTH']} Broken", b"the database is away"
    return "200 OK", b"ok"
