# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check user input against the schema in ``keys`` and fill in its static defaults.

Ansible's own argument validation names neither the application nor a remedy, and never fills in nested defaults, so the
messages are made here. Values are never quoted where they could be a secret.
"""

from __future__ import annotations

import difflib
import re
import typing as t
import unicodedata
from collections.abc import Mapping, Sequence

from ..keys.key import Key
from .environment import too_many, unusable
from .yaml_number import as_written

try:
    from ansible._internal._templating._utils import Omit
except ImportError:  # the module is private to ansible-core
    Omit = object()

_SHOWN = 80
# uWSGI, systemd's client code and the dynamic loader read these variables themselves, and units tell by the first two where code runs.
_RESERVED_ENV = re.compile(r"FLASKOPS_(ROLE|WORKER)|NOTIFY_SOCKET|LISTEN_(FDS|PID|FDNAMES)|LD_.*|UWSGI_.*")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# No file name, argument of a program or header can hold NUL, no text that people read needs the others, and half a surrogate pair, as JSON
# can have it, is in no encoding.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class AppError(ValueError):
    """User input that cannot be used; the message has one line for each problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


def shown(value: object) -> str:
    """Return ``value`` as it is quoted in a message, shortened, and what cannot be seen in it written out."""
    text = f"'{value}'" if isinstance(value, str) and value.isprintable() else repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def outline(value: object) -> str:
    """Return what is said of a value at the place of an application, which may hold secrets."""
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, (list, tuple)) else shown(value)


def unseen(text: str) -> str:
    """Return which characters of a text look like others or like nothing, in parentheses; empty if there are none."""
    if text.isascii() and text.strip() not in (text, ""):
        ends = text[: len(text) - len(text.lstrip())] + text[len(text.rstrip()) :]
        return f" (it has a {'line break' if ends.strip(' ') else 'blank'} at an end)"
    found = [character for character in dict.fromkeys(text) if not character.isascii() and _is_misleading(character)]
    named = ", ".join(f"U+{ord(character):04X} {unicodedata.name(character, '')}".strip() for character in found[:3])
    return f" (it has {named})" if found else ""


def _is_misleading(character: str) -> bool:
    if unicodedata.category(character) in ("Cf", "Zs", "Pi", "Pf", "Pd"):
        return True
    return unicodedata.name(character, "").partition(" ")[0] in ("CYRILLIC", "GREEK", "FULLWIDTH")


