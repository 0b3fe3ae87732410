"""Jobs of Dramatiq, in Redis."""

import dramatiq
import ledger
from dramatiq.brokers.redis import RedisBroker

dramatiq.set_broker(RedisBroker(url="unix:///run/redis/redis-server.sock?db=1"))


@dramatiq.actor(max_retries=0)
def count(queue, number):
    ledger.count(queue, number)


@dramatiq.actor(max_retries=0)
def long(name, seconds):
    ledger.long(name, seconds)
