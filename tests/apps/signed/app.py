"""Plain WSGI with one requirement, whose hash is in requirements.txt."""

from itsdangerous import Signer


def app(environ, start_response):
    body = Signer("key").sign(b"signed")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
