"""Server-sent events: a generator that never ends."""

from datetime import UTC, datetime
from time import sleep

from flask import Flask, Response

app = Flask(__name__)


@app.get("/healthz")
def healthz():
    return "ok\n"


@app.get("/events")
def events():
    def every_second():
        while True:
            yield f"data: {datetime.now(UTC).isoformat()}\n\n"
            sleep(1)

    return Response(every_second(), mimetype="text/event-stream")
