"""An application with a queue: it counts in Redis what its workers and timers do."""

import os
import signal
import sys
import time

import redis
from flask import Flask
from rq import Queue, Retry
from rq.worker import SimpleWorker

REDIS = redis.Redis(unix_socket_path="/run/redis/redis-server.sock")
app = Flask(__name__)


class Worker(SimpleWorker):
    """A worker of RQ that looks for jobs which were taken and not begun every half a minute instead of every ten minutes."""

    def __init__(self, *args, **options):
        # A worker without a job waits for the next one for fifteen seconds less than its time to live, and looks then.
        super().__init__(*args, **{**options, "maintenance_interval": 30, "worker_ttl": 20})


@app.get("/")
def page():
    return f"{os.environ['RELEASE_LABEL']} {os.environ['FLASKOPS_ROLE']}\n"


@app.get("/broken")
def broken():
    raise RuntimeError("this page is broken")


def count(number):
    """Do a job: each number has to be counted once."""
    # Slow enough that the queue is not empty before the second switch.
    time.sleep(0.03)
    REDIS.hincrby("done", number, 1)
    REDIS.hincrby("by", os.environ["RELEASE_LABEL"], 1)


def long(seconds):
    """Do a job that takes longer than a switch."""
    REDIS.hset("long", "begun_by", os.environ["RELEASE_LABEL"])
    time.sleep(seconds)
    REDIS.hset("long", "ended_by", os.environ["RELEASE_LABEL"])
    REDIS.hincrby("long", "times", 1)


def tick():
    """Play a scheduler: note when it begins and ends, and whether another one was there."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    if REDIS.incr("tickers") > 1:
        REDIS.incr("overlaps")
    REDIS.rpush("ticks", f"{time.time()} begin")
    try:
        while True:
            time.sleep(0.1)
    finally:
        REDIS.rpush("ticks", f"{time.time()} end")
        REDIS.decr("tickers")


def leak():
    """Use more and more memory, but only once, and not in the first seconds."""
    time.sleep(18)
    held, leaks = [], REDIS.incr("leaks") == 1
    while True:
        held.append(b"x" * 4_000_000 * leaks)
        time.sleep(0.2)


def fill():
    """Queue a long job and many short ones."""
    queue = Queue(connection=REDIS)
    queue.enqueue("jobs.long", 25, job_timeout=300)
    queue.enqueue_many([Queue.prepare_data("jobs.count", (number,), timeout=60, retry=Retry(max=1)) for number in range(2000)])
    # So a worker leaves a job that it has taken in the moment of its stop signal.
    REDIS.lmove(queue.key, queue.intermediate_queue_key, "RIGHT", "RIGHT")


def more(first):
    """Queue some more short jobs, whose numbers begin with this one."""
    queue = Queue(connection=REDIS)
    queue.enqueue_many(
        [Queue.prepare_data("jobs.count", (number,), timeout=60, retry=Retry(max=1)) for number in range(first, first + 200)]
    )


def crash():
    """End at once."""
    sys.exit("the queue has another password")


def nightly():
    """Do what a timer is there for."""
    REDIS.rpush("nightly", f"{time.time()} {os.environ['FLASKOPS_ROLE']} {os.environ['RELEASE_LABEL']}")


if __name__ == "__main__":
    globals()[sys.argv[1]](*map(int, sys.argv[2:]))
