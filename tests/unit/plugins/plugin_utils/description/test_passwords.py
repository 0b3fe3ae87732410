# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hashes of passwords are those of crypt(5), and the same ones on every controller."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.passwords import sha512_crypt, user_file
from passlib.hash import sha512_crypt as reference

# Passwords have 8 to 100 characters; the steps differ by whether the bytes fill blocks of 64.
PASSWORDS = [
    "password",
    *("a0 Z./$\u20ac"[place % 8 :] * 20 for place in range(8)),
    *("x" * length for length in (63, 64, 65, 100)),
    "\u20ac" * 100,
]


@pytest.mark.parametrize("password", PASSWORDS)
def test_a_hash_is_that_of_another_implementation(password):
    assert sha512_crypt(password, "abcdefghijklmnop") == reference.using(salt="abcdefghijklmnop", rounds=1000).hash(password)


def test_a_file_has_the_same_text_whatever_the_controller_has():
    """With this text on a host, a run that begins on any controller changes nothing."""
    line = "bob:$6$rounds=1000$dpJHC36wDTBQYUjX$DGff9rGfg1tSAco/AltLEuf1bq4blSs.eJ8/Zwn/88zoZOtnL32rZklXHa8eqp7lbGfv2JiJfKyMJlkxuwKwC0\n"
    assert user_file("shop:flaskops/shop.users", {"bob": "correct horse"}) == line
