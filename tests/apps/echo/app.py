"""Flask tells what it has got of a request, so that a test sees what an application would see."""

import hashlib
import io
import socket
import time
import uuid

from flask import Flask, Response, jsonify, redirect, request, send_file, url_for

app = Flask(__name__)
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "REPORT"]


@app.route("/", methods=METHODS)
@app.route("/<path:path>", methods=METHODS)
def echo(path: str = ""):
    body = request.get_data()
    return jsonify(
        bytes=len(body),
        start=body[:20].decode(errors="replace"),
        digest=hashlib.sha256(body).hexdigest()[:8],
        query=request.query_string.decode("latin-1"),
        arguments=request.args.to_dict(flat=False),
        url=request.url,
        protocol=request.environ["SERVER_PROTOCOL"],
        method=request.method,
        path=path,
        host=request.host,
        scheme=request.scheme,
        link=url_for("echo", path="x", _external=True),
        address=request.remote_addr,
        headers=dict(request.headers),
    )


@app.errorhandler(404)
def nowhere(_error):
    """No route of Flask matches a path with a line break in it; what arrived of the path is told all the same."""
    return jsonify(path=request.path, prefix=request.script_root), 404


@app.post("/json")
def sum_up():
    return jsonify(sum=sum(request.get_json()))


@app.post("/upload")
def upload():
    return jsonify({name: len(file.read()) for name, file in request.files.items()})


@app.get("/file")
def file():
    """A file with all that Flask knows of conditions and parts."""
    return send_file(io.BytesIO(b"0123456789"), mimetype="text/plain", conditional=True, etag="abc", last_modified=1_700_000_000)


@app.get("/folder/")
def folder():
    """Flask redirects to this place where the slash at the end is missing."""
    return "folder"


@app.get("/answer")
def answer():
    """An answer with the status, the body and the headers that the query asks for."""
    told = Response(request.args.get("body", ""), status=int(request.args.get("status", 200)), mimetype="text/plain")
    for header in request.args.getlist("header"):
        told.headers.add(*header.split(": ", 1))
    return told


@app.get("/pieces")
def pieces():
    """An answer whose length nobody knows beforehand."""
    return Response((piece for piece in ("one", "two", "three")), mimetype="text/plain")


@app.get("/fails")
def fails():
    raise RuntimeError("this page fails")


@app.post("/unread")
def unread():
    """An answer that does not wait for the body."""
    return "no thanks", 403


@app.get("/away")
def away():
    return redirect(url_for("echo", path="there", _external=True))


@app.route("/page/told", methods=METHODS)
@app.route("/page/some", methods=METHODS)
@app.route("/page/sid", methods=METHODS)
def told():
    """An answer with the status, the length and the headers that the query asks for, another one each time."""
    body = uuid.uuid4().hex * int(request.args.get("times", 1))
    # Flask tells no length of what it gets in pieces.
    answer = Response(iter([body]) if "pieces" in request.args else body, status=int(request.args.get("status", 200)))
    for header in request.args.getlist("header"):
        answer.headers.add(*header.split(": ", 1))
    # As Flask-CORS does it: to a request without an Origin the answer does not tell that it depends on one.
    if origin := request.headers.get("Origin"):
        answer.headers["Access-Control-Allow-Origin"] = origin
    return answer


@app.get("/stream")
def stream():
    """A stream that lasts for as long as somebody reads it."""

    def ticks():
        while True:
            yield "tick\n"
            time.sleep(0.2)

    return Response(ticks(), mimetype="text/plain")


@app.get("/connect")
def connect():
    """Connect to a place on the host, as an application with a hole in it would for its visitors."""
    unix, port = request.args.get("unix"), request.args.get("port")
    try:
        with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as client:
            client.connect(unix or ("127.0.0.1", int(port)))
    except OSError as error:
        return type(error).__name__
    return "connected"


@app.route("/page", methods=["GET", "POST"])
def page():
    """A page worth caching, with a link that an attacker would want to lead elsewhere."""
    return Response(f'<a href="{url_for("echo", path="login", _external=True)}">{request.get_data().decode()}</a>', mimetype="text/html")
