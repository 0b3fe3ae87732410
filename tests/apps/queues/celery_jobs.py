"""Jobs of Celery, in RabbitMQ. A job is acknowledged when it is done: one that is interrupted goes back to the queue.

RabbitMQ confirms each job that is queued. Without that, a job that it has not written down yet is lost if the connection or RabbitMQ ends.
"""

import os

import ledger
from celery import Celery
from celery.signals import beat_init

app = Celery("celery_jobs", broker=os.environ["CELERY_BROKER_URL"])
app.conf.broker_transport_options = {"confirm_publish": True}
# A classic queue of RabbitMQ 3.13 and 4.0 may crash, and loses messages then (rabbitmq/rabbitmq-server#12367).
app.conf.task_default_queue_type = "quorum"
app.conf.task_acks_late = True
app.conf.worker_prefetch_multiplier = 1
app.conf.task_ignore_result = True
app.conf.beat_schedule = {"tick": {"task": "celery_jobs.tick", "schedule": 1.0}}


@beat_init.connect
def begin(**_):
    ledger.note("beat", "begin")


@app.task
def count(queue, number):
    ledger.count(queue, number)


@app.task
def long(name, seconds):
    ledger.long(name, seconds)


@app.task
def tick():
    ledger.note("beat", "run")