class Validator:
    """Collects every problem of one description instead of stopping at the first."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def refuse(self, where: str, says: str, remedy: str) -> None:
        self.problems.append(f"{where} {says}; {remedy}.")

    def check(self, where: str, key: Key, value: object) -> t.Any:
        """Return ``value`` converted to the key's type with nested defaults filled in.

        :param where: the path of the key as the user sees it, such as ``shop.nginx.routes[1].mode``
        """
        convert = getattr(self, f"_{key.type}")
        value = convert(where, key, value)
        if value is not None and key.type in ("str", "int"):
            self._limits(where, key, value)
            if key.choices and value not in key.choices:
                return None  # what follows looks something up by it
        return value

    def _limits(self, where: str, key: Key, value: t.Any) -> None:
        if key.choices and value not in key.choices:
            close = difflib.get_close_matches(value, key.choices, 1)
            hint = f"did you mean '{close[0]}'?" if close else "write one of them"
            self.refuse(where, f"is {shown(value)}, but must be one of {', '.join(key.choices)}", hint.rstrip("?"))
        advice = key.advice(value) if key.advice else ""
        quoted = "a secret" if key.secret else shown(value)
        if advice or (key.pattern and not re.fullmatch(key.pattern, value)):
            odd = "" if key.secret else unseen(str(value))
            self.refuse(where, f"is {quoted}, which cannot be used here{odd}", advice or key.remedy)
        elif not key.choices and isinstance(value, str) and _CONTROL.search(value):
            self.refuse(where, f"is {quoted}, which has a control character", "remove it")
        low, high = key.minimum, key.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            self.refuse(where, f"is {shown(value)}, but must be from {low} to {high}", "write a number in that range")

    def _str(self, where: str, key: Key, value: object) -> str | None:
        # A number with a point is no longer what was written: 1.10 is 1.1.
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            quoted = f"is {'a secret' if key.secret else shown(value)}, but must be text"
            self.refuse(where, quoted, "write a string, in quotes where YAML would read it otherwise")
            return None
        return None if self.refuse_misread(where, value, key.secret) else str(value)

    def _int(self, where: str, key: Key, value: object) -> int | None:
        if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,40}", value.strip()):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.refuse(where, f"is {shown(value)}, but must be a whole number", "write digits without a unit")
            return None
        written = as_written(value)
        # Digits with separators are the number that they seem to be.
        if written and not re.fullmatch(r"[+-]?[1-9][\d_]*|0", written):
            self.refuse(
                where, f"is {written}, which YAML reads as {value}", "write the number that is meant in digits, without a zero before it"
            )
        return int(value)

    def refuse_misread(self, where: str, value: object, secret: bool = False) -> bool:
        """Refuse a number where a text is wanted if YAML has read another one than was written; return whether it has."""
        written = as_written(value) if isinstance(value, int) else ""
        if written:
            says = "is a number that YAML reads otherwise than it is written" if secret else f"is {written}, which YAML reads as {value}"
            self.refuse(where, says, "write it in quotes")
        return bool(written)

    def _bool(self, where: str, key: Key, value: object) -> bool | None:
        if not isinstance(value, bool):
            self.refuse(where, f"is {shown(value)}, but must be true or false", "write one of them, without quotes")
            return None
        return value

    def _list(self, where: str, key: Key, value: object) -> list | None:
        if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
            self.refuse(where, f"is {shown(value)}, but must be a list", "write [...] or one item a line with a dash")
            return None
        if key.minimum is not None and len(value) < key.minimum:
            self.refuse(where, "is empty", "write at least one, or leave the key out")
        items = [self.check(f"{where}[{index}]", t.cast("Key", key.elements), item) for index, item in enumerate(value) if item is not Omit]
        return [item for item in items if item is not None]

    def _map(self, where: str, key: Key, value: object) -> dict | None:
        if not isinstance(value, Mapping):
            self.refuse(where, "must be a mapping of names to values", "write {NAME: value}")
            return None
        # A value of `default(omit)` is left out, as Ansible leaves out an argument.
        result = {str(name): item for name, item in value.items() if item is not Omit}
        if key.minimum is not None and len(result) < key.minimum:
            self.refuse(where, "is empty", "write at least one, or leave the key out")
        for name, item in result.items():
            quoted = "a secret" if key.secret else shown(item)
            if key.names and not re.fullmatch(key.names, name):
                self.refuse(f"{where}.{shown(name)}", "cannot be a name here", key.remedy)
            if key.pattern and item is None:
                result[name] = item = ""  # nothing after the colon
            if key.pattern and (isinstance(item, bool) or not isinstance(item, (str, int))):
                self.refuse(f"{where}.{name}", f"is {quoted}, but must be text", "write it in quotes")
            elif key.pattern and self.refuse_misread(f"{where}.{name}", item, key.secret):
                pass
            elif key.pattern and (not re.fullmatch(key.pattern, str(item)) or _CONTROL.search(str(item))):
                self.refuse(f"{where}.{name}", f"is {quoted}, which cannot be used here", key.remedy)
        return result

    def _dict(self, where: str, key: Key, value: object) -> dict | None:
        if not isinstance(value, Mapping):
            self.refuse(where, f"is {outline(value)}, but must be a mapping", "write {key: value} or one key a line")
            return None
        keys = dict(key.keys or {})
        if key.modes:
            mode = value.get(key.mode_key, keys[key.mode_key].default)
            keys.update(key.modes.get(mode, {}) if isinstance(mode, str) else {})
        result: dict[str, t.Any] = {}
        for name, item in value.items():
            if name not in keys:
                self._unknown(where, str(name), key, keys, value)
            elif item is not None and item is not Omit:
                result[str(name)] = self.check(f"{where}.{name}", keys[name], item)
        # A wrong value has been reported; the default stands in for it, so that the checks that follow find the rest.
        for name, sub in keys.items():
            if result.get(name) is not None:
                continue
            if name in result and sub.default is None:
                del result[name]
            elif sub.required and name not in result:
                doc = sub.doc if sub.doc[1].isupper() else sub.doc[0].lower() + sub.doc[1:]
                self.refuse(f"{where}.{name}", "is missing", f"write it: {doc.rstrip('.')}")
            elif sub.default is not None:
                result[name] = self.check(f"{where}.{name}", sub, sub.default)
        return result

    def _unknown(self, where: str, name: str, key: Key, keys: Mapping[str, Key], value: Mapping) -> None:
        for mode, extra in (key.modes or {}).items():
            if name in extra:
                own = value.get(key.mode_key, (key.keys or {})[key.mode_key].default)
                if not isinstance(own, str) or own not in (key.modes or {}):
                    return  # the mode itself has been refused
                self.refuse(f"{where}.{name}", f"is for mode {mode}, and this one is {own}", f"remove it or set mode: {mode}")
                return
        close = difflib.get_close_matches(str(name), list(keys), 1)
        hint = f"did you mean '{close[0]}'" if close else f"known are {', '.join(sorted(keys))}"
        self.refuse(f"{where}.{name}", f"is not a key of the description{unseen(str(name))}", hint)

    def environment(self, where: str, values: Mapping[str, object], secret: bool) -> dict[str, str]:
        """Return environment variables as text. The value of a secret is not quoted in any message."""
        result: dict[str, str] = {}
        for name, value in values.items():
            if not _ENV_NAME.fullmatch(name) or _RESERVED_ENV.fullmatch(name):
                self.refuse(
                    f"{where}.{name}", "cannot be the name of an environment variable here", "use letters, digits and _; some are systemd's"
                )
            elif isinstance(value, bool) or not isinstance(value, (str, int)):
                # A number with a point is no longer what was written: 1.10 is 1.1.
                quoted = "" if secret else f" ({shown(value)})"
                self.refuse(f"{where}.{name}", f"must be text{quoted}", "write it in quotes")
            elif self.refuse_misread(f"{where}.{name}", value, secret):
                pass
            elif problem := unusable(name, str(value)):
                self.refuse(f"{where}.{name}", *problem)
            else:
                result[name] = str(value)
        if problem := too_many(result):
            self.refuse(where, *problem)
        return result
