"""An application whose releases can be told apart: what it answers is what it was deployed from."""

import os
import sys
import time

import page
from flask import Flask, Response, jsonify

try:
    from ledger_dependency import VERSION as DEPENDENCY
except ImportError:
    DEPENDENCY = ""

app = Flask(__name__)


@app.get("/")
def index():
    settings = {"mode": os.environ["LEDGER_MODE"], "secret": os.environ["LEDGER_SECRET"]}
    return jsonify(page=page.NAME, python=f"{sys.version_info[0]}.{sys.version_info[1]}", dependency=DEPENDENCY, **settings)


@app.get("/health")
def health():
    return page.health()


@app.get("/stream")
def stream():
    def lines():
        while True:
            yield f"{page.NAME} {time.time()}\n"
            time.sleep(0.2)

    return Response(lines(), headers={"X-Accel-Buffering": "no"})
