"""The web process, and the command that fills the queues."""

import os

import click
import ledger
from flask import Flask

app = Flask(__name__)


@app.get("/")
def page():
    return f"{os.environ['RELEASE_LABEL']} {os.environ['FLASKOPS_ROLE']}\n"


@app.cli.command()
def create():
    """Make the tables."""
    ledger.create()


@app.cli.command()
@click.argument("first", type=int)
@click.argument("count", type=int)
@click.option(
    "--long", type=int, help="Seconds of a long job, which each queue gets first; it is called by the queue and the first number."
)
def fill(first, count, long):
    """Give each queue so many short jobs."""
    import celery_jobs
    import dramatiq_jobs
    import huey_jobs

    short = {"celery": celery_jobs.count.delay, "dramatiq": dramatiq_jobs.count.send, "huey": huey_jobs.count}
    longs = {"celery": celery_jobs.long.delay, "dramatiq": dramatiq_jobs.long.send, "huey": huey_jobs.long}
    for queue, send in short.items():
        if long:
            longs[queue](f"{queue} {first}", long)
        for number in range(first, first + count):
            send(queue, number)


@app.cli.command()
@click.argument("name")
def timer(name):
    """Note that a timer has elapsed."""
    ledger.note(name, "run")
