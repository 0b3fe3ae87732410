"""An application whose answers fail in every way, beside pages for its visitors in errors/."""

from flask import Flask, abort, request

app = Flask(__name__)


@app.route("/", methods=["GET", "POST"])
def index():
    return str(len(request.get_data()))


@app.get("/<int:status>")
@app.get("/api/<int:status>")
def fail(status):
    abort(status, f"Flask says {status}")
