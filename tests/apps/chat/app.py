"""WebSockets as applications of others have them: Flask-Sock below /ws/, and Flask-SocketIO with threads below /socket.io/."""

import os

from flask import Flask, request
from flask_sock import Sock
from flask_socketio import SocketIO

app = Flask(__name__)
app.config["SOCK_SERVER_OPTIONS"] = {"subprotocols": ["chat.v2", "chat.v1"]}
sock = Sock(app)
socketio = SocketIO(app, async_mode="threading")


@app.get("/")
def index():
    return f"pid {os.getpid()}\n"


def echo(ws):
    while True:
        ws.send(ws.receive())


sock.route("/ws/echo", endpoint="echo")(echo)
sock.route("/quiet/echo", endpoint="quiet")(echo)


@sock.route("/ws/about")
def about(ws):
    """Say what the application knows of a socket, and end it."""
    ws.send(f"{os.environ.get('MODE', 'first')} {ws.subprotocol} {request.scheme} {request.host} {request.remote_addr}")


@sock.route("/ws/large")
def large(ws):
    ws.send("x" * int(ws.receive()))


@socketio.on("shout")
def shout(text):
    return text.upper()
