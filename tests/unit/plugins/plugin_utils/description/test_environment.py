# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every value that is accepted can be passed on, and no value that can be is refused."""

from __future__ import annotations

import os
import subprocess

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.environment import MOST_BYTES, too_many, unusable
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError

# systemd's own words for them: unichar_is_valid.
NO_CHARACTERS = [0xD800, 0xDFFF, 0xFDD0, 0xFDEF, 0xFFFE, 0xFFFF, 0x1FFFE, 0x8FFFF, 0x10FFFE, 0x10FFFF]
CHARACTERS = [0x9, 0xA, 0x20, 0x7E, 0x80, 0xD7FF, 0xE000, 0xFDCF, 0xFDF0, 0xFFFD, 0x10000, 0x1FFFD, 0x1F600, 0x10FFFD]


@pytest.mark.parametrize("number", NO_CHARACTERS, ids=hex)
def test_what_is_no_character_is_refused_and_named(number):
    problem = unusable("A", f"a{chr(number)}")
    assert problem
    assert f"U+{number:04X}" in problem.says


@pytest.mark.parametrize("number", CHARACTERS, ids=hex)
def test_what_is_a_character_is_not(number):
    assert unusable("A", f"a{chr(number)}") is None


def starts(variables: dict[str, str]) -> bool:
    try:
        subprocess.run(["/bin/true"], env=variables, check=True)
    except OSError:
        return False
    return True


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_the_longest_value_is_the_longest_that_linux_takes(more):
    if os.sysconf("SC_PAGE_SIZE") != 4096:
        pytest.skip("the limit is 32 pages, and larger pages allow more")
    value = "é" * 65534 + "x" * (1 + more)
    assert (unusable("A", value) is None) == starts({"A": value})


@pytest.mark.parametrize("size", [1, 100_000])
def test_as_many_variables_of_both_kinds_as_are_accepted_start_a_program(size):
    def fill(letter: str) -> dict[str, str]:
        return {f"{letter}{number:06}": "x" * size for number in range(MOST_BYTES // (size + 17))}

    env, secrets = fill("A"), fill("B")
    assert too_many(env) is None
    assert starts({**env, **secrets})
    assert too_many({**env, **secrets})


@pytest.mark.parametrize("key", ["secrets", "build_env"])
@pytest.mark.parametrize("value", ["S3CRET\uffff", "S3CRET" * 22_000, "S3CRET\x01"])
def test_the_value_of_a_secret_is_in_no_message(key, value):
    with pytest.raises(AppError) as caught:
        resolve_apps([{"name": "shop", "wsgi": "a:b", "source": {"path": "."}, key: {"KEY": value}}])
    assert f"shop.{key}.KEY" in str(caught.value)
    assert "S3CRET" not in str(caught.value)
