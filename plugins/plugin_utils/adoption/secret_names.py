# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Variables of an environment that look like secrets."""

from __future__ import annotations

import re

_NAMES = re.compile(
    r".*(SECRET|PASSW|PASSPHRASE|TOKEN|CREDENTIAL|PRIVATE|SALT|DSN|WEBHOOK|COOKIE|SIGN|ENCRYPT|AUTH|(^|_)PWD($|_)|(^|_)KEYS?($|_|[0-9])|API_?KEY)",
    re.IGNORECASE,
)
_PASSWORD_IN_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s@]*:[^/\s@]+@", re.IGNORECASE)
_RANDOM = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9+/=_-]{24,}")
_PEM = "-----BEGIN "


def is_secret(name: str, value: str) -> bool:
    """Return whether a variable may be a secret: by its name, a password in a URL, a key, or a value that looks random."""
    return bool(value) and bool(_NAMES.match(name) or _PASSWORD_IN_URL.match(value) or _PEM in value or _RANDOM.fullmatch(value))


def has_password(url: str) -> bool:
    """Return whether a URL has a password or a token in front of its host."""
    return bool(re.match(r"https?://[^/\s@]+@", url) or _PASSWORD_IN_URL.match(url))
