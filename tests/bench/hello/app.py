"""The application whose deployments are measured."""

from flask import Flask
from page import NAME

app = Flask(__name__)


@app.get("/")
def hello():
    return NAME
