# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The keys of uWSGI."""

from __future__ import annotations

from ..uwsgi.packages import DEFAULT_UWSGI
from . import addresses
from .key import Key
from .limits import MEMORY_MAX, TASKS_MAX

UWSGI = Key(
    "dict",
    "How uWSGI runs the application.",
    default={},
    keys={
        "package": Key(
            "str",
            "Requirement that installs uWSGI into the virtualenv. `pyuwsgi` is a wheel, and `uwsgi` is built from source.",
            derived=f"`{DEFAULT_UWSGI}`",
            pattern=r"(?i:py)?uwsgi\s*([=<>!~].*)?|uWSGI\s*([=<>!~].*)?",
            remedy="write a requirement on pyuwsgi or uwsgi, such as uwsgi==2.0.31",
        ),
        "processes": Key(
            "int", "Number of worker processes.", derived="one for each processor of the host, at least 2", minimum=1, maximum=1024
        ),
        "threads": Key(
            "int",
            "Number of threads in each process. With 1, a process answers one request at a time.",
            derived="2, or 1 with `greenlets`",
            minimum=1,
            maximum=1024,
        ),
        "greenlets": Key(
            "int",
            "Number of requests that each process answers at the same time with gevent, instead of threads.",
            minimum=1,
            maximum=100000,
        ),
        "cheaper": Key(
            "dict",
            "Adapts the number of workers to the load, from `minimum` up to `processes`, which must be set. With an empty mapping, all"
            " workers always run.",
            default={},
            keys={
                "minimum": Key("int", "Number of workers that always run.", minimum=1, maximum=1024),
                "initial": Key("int", "Number of workers at the start.", derived="`minimum`", minimum=1, maximum=1024),
                "step": Key("int", "Number of workers that uWSGI adds at a time.", default=1, minimum=1, maximum=1024),
            },
        ),
        "worker_memory": Key(
            "int",
            "Megabytes of resident memory. A worker that uses more is replaced after its request.",
            minimum=16,
            maximum=1048576,
        ),
        "memory_max": MEMORY_MAX,
        "tasks_max": TASKS_MAX,
        "http": Key(
            "str",
            "Address of the host itself on which uWSGI speaks HTTP too, for development: no gate, no limits and no TLS there.",
            pattern=rf"((?=127\.){addresses.IPV4}|\[::1\]|localhost):{addresses.PORT}",
            remedy="write an address of the loopback with a port, such as 127.0.0.1:5000; nginx is what others may reach",
        ),
        "stream": Key(
            "dict",
            "The pool for routes with `mode: stream`, a second uWSGI of the same release. So streams occupy no worker of the other routes.",
            default={},
            keys={
                "pool": Key(
                    "str",
                    "`gevent` runs streams in greenlets. `threads` is for an application that cannot be patched. With `none`, the other"
                    " workers serve the streams.",
                    derived="`gevent`, or `threads` for `source.prebuilt`, whose virtualenv may lack gevent",
                    choices=("gevent", "threads", "none"),
                ),
                "processes": Key("int", "Number of processes of the pool.", default=1, minimum=1, maximum=1024),
                "greenlets": Key("int", "Number of streams in each process with `pool: gevent`.", default=1200, minimum=1, maximum=100000),
                "threads": Key("int", "Number of streams in each process with `pool: threads`.", default=50, minimum=1, maximum=4096),
                "memory_max": MEMORY_MAX,
                "tasks_max": TASKS_MAX,
                "options": Key("map", "Any options of uWSGI for the pool. `uwsgi.options` applies to the other workers only.", default={}),
            },
        ),
        "options": Key(
            "map",
            "Any options of uWSGI. A value replaces the default, a list writes the option several times, and null removes a default.",
            default={},
        ),
        "template": Key(
            "str",
            "Template of the ini. A file name without a path is also searched for beside the inventory.",
            default="uwsgi.ini.j2",
        ),
    },
)
