# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The passwords and tokens in the addresses from which the code of an application comes."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from urllib.parse import urlsplit

# Forges take a token as a user without a password. Tokens are longer than names of people, which messages may have by chance.
_SHORTEST_TOKEN = 16


def url_secrets(app: Mapping[str, t.Any]) -> list[str]:
    """Return what nothing may show of the addresses in a description."""
    source = app.get("source", {})
    return [secret for key in ("git", "archive") for secret in _of(source.get(key, ""))]


def _of(address: str) -> list[str]:
    try:
        parts = urlsplit(address)
    except ValueError:
        return []  # such as an IPv6 address without its end
    if parts.password:
        return [parts.password]
    return [parts.username] if len(parts.username or "") >= _SHORTEST_TOKEN and parts.username else []
