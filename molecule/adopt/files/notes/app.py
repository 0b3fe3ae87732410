"""A guest book that keeps its data beside its code, as tutorials write it."""

import hashlib
import itertools
import os
import sqlite3
import time

from flask import Flask, Response, jsonify, redirect, request, send_from_directory

HERE = os.path.dirname(os.path.abspath(__file__))
app = application = Flask(__name__)
counter = itertools.count()


def database():
    connection = sqlite3.connect(os.environ.get("NOTES_DB", os.path.join(HERE, "notes.db")), timeout=20)
    connection.execute("CREATE TABLE IF NOT EXISTS notes (text TEXT)")
    return connection


@app.get("/")
def index():
    return f"<h1>Notes of {os.environ['NOTES_OWNER']}</h1>"


@app.get("/notes")
def notes():
    with database() as connection:
        return jsonify([text for (text,) in connection.execute("SELECT text FROM notes")])


@app.post("/notes")
def write():
    with database() as connection:
        connection.execute("INSERT INTO notes VALUES (?)", [request.form["text"]])
    return "written", 201


@app.get("/latest")
def latest():
    return redirect("/notes")


@app.get("/secret")
def secret():
    return hashlib.sha256(os.environ["NOTES_SECRET_KEY"].encode()).hexdigest()


@app.get("/api/count")
def count():
    return f"{time.time()} {next(counter)}"


@app.get("/time/")
def stream():
    def lines():
        while True:
            yield f"time {time.time()}\n"
            time.sleep(0.2)

    return Response(lines())


@app.put("/uploads/<name>")
def upload(name):
    os.makedirs(os.path.join(HERE, "uploads"), exist_ok=True)
    with open(os.path.join(HERE, "uploads", name), "wb") as file:
        file.write(request.get_data())
    return "kept", 201


@app.get("/uploads/<name>")
def uploaded(name):
    return send_from_directory(os.path.join(HERE, "uploads"), name)
