# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The keys of the health request."""

from __future__ import annotations

from .key import URL_PATH, Key

HEALTH = Key(
    "dict",
    "The health request, which a new instance must answer before it gets traffic.",
    default={},
    keys={
        "path": Key("str", "Path and query of the request.", default="/", pattern=URL_PATH, remedy="write a path such as /healthz"),
        "host": Key(
            "str",
            "Host header of the request.",
            derived="the first server name",
            pattern=r"\S+",
            remedy="write a host name such as shop.example.com",
        ),
        "status": Key(
            "list",
            "HTTP statuses that count as healthy.",
            default=(200, 204, 301, 302, 303, 307, 308),
            minimum=1,
            elements=Key("int", "An HTTP status.", minimum=100, maximum=599),
        ),
        "headers": Key(
            "map",
            "Further headers of the request.",
            default={},
            names=r"[A-Za-z0-9-]+",
            pattern=r"[^\r\n]*",
            remedy="write {Name: value} with a value of one line",
        ),
        "body": Key("str", "Regular expression that must match somewhere in the body of the answer.", default=""),
        "timeout": Key(
            "int",
            "Seconds within which a new instance must have answered after its start. While more instances start than the host has"
            " processors, a second counts as the share of it that each gets.",
            default=30,
            minimum=1,
            maximum=3600,
        ),
        "interval": Key("int", "Seconds between two health requests.", default=1, minimum=1, maximum=60),
        "successes": Key("int", "Number of accepted answers in a row that are required.", default=1, minimum=1, maximum=100),
    },
)
