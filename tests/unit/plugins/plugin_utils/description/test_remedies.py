# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A remedy can be followed: the example that it gives is accepted at the place that it is given for."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.app import APP
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.key import Key


def remedies(key: Key = APP, path: str = "") -> Iterator[tuple[str, Key, str]]:
    """Yield every key whose remedy gives one example, with that example."""
    example = re.search(r"such as (?:\"([^\"]+)\"|(\S+?))(?:,|;| |$)", key.remedy)
    if key.type == "str" and key.pattern and example:
        yield path, key, example.group(1) or example.group(2)
    for name, sub in {**(key.keys or {}), **{name: sub for mode in (key.modes or {}).values() for name, sub in mode.items()}}.items():
        yield from remedies(sub, f"{path}.{name}".lstrip("."))
    if key.elements is not None:
        yield from remedies(key.elements, f"{path}[]")


@pytest.mark.parametrize(("path", "key", "example"), [pytest.param(*found, id=found[0]) for found in remedies() if "`" not in found[2]])
def test_the_example_of_a_remedy_is_accepted(path, key, example):
    assert re.fullmatch(key.pattern, example)


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("config_dir", r"/etc/.+"),
        ("run_dir", r"/run/.+"),
        ("socket", r"/run/.+\.sock"),
        ("stream_socket", r"/run/.+\.sock"),
        ("root", r"/srv/.+"),
        ("source.prebuilt", r"/opt/.+"),
        ("source.virtualenv", r"/opt/.+"),
    ],
)
def test_the_example_of_a_path_is_of_the_kind_that_the_key_is_for(name, fits):
    examples = {path: example for path, _key, example in remedies()}
    assert re.fullmatch(fits, examples[name])
