"""Plain WSGI; what it does not say of itself is in local/setup.py."""


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]
