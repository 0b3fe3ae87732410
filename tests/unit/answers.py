# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Answers of flaskops.stack.uwsgi_info, as hosts give them."""

from __future__ import annotations

import math
import typing as t

# 2026-11-28 22:00:00 UTC
NOW = 1_795_903_200
DAY = 86400


def part(requests: int = 0, errors: int = 0, p50: float = 0.0, p99: float = 0.0) -> dict[str, t.Any]:
    return {"statuses": {"2xx": requests - errors, **({"5xx": errors} if errors else {})}, "p50": p50, "p99": p99}


def traffic(parts: list[dict[str, t.Any]] | None = None, **changes: t.Any) -> dict[str, t.Any]:
    """Return a day of visitors, most of them at noon."""
    wave = [1 - math.cos(2 * math.pi * number / 48) for number in range(48)]
    parts = parts or [part(int(60 * height), int(height), 0.012 + 0.01 * height, 0.09 + 0.2 * height) for height in wave]
    total = [sum(each["statuses"].get(name, 0) for each in parts) for name in ("2xx", "5xx")]
    whole = {"statuses": dict(zip(("2xx", "5xx"), total, strict=True)), "p50": 0.02, "p99": 0.41}
    return {"begin": NOW - DAY, "part_seconds": DAY // len(parts), "log_begins": NOW - DAY, **whole, "parts": parts, **changes}


def attempt(**changes: t.Any) -> dict[str, t.Any]:
    return {
        "time": "2026-11-28T16:00:00Z", "action": "deploy", "result": "live", "instance": "two", "release": "0f3a1c9d2b7e", "revision": "v2",
        "who": "ann@desk", "reason": "", "seconds": {"start": 1.5, "gate": 2.25}, **changes,
    }  # fmt: skip


def pool(**changes: t.Any) -> dict[str, t.Any]:
    load = {"slots": 4, "busy": 1, "listen_queue": 0, "memory": 70 * 2**20, "requests": 1200, "exceptions": 2}
    return {"unit": "flask-shop@two.service", "active": "active", "release": "0f3a1c9d2b7e", "stream": None, **load, **changes}


def worker() -> dict[str, t.Any]:
    state = {"active": "active", "restarts": 1, "result": "", "enabled": True, "renewed": False}
    return {"name": "queue", "unit": "flask-shop.queue@two.service", **state}


def app(**changes: t.Any) -> dict[str, t.Any]:
    return {
        "live": "two",
        "previous": "one",
        "release": {"id": "0f3a1c9d2b7e", "revision": "9fceb02d0ae598e95dc9", "virtualenv_id": "51c0ffee1234", "built": NOW - 7200},
        "instances": {"one": pool(release="719af5e899f8", active="inactive"), "two": pool(stream=pool(slots=1200, busy=3))},
        "changed_by_hand": [],
        "rejected": {"b8d556ae053c": {"time": "2026-11-28T12:00:00Z", "who": "ann@desk"}},
        "history": [attempt(), attempt(time="2026-11-28T12:00:00Z", result="failed", release="b8d556ae053c", reason="no answer\nlog")],
        "workers": [worker()],
        "timers": [{"name": "nightly", "unit": "n.timer", "active": "active", "last": "Sat 03:00", "result": "", "enabled": True, "failed_unit": ""}],
        "problems": [],
        "certificate": {"names": ["shop.example.com"], "issuer": "Let's Encrypt", "not_after": NOW + 60 * DAY},
        "traffic": traffic(),
        **changes,
    }  # fmt: skip


def nothing() -> dict[str, t.Any]:
    """Return what a host says of an application that was never deployed to it."""
    release = {"id": "", "revision": "", "virtualenv_id": "", "built": 0}
    empty: dict[str, t.Any] = {"instances": {}, "rejected": {}, "history": [], "workers": [], "timers": []}
    return app(live="", previous="", release=release, certificate=None, traffic=None, **empty)
