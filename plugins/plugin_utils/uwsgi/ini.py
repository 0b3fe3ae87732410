# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""uWSGI's ini dialect: repeated keys, order kept, ``%`` as the escape character.

The manual's chapter "Configuring uWSGI" describes magic variables: ``%`` and the following character are replaced, ``%%`` is a
percent sign. A ``%`` at the end of a line swallows the line break and the option after it, so it is refused here.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence


def literal(text: str) -> str:
    """Return ``text`` so that uWSGI reads it as it stands."""
    return text.replace("%", "%%")


def to_uwsgi_ini(settings: Mapping[str, t.Any] | Sequence[Mapping[str, t.Any]], section: str | None = "uwsgi") -> str:
    """Print settings as an ini.

    :param settings: mapping of option to value, or a list of ``{option, value, reason}`` where a reason becomes a comment.
        A list as value repeats the option, ``None`` drops it, booleans print as ``true`` and ``false``.
    :param section: name of the section header, ``None`` for none
    :raises ValueError: for a value that uWSGI could not read back
    """
    lines = [f"[{section}]"] if section else []
    for option, value, reason in _items(settings):
        if value is None:
            continue
        if reason:
            lines.append(f"# {reason}")
        lines += [f"{option} = {_text(option, item)}" for item in (value if isinstance(value, (list, tuple)) else [value])]
    return "\n".join(lines) + "\n"


def _items(settings: t.Any) -> list[tuple[str, t.Any, str]]:
    if isinstance(settings, Mapping):
        return [(option, value, "") for option, value in settings.items()]
    return [(item["option"], item["value"], item.get("reason", "")) for item in settings]


def _text(option: str, value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if re.search(r"[\x00-\x08\x0a-\x1f]", text) or re.search(r"(?<!%)(%%)*%$", text):
        raise ValueError(
            f"uWSGI option '{option}' cannot have the value {value!r}: no line breaks, and %% for a % at the end, nor control characters."
        )
    return text
