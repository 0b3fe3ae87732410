# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The reason why a template cannot be rendered, and the line and file of the mistake."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
import types
import typing as t

from jinja2 import TemplateSyntaxError, Undefined
from jinja2.runtime import Context

from .core_templar import raised_later


class Place(t.NamedTuple):
    """A line of a template's file, or a variable that the file uses and whose value is a template with an error."""

    path: str
    line: int
    variable: str = ""


def reason(error: BaseException) -> str:
    """Return the first line of the innermost error; ansible-core's own words around it repeat the text of the template."""
    told = [str(getattr(cause, "message", None) or cause) for cause in _chain(error)]
    return next((text for text in reversed(told) if text), type(error).__name__).strip().partition("\n")[0]


def failing_place(error: BaseException, render: t.Callable[[], t.Any]) -> Place | None:
    """Return where a template fails; ``None`` if that is not known.

    :param render: renders the template again, so that it can be watched
    """
    for cause in _chain(error):
        if isinstance(cause, TemplateSyntaxError) and cause.filename:
            return Place(cause.filename, cause.lineno)
    with _markers_noted() as noted:
        try:
            render()
        except Exception as again:
            error = again
    causes = list(_chain(error))
    for marker, place in noted:
        if place and any(raised_later(cause, marker) for cause in causes):
            return place
    found = [_innermost(traceback.walk_tb(cause.__traceback__)) for cause in causes]
    return next((place for place in reversed(found) if place), None)


def _chain(error: BaseException | None) -> t.Iterator[BaseException]:
    """Yield an error and what caused it, outermost first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _innermost(frames: t.Iterable[tuple[types.FrameType, int]]) -> Place | None:
    """Return where the last frame is that renders a template's file.

    The value of a variable can be a template, too, which has no file. jinja2 takes the values of all variables before the first
    line, so its name tells more than a line.
    """
    place = None
    for frame, line in frames:
        template = frame.f_globals.get("__jinja_template__")
        if template is not None and os.path.isabs(template.filename or ""):
            place = Place(template.filename, template.get_corresponding_lineno(line))
        elif place and frame.f_code is Context.resolve_or_missing.__code__:
            place = place._replace(variable=frame.f_locals["key"])
    return place


@contextlib.contextmanager
def _markers_noted() -> t.Iterator[list[tuple[Undefined, Place | None]]]:
    """Note where templates make markers, which stand for undefined values and for errors until the end of the text is reached."""
    noted: list[tuple[Undefined, Place | None]] = []
    make = Undefined.__init__

    def make_and_note(self: Undefined, *args: t.Any, **named: t.Any) -> None:
        make(self, *args, **named)
        noted.append((self, _innermost(reversed(list(traceback.walk_stack(sys._getframe()))))))

    Undefined.__init__ = make_and_note
    try:
        yield noted
    finally:
        Undefined.__init__ = make
