# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of users and hashed passwords, as nginx reads them (ngx_http_auth_basic_module, auth_basic_user_file)."""

from __future__ import annotations

import functools
import hashlib
import string
from collections.abc import Mapping

from ansible.errors import AnsibleError
from ansible.utils.encrypt import do_encrypt

from .validate import AppError

# crypt(5): SHA-512, which the C library of every supported host knows.
_ALGORITHM = "sha512_crypt"
# nginx computes the hash anew with each request and answers nobody else meanwhile: 0.6 ms with the least number of rounds, 3 ms with the usual
# 5000, and 68 ms with bcrypt.
_ROUNDS = 1000
_SALT_LENGTH = 16
_SALT_LETTERS = f"./{string.digits}{string.ascii_uppercase}{string.ascii_lowercase}"


def user_file(path: str, users: Mapping[str, str]) -> str:
    """Return the text of a file of users.

    :param path: the file's own name, which the salts depend on
    :param users: passwords by name
    :raises AppError: if the controller cannot hash passwords
    """
    return "".join(f"{name}:{_hash(password, _salt(f'{path}:{name}'))}\n" for name, password in sorted(users.items()))


def require_hashing() -> None:
    """Require a controller that can hash passwords.

    :raises AppError: with the remedy
    """
    _hash("password", "salt")


def _salt(text: str) -> str:
    """Return the same salt in every run, so that nothing changes on the host. It says nothing of the password: a guess costs the whole hash."""
    digest = hashlib.sha256(f"flaskops:{text}".encode()).digest()
    return "".join(_SALT_LETTERS[byte % len(_SALT_LETTERS)] for byte in digest[:_SALT_LENGTH])


@functools.cache
def _hash(password: str, salt: str) -> str:
    try:
        return do_encrypt(password, _ALGORITHM, salt=salt, rounds=_ROUNDS)
    except AnsibleError as error:
        raise AppError(
            [f"access.basic: this controller cannot hash passwords ({error}); install libpass, or passlib, beside ansible-core."]
        ) from error
