"""Jobs of Huey, in Redis."""

import ledger
from huey import RedisHuey

huey = RedisHuey("queues", url="unix:///run/redis/redis-server.sock?db=2", results=False)


@huey.task()
def count(queue, number):
    ledger.count(queue, number)


@huey.task()
def long(name, seconds):
    ledger.long(name, seconds)
