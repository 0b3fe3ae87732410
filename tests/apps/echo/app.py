"""Flask tells what it has got of a request, so that a test sees what an application would see."""

import socket
import time
import uuid

from flask import Flask, Response, jsonify, redirect, request, url_for

app = Flask(__name__)
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]


@app.route("/", methods=METHODS)
@app.route("/<path:path>", methods=METHODS)
def echo(path: str = ""):
    body = request.get_data()
    return jsonify(
        bytes=len(body),
        start=body[:20].decode(errors="replace"),
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


@app.get("/away")
def away():
    return redirect(url_for("echo", path="there", _external=True))


@app.route("/page/told", methods=METHODS)
@app.route("/page/some", methods=METHODS)
@app.route("/page/sid", methods=METHODS)
def told():
    """An answer with the status, the length and the headers that the query asks for, another one each time."""
    answer = Response(uuid.uuid4().hex * int(request.args.get("times", 1)), status=int(request.args.get("status", 200)))
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
