"""The database of the jobs: PostgreSQL gets a row for each job when it is done, so that a job that is done twice has two rows."""

import os
import time
from pathlib import Path

import psycopg

# The socket of the host: PostgreSQL knows the user by the kernel (peer), and there is no password.
DATABASE = "dbname=queues host=/run/postgresql"
TABLES = Path(__file__).with_name("tables.sql")
RELEASE = os.environ["RELEASE_LABEL"]
_connection = None


def execute(statement, values=()):
    """Execute a statement by the connection of this process, which is opened again if it is broken."""
    global _connection
    if _connection is None or _connection.closed:
        _connection = psycopg.connect(DATABASE, autocommit=True)
    return _connection.execute(statement, values)


def create():
    """Make the tables."""
    execute(TABLES.read_text())


def count(queue, number):
    """Do a short job."""
    time.sleep(0.01)
    execute("insert into done (queue, number, release) values (%s, %s, %s)", (queue, number, RELEASE))


def long(name, seconds):
    """Do a job that takes longer than a switch; the row tells who began it and who ended it."""
    execute("insert into long values (%s, %s, null)", (name, RELEASE))
    until = time.monotonic() + seconds
    # A signal may interrupt one sleep, and the job still takes its time.
    while time.monotonic() < until:
        time.sleep(0.5)
    execute("update long set ended_by = %s where name = %s", (RELEASE, name))


def note(scheduler, event):
    """Note what a scheduler or a timer does."""
    execute("insert into runs values (%s, %s, %s, %s)", (scheduler, event, time.time(), RELEASE))
