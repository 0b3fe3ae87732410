# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names made from content: equal inputs give equal ids, on every host and from every controller."""

from __future__ import annotations

import hashlib
import hmac
import json
import typing as t
from collections.abc import Mapping

from ..module_utils.app.orders import SealedSecrets

# 48 bits: two of a host's few hundred releases collide once in 10^9 hosts, and the name stays readable.
_ID_DIGITS = 12


def content_id(kind: str, inputs: Mapping[str, t.Any]) -> str:
    """Return the id of something made from ``inputs``; the order of keys has no influence.

    :param kind: what is named; equal inputs of different kinds get different ids
    """
    canonical = json.dumps([kind, inputs], sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:_ID_DIGITS]


def order_digest(order: Mapping[str, t.Any]) -> str:
    """Return the name of an order for a host. Nothing can be told from it, so it may be shown."""
    return hashlib.sha256(json.dumps(order, sort_keys=True).encode()).hexdigest()


def is_sealed(sealed: SealedSecrets, secrets: Mapping[str, str], key: str) -> bool:
    """Return whether the digest that an earlier run has made is that of these secrets. To make it anew takes a thousand times as long."""
    return hmac.compare_digest(sealed["seal"], seal_of(sealed["digest"], secrets, key))


def seal_of(digest: str, secrets: Mapping[str, str], key: str) -> str:
    """Return the seal of a digest: only somebody who knows the secrets and the key can make it, so later runs know whose digest it is.

    A short secret can be tried out from it, so root alone may read it.
    """
    sealed = json.dumps([digest, secrets], sort_keys=True, ensure_ascii=True)
    return hmac.digest(f"flaskops.stack:{key}".encode(), sealed.encode(), "sha256").hex()


def secret_digest(secrets: Mapping[str, str], key: str) -> str:
    """Return what stands for ``secrets`` in an id.

    A memory-hard function (RFC 7914) keyed with ``key`` and with all the secrets together, so that a short secret cannot be
    tried out from an id that everybody on the host can read.

    :param key: a value of the inventory that is secret itself, or the application's name where there is none
    """
    if not secrets:
        return ""
    canonical = json.dumps(secrets, sort_keys=True, ensure_ascii=True).encode()
    return hashlib.scrypt(canonical, salt=f"flaskops.stack:{key}".encode(), n=2**14, r=8, p=1, dklen=16).hex()
