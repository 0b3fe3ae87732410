"""APScheduler in a process of its own: its jobs run once, however many processes serve requests."""

import signal

import ledger
from apscheduler.schedulers.blocking import BlockingScheduler

scheduler = BlockingScheduler()


def stop(_signal, _frame):
    # shutdown() waits for the jobs that run.
    scheduler.shutdown()


def tick():
    ledger.note("apscheduler", "run")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    ledger.note("apscheduler", "begin")
    scheduler.add_job(tick, "interval", seconds=1)
    scheduler.start()
    ledger.note("apscheduler", "end")
