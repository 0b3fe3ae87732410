"""A Flask application in one file, with an answer that is worth caching."""

from datetime import UTC, datetime

from flask import Flask, jsonify

app = Flask(__name__)


@app.get("/")
def index():
    return "The catalog is at /api/articles.\n"


@app.get("/api/articles")
def articles():
    # The time shows whether an answer came from the cache.
    return jsonify(articles=["lamp", "table"], made=datetime.now(UTC).isoformat())
