# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of users and hashed passwords, as nginx reads them (ngx_http_auth_basic_module, auth_basic_user_file)."""

from __future__ import annotations

import functools
import hashlib
import itertools
import string
from collections.abc import Mapping

# nginx computes the hash anew with each request and answers nobody else meanwhile: 0.6 ms with the least number of rounds, 3 ms with the usual
# 5000, and 68 ms with bcrypt.
_ROUNDS = 1000
_SALT_LENGTH = 16
_LETTERS = f"./{string.digits}{string.ascii_uppercase}{string.ascii_lowercase}"


def user_file(path: str, users: Mapping[str, str]) -> str:
    """Return the text of a file of users.

    :param path: the file's own name, which the salts depend on
    :param users: passwords by name
    """
    return "".join(f"{name}:{sha512_crypt(password, _salt(f'{path}:{name}'))}\n" for name, password in sorted(users.items()))


def _salt(text: str) -> str:
    """Return the same salt in every run, so that nothing changes on the host. It says nothing of the password: a guess costs the whole hash."""
    digest = hashlib.sha256(f"flaskops:{text}".encode()).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:_SALT_LENGTH])


@functools.cache
def sha512_crypt(password: str, salt: str) -> str:
    """Return the hash of crypt(5) that the C library of every supported host knows (https://www.akkadia.org/drepper/SHA-crypt.txt).

    ansible-core computes another one from the same salt where it uses the C library of the controller, as it does since 2.21 without passlib.
    """
    key, seed = password.encode(), salt.encode()
    length = len(key)
    other = hashlib.sha512(key + seed + key).digest()
    # A block for each bit of the length, from the lowest one on.
    bits = b"".join(other if length >> bit & 1 else key for bit in range(length.bit_length()))
    digest = hashlib.sha512(key + seed + _filled(other, length) + bits).digest()
    key = _filled(hashlib.sha512(key * length).digest(), length)
    seed = _filled(hashlib.sha512(seed * (16 + digest[0])).digest(), len(seed))
    for number in range(_ROUNDS):
        is_odd = number % 2 == 1
        middle = (seed if number % 3 else b"") + (key if number % 7 else b"")
        digest = hashlib.sha512((key if is_odd else digest) + middle + (digest if is_odd else key)).digest()
    return f"$6$rounds={_ROUNDS}${salt}${_encoded(digest)}"


def _filled(block: bytes, length: int) -> bytes:
    """Return a block again and again, up to a length."""
    return bytes(itertools.islice(itertools.cycle(block), length))


def _encoded(digest: bytes) -> str:
    """Return a digest in the letters of crypt(5): three bytes in four letters, the bytes in an order of its own, and the last byte in two."""
    found = []
    for first in range(21):
        places = [first, first + 21, first + 42]
        turned = places[first % 3 :] + places[: first % 3]
        found.append((int.from_bytes(bytes(digest[place] for place in turned), "big"), 4))
    found.append((digest[63], 2))
    return "".join(_LETTERS[number >> 6 * place & 63] for number, letters in found for place in range(letters))
