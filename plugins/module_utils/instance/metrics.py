# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The state of an application as samples for Prometheus.

Everything comes from :mod:`status`, which believes of an application's answers only what can be true. No label has a value that an
application could choose, so an application cannot fill the memory of Prometheus with new series.
"""

from __future__ import annotations

import calendar
import time
import typing as t

from ..host.exposition import Metric, Sample

_UP = Metric("flaskops_up", "Whether the live instance of the application runs.", "gauge")
_REQUESTS = Metric("flaskops_requests_total", "Requests that the live instance has answered.", "counter")
_EXCEPTIONS = Metric("flaskops_exceptions_total", "Exceptions that reached uWSGI in the live instance.", "counter")
_BUSY = Metric("flaskops_busy", "Requests that are being answered.", "gauge")
_SLOTS = Metric("flaskops_slots", "Requests that can be answered at the same time.", "gauge")
_QUEUE = Metric("flaskops_listen_queue", "Requests that wait for a place.", "gauge")
_MEMORY = Metric("flaskops_memory_bytes", "Resident memory of the workers.", "gauge")
_INSTANCES = Metric("flaskops_instances", "Instances on the host, the live one and those that drain or can be gone back to.", "gauge")
_PROBLEMS = Metric("flaskops_problems", "Problems of the application; flaskops.stack.status names them.", "gauge")
_RELEASE = Metric("flaskops_release_info", "The live release.", "gauge")
_BUILT = Metric("flaskops_release_built_timestamp_seconds", "When the live release was built.", "gauge")
_ATTEMPTED = Metric("flaskops_last_deployment_timestamp_seconds", "When the last deployment or rollback ended.", "gauge")
_SUCCEEDED = Metric("flaskops_last_deployment_success", "Whether the last deployment or rollback made its instance live.", "gauge")
_CERTIFICATE = Metric("flaskops_certificate_not_after_timestamp_seconds", "When the certificate of the site ends.", "gauge")
WRITTEN = Metric("flaskops_metrics_timestamp_seconds", "When these metrics were written.", "gauge")

# The result of an attempt that made its instance live, in the history of an application.
_LIVE = "live"


def samples_of(name: str, state: t.Mapping[str, t.Any], not_after: float | None) -> t.Iterator[Sample]:
    """Yield the samples of an application.

    :param state: what :func:`status.describe_all` returns of it
    :param not_after: the end of the site's certificate in seconds since the epoch, ``None`` without one
    """
    app = {"app": name}
    live = state["instances"].get(state["live"])
    yield Sample(_UP, app, float(live is not None and live["active"] == "active"))
    for pool, uwsgi in (("requests", live), ("streams", live and live["stream"])):
        if uwsgi:
            yield from _load({**app, "pool": pool}, uwsgi)
    yield Sample(_INSTANCES, app, len(state["instances"]))
    yield Sample(_PROBLEMS, app, len(state["problems"]))
    release = state["release"]
    if release["id"]:
        yield Sample(_RELEASE, {**app, "release": release["id"], "revision": release["revision"]}, 1)
        yield Sample(_BUILT, app, release["built"])
    yield from _last_attempt(app, state["history"])
    if not_after is not None:
        yield Sample(_CERTIFICATE, app, not_after)


def _load(labels: t.Mapping[str, str], uwsgi: t.Mapping[str, t.Any]) -> t.Iterator[Sample]:
    """Yield the figures of an instance or a pool; none if its statistics cannot be had, since a 0 would be a lie."""
    if uwsgi["active"] != "active" or uwsgi["problem"] or not uwsgi["workers"]:
        return
    figures = (
        (_REQUESTS, "requests"),
        (_EXCEPTIONS, "exceptions"),
        (_BUSY, "busy"),
        (_SLOTS, "slots"),
        (_QUEUE, "listen_queue"),
        (_MEMORY, "memory"),
    )
    yield from (Sample(metric, labels, uwsgi[key]) for metric, key in figures)


def _last_attempt(labels: t.Mapping[str, str], history: t.Sequence[t.Mapping[str, t.Any]]) -> t.Iterator[Sample]:
    if not history:
        return
    yield Sample(_SUCCEEDED, labels, float(history[0]["result"] == _LIVE))
    try:
        ended = calendar.timegm(time.strptime(history[0]["time"], "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        return
    yield Sample(_ATTEMPTED, labels, ended)
