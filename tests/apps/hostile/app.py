"""A Flask application that was taken over: it runs the programs that it is sent, inside its sandbox, and the program in AT_IMPORT while it is imported.

POST /run    a Python program; in JSON the exit status and what it printed
GET /accel   an answer whose header X-Accel-Redirect is the query
"""

import os
import subprocess
import sys

import page
from flask import Flask, Response, jsonify, request

app = Flask(__name__)
exec(os.environ.get("AT_IMPORT", ""))


@app.get("/")
def index():
    return jsonify(page=page.NAME)


@app.post("/run")
def run():
    program = request.get_data()
    done = subprocess.run([sys.executable, "-"], check=False, input=program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    return jsonify(code=done.returncode, output=done.stdout.decode(errors="replace"))


@app.get("/accel")
def accel():
    return Response("nothing", headers={"X-Accel-Redirect": request.query_string.decode()})
