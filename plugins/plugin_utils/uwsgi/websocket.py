# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""WebSockets in the stream pool: a program of the role loads the application in place of uWSGI, see ``websocket.py.j2``."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from .entry_point import entry_file

# uWSGI itself calls the object of this name where the description names none.
_CALLABLE = "application"


def opens_websockets(app: Mapping[str, t.Any]) -> bool:
    """Return whether a route of an application opens WebSockets and its own stream pool serves them.

    :param app: a complete description
    """
    return app["uwsgi"]["stream"]["pool"] != "none" and any(route["upgrades"] for route in app["nginx"]["routes"])


def loaded(wsgi: str, default_callable: str = "") -> str:
    """Return the expression of Python that loads an application; for the parameters see :func:`~.settings.entry_point`."""
    file = entry_file(wsgi)
    if file:
        return f"module_of({file.path!r}).{file.callable or default_callable or _CALLABLE}"
    target, _colon, name = wsgi.partition(":")
    return f"importlib.import_module({target!r}).{name or default_callable or _CALLABLE}"
