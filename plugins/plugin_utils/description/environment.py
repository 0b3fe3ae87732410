# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Values of environment variables that no environment file of systemd can hold, or that no program can be started with."""

from __future__ import annotations

import re
import typing as t

# systemd refuses a whole file for one of these (src/basic/utf8.c, unichar_is_valid): surrogates and noncharacters, which no text has.
_NO_CHARACTERS = re.compile(
    "[\ud800-\udfff\ufdd0-\ufdef" + "".join(chr(plane * 0x10000 + last) for plane in range(17) for last in (0xFFFE, 0xFFFF)) + "]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
# Linux starts no program with a longer argument or variable (execve(2): MAX_ARG_STRLEN, 32 pages), the closing NUL included.
_LONGEST = 32 * 4096 - 1
# Together with arguments they have a quarter of the stack's limit, which is 8 MiB (execve(2)). Both kinds of variables get a third of that.
MOST_BYTES = 8 * 1024 * 1024 // 4 // 3
# Each has a closing NUL and a pointer.
_BESIDE = 1 + 8
_IN_A_FILE = "keep it in a file, and let the variable name the file"


class Unusable(t.NamedTuple):
    """The reason why a value cannot be used, and what to do."""

    says: str
    remedy: str


def unusable(name: str, value: str) -> Unusable | None:
    """Return why a variable cannot have a value, ``None`` if it can. The value is not quoted."""
    if _CONTROL.search(value):
        return Unusable("contains control characters, which an environment file cannot hold", "encode it, with base64 for example")
    found = _NO_CHARACTERS.search(value)
    if found:
        says = f"contains the code point U+{ord(found[0]):04X}, which is no character and which systemd refuses"
        return Unusable(says, "remove it, or encode the value with base64")
    size = size_of(name, value)
    if size > _LONGEST:
        return Unusable(f"has {size:,} bytes with its name, and Linux starts no program with more than {_LONGEST:,} in one", _IN_A_FILE)
    return None


def size_of(name: str, value: str) -> int:
    """Return the bytes of a variable as a program gets it."""
    return len(f"{name}={value}".encode())


def too_many(values: t.Mapping[str, str]) -> Unusable | None:
    """Return why variables cannot be passed on together, ``None`` if they can."""
    size = sum(size_of(name, value) + _BESIDE for name, value in values.items())
    if size <= MOST_BYTES:
        return None
    return Unusable(
        f"has {size:,} bytes, and a program can be started with {MOST_BYTES:,} of each kind", _IN_A_FILE.replace("it", "some", 1)
    )
