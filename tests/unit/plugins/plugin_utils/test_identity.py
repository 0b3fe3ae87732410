# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names made from content."""

from __future__ import annotations

import hashlib
import re

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.identity import content_id, secret_digest

INPUTS = {"a": "1", "b": ["x", "y"], "c": {"d": None, "e": True}}


def test_an_id_is_a_short_word():
    assert re.fullmatch(r"[0-9a-f]{12}", content_id("release", INPUTS))


def test_the_order_of_keys_does_not_matter():
    turned = {"c": {"e": True, "d": None}, "b": ["x", "y"], "a": "1"}
    assert content_id("release", turned) == content_id("release", INPUTS)


@pytest.mark.parametrize(
    "other",
    [
        {**INPUTS, "a": "2"},
        {**INPUTS, "a": 1},
        {**INPUTS, "a": ""},
        {**INPUTS, "b": ["y", "x"]},
        {**INPUTS, "b": ["x,y"]},
        {**INPUTS, "c": {"d": None, "e": False}},
        {**INPUTS, "f": None},
        {"a": "1"},
        {},
    ],
)
def test_any_other_input_is_another_id(other):
    assert content_id("release", other) != content_id("release", INPUTS)


def test_equal_inputs_of_another_kind_are_another_id():
    assert content_id("release", INPUTS) != content_id("virtualenv", INPUTS)


def test_ids_stay_what_they_are():
    # Whatever changes this renames everything on every host, and starts every application anew.
    assert content_id("release", {"code": "abc", "caf\u00e9": 1}) == "b79e2d0ef565"


SECRETS = {"TOKEN": "hunter2", "PIN": "1234"}


def test_digests_stay_what_they_are():
    # This digest may not change either: it enters the ids of instances.
    assert secret_digest({"TOKEN": "caf\u00e9", "A": "b"}, "key") == "883be21fb114a2ea5b7073f43d8805ef"


def test_no_secrets_have_no_digest():
    assert secret_digest({}, "key") == ""


def test_a_digest_does_not_depend_on_order():
    assert secret_digest(dict(reversed(SECRETS.items())), "key") == secret_digest(SECRETS, "key")


@pytest.mark.parametrize(
    ("secrets", "key"), [({**SECRETS, "PIN": "1235"}, "key"), ({"TOKEN": "hunter2"}, "key"), (SECRETS, "other"), (SECRETS, "")]
)
def test_another_secret_or_key_is_another_digest(secrets, key):
    assert secret_digest(secrets, key) != secret_digest(SECRETS, "key")


def test_a_digest_is_too_dear_to_be_guessed_at(monkeypatch):
    asked = {}
    monkeypatch.setattr(hashlib, "scrypt", lambda text, **cost: asked.update(cost) or b"")
    secret_digest(SECRETS, "key")
    assert asked["n"] * asked["r"] * 128 >= 16 * 2**20, "16 MiB for each guess"
