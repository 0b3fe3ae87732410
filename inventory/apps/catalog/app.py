"""A Flask application in one file, with an answer that is worth caching."""

from datetime import UTC, datetime

from flask import Flask, jsonify

app = Flask(__name__)


@app.get("/")
def index():
    return "The catalog is at /api/articles.\n"


@app.get("/api/articles")
def articles():
    # The time tells a cached answer from a new one.
    return jsonify(articles=["lamp", "table"], made=datetime.now(UTC).isoformat())
