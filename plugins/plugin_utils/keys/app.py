# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The keys of an application's description: the one schema behind roles, messages and documentation.

Every key has its type, default, meaning and limits. ``description`` checks user input against them and derives the values of keys that
the user did not write, and ``tools/docs.py`` makes the tables of the documentation.
"""

from __future__ import annotations

from . import entry_points, packages, system_names
from .health import HEALTH
from .hooks import COMMAND_LIMITS, HOOKS
from .key import ABSOLUTE, OWN_DIRECTORY, Key, path_remedy
from .nginx import NGINX
from .sandbox import SANDBOX
from .source import SOURCE
from .uwsgi import UWSGI
from .workers import TIMER, WORKER

_SYSTEM_DIRECTORY = Key(
    "str",
    "A name, or a path of names.",
    pattern=r"[A-Za-z0-9_][A-Za-z0-9._@+-]*(/[A-Za-z0-9_][A-Za-z0-9._@+-]*)*",
    remedy="write a name such as shop",
    advice=system_names.remedy,
)

APP = Key(
    "dict",
    "One Flask application.",
    keys={
        "name": Key(
            "str",
            "Name of the application; its user, unit and directories are named after it.",
            required=True,
            # The role's own files in /etc/nginx have the refused names.
            pattern=r"(?!flaskops|nginx_site$)[a-z][a-z0-9_-]{0,24}",
            remedy="use up to 25 of a-z, 0-9, - and _, beginning with a letter, and not with flaskops",
        ),
        "state": Key(
            "str",
            "`absent` stops the application and removes everything of it, except its shared files, `state_dirs`, `log_dirs` and its system user.",
            default="present",
            choices=("present", "absent"),
        ),
        "purge": Key(
            "bool", "With `state: absent`, also removes the shared files, `state_dirs`, `log_dirs` and the system user.", default=False
        ),
        "source": SOURCE,
        "wsgi": Key(
            "str",
            "Entry point: `module:callable`, `module:factory()` with arguments if need be, or a file such as `app.py` that defines `application` or"
            " `app`. Modules are also found in `src`, and in what pyproject.toml names in its place.",
            required=True,
            pattern=entry_points.PATTERN,
            remedy='write it like "shop.wsgi:app", "shop:create_app()" or "app.py"',
            advice=entry_points.remedy,
        ),
        "python": Key(
            "str",
            "Python interpreter on the host that makes the virtualenv, as a command or an absolute path.",
            default="python3",
            pattern=r"python3(\.[0-9]+)?|" + ABSOLUTE,
            remedy="write python3, python3.13 or an absolute path",
        ),
        "requirements": Key(
            "str",
            "File of the source that declares its requirements: one that pip reads, a lock, or a pyproject.toml. Hashes in it are enforced.",
            derived="the first of `requirements.txt`, `pylock.toml`, `uv.lock`, `poetry.lock`, `pdm.lock`, `Pipfile.lock`, `pyproject.toml`, `setup.py`",
            pattern=r"(?!/)(?!.*\.\.)[^\s]+",
            remedy="write a path relative to the source, without .. and without spaces",
        ),
        "extras": Key(
            "list",
            "Extras of the project to install, with a lock or a pyproject.toml.",
            default=(),
            elements=Key("str", "An extra.", pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*", remedy="write a name such as postgres"),
        ),
        "groups": Key(
            "list",
            "Groups of dependencies to install beside the project's own, with a lock or a pyproject.toml. Without it none is.",
            default=(),
            elements=Key("str", "A group.", pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*", remedy="write a name such as prod"),
        ),
        "extra_requirements": Key(
            "list",
            "Further requirements beside those of the source, such as a database driver.",
            default=(),
            elements=Key(
                "str",
                "A requirement.",
                pattern=r"[A-Za-z0-9].*",
                remedy='write one such as "psycopg[binary]==3.2.9"',
                advice=packages.remedy,
            ),
        ),
        "build_constraints": Key(
            "list",
            "Versions of the tools that packages without a wheel are built with, for packages that the newest tools do not build any more.",
            default=(),
            elements=Key(
                "str",
                "A requirement.",
                pattern=r"[A-Za-z0-9].*",
                remedy='write one such as "setuptools<81"',
                advice=packages.constraint_remedy,
            ),
        ),
        "system_site_packages": Key(
            "bool",
            "Whether the application also finds the Python packages of the distribution, such as python3-gdal in `packages`, with its own"
            " interpreter alone.",
            default=False,
        ),
        "requirements_refresh": Key(
            "str",
            "Any text, such as a date. A new text makes the next run install all packages anew, and resolve requirements without a version again.",
            default="",
        ),
        "hooks": HOOKS,
        "workers": Key("list", "Processes beside uWSGI, such as those of a queue or a scheduler.", default=(), elements=WORKER),
        "timers": Key("list", "Commands that run at certain times.", default=(), elements=TIMER),
        "memory_warnings": Key(
            "bool",
            "Whether a run tells which code keeps in the memory of one process what several need, such as a scheduler that starts with the import.",
            default=True,
        ),
        "command_limits": COMMAND_LIMITS,
        "strategy": Key(
            "str",
            "`switch` runs the old and the new instance side by side. `restart` stops the old one first, for hosts without the memory for both.",
            derived="`switch`, or `restart` with `uwsgi.http`",
            choices=("switch", "restart"),
        ),
        "packages": Key(
            "list",
            "Further packages of the distribution that the application or its build needs.",
            default=(),
            elements=Key("str", "A package name.", pattern=r"[a-z0-9][a-z0-9.+:~=*-]*", remedy="write a package name such as libpq5"),
        ),
        "sandbox": SANDBOX,
        "shared_paths": Key(
            "list",
            "Files and directories of the code that outlive a release, such as uploads: the release has links to `<root>/shared` in their place, and"
            " its own contents become the first ones there. A name with a dot is a file, unless it ends in a slash.",
            default=(),
            elements=Key(
                "str",
                "A path in the release.",
                pattern=r"(?![./])(?!.*(^|/)\.\.?(/|$))(?!.*//)[A-Za-z0-9._@+/-]+",
                remedy="write a path relative to the source, such as uploads or data/app.db",
            ),
        ),
        "state_dirs": Key(
            "list",
            "Directories below `/var/lib` that are made for the application, which may write to them.",
            default=(),
            elements=_SYSTEM_DIRECTORY,
        ),
        "log_dirs": Key(
            "list",
            "Directories below `/var/log` that are made for the application, which may write to them.",
            default=(),
            elements=_SYSTEM_DIRECTORY,
        ),
        "env": Key("map", "Environment variables of the application, in plain text.", default={}),
        "secrets": Key("map", "Environment variables of the application that are never shown. Keep the values in a vault.", default={}),
        "build_env": Key(
            "map",
            "Environment variables of pip and of build hooks alone, such as `PIP_INDEX_URL` with a token. They are never shown, and are not part of the id"
            " of a release.",
            default={},
        ),
        "drain_timeout": Key(
            "int", "Seconds that the old instance has after a switch to finish its requests.", default=30, minimum=0, maximum=86400
        ),
        "keep_releases": Key("int", "Number of releases that the host keeps, including the live one.", default=3, minimum=2, maximum=100),
        "uwsgi": UWSGI,
        "health": HEALTH,
        "nginx": NGINX,
        "user": Key(
            "str",
            "System user that runs the application. The role creates it.",
            derived="`flask-<name>`",
            pattern=r"(?!root$)[a-z_][a-z0-9_-]{0,30}",
            remedy="use up to 31 of a-z, 0-9, - and _, and not root",
        ),
        "root": Key(
            "str",
            "Directory of releases, virtualenvs and shared files.",
            derived="`/srv/flask/<name>`",
            pattern=OWN_DIRECTORY,
            remedy=path_remedy("/srv/shop"),
        ),
        "config_dir": Key(
            "str",
            "Directory of instance configurations.",
            derived="`/etc/flask/<name>`",
            pattern=OWN_DIRECTORY,
            remedy=path_remedy("/etc/flask/shop"),
        ),
        "run_dir": Key(
            "str", "Directory of sockets.", derived="`/run/flask/<name>`", pattern=OWN_DIRECTORY, remedy=path_remedy("/run/flask/shop")
        ),
        "socket": Key(
            "str",
            "Socket to which nginx passes requests.",
            derived="`<run_dir>/uwsgi.sock`",
            pattern=ABSOLUTE,
            remedy=path_remedy("/run/flask/shop/uwsgi.sock"),
        ),
        "stream_socket": Key(
            "str",
            "Socket to which nginx passes requests of routes with `mode: stream`.",
            derived="`<run_dir>/stream.sock`; without a pool, or if you set `socket`, the value of `socket`",
            pattern=ABSOLUTE,
            remedy=path_remedy("/run/flask/shop/stream.sock"),
        ),
    },
)
