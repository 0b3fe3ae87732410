"""The seed's application: a greeting, an API worth caching and an endless stream."""

from datetime import datetime
from sys import version
from time import sleep

from flask import Flask, Response, jsonify

app = Flask(__name__)


@app.route("/")
def index():
    return "Hello uWSGI from python version: <br>" + version


@app.route("/api")
def api():
    return jsonify(made=datetime.now().isoformat())


@app.route("/time/")
def time():
    def streamer():
        while True:
            yield f"<p>{datetime.now()}</p>\n"
            sleep(1)

    return Response(streamer())


# uWSGI looks for this name by default.
application = app
