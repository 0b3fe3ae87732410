"""The application that every competitor serves."""

import time
from pathlib import Path

from flask import Flask, Response

app = Flask(__name__)
ITEMS = Path(__file__).with_name("items.json").read_text()


@app.route("/")
def index():
    return "<h1>Hello World</h1>"


@app.route("/api")
def api():
    return Response(ITEMS, mimetype="application/json")


@app.route("/time/")
def stamps():
    """Three chunks, each the moment it was made."""

    def streamer():
        for _number in range(3):
            yield f"{time.time():.6f}\n"
            time.sleep(0.05)

    return Response(streamer(), mimetype="text/plain")


# uWSGI looks for this name by default.
application = app
