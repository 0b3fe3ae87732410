# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The schema itself: complete enough for messages and documentation, and in agreement with itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import Validator
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.app import APP
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.key import Key
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi.packages import DEFAULT_UWSGI


def walk(key: Key = APP, path: str = "") -> Iterator[tuple[str, Key]]:
    """Yield every key of the schema with its path; keys of a mode as `routes[].valid`."""
    if path:
        yield path, key
    for name, sub in {**(key.keys or {}), **{name: sub for mode in (key.modes or {}).values() for name, sub in mode.items()}}.items():
        yield from walk(sub, f"{path}.{name}".lstrip("."))
    if key.elements:
        yield from walk(key.elements, f"{path}[]")


KEYS = dict(walk())


@pytest.mark.parametrize("path", KEYS)
def test_a_key_can_be_explained(path):
    key = KEYS[path]
    assert re.fullmatch(r"[A-Z`].+\.", key.doc), "one sentence"
    assert key.type in ("str", "int", "bool", "list", "dict", "map")
    assert bool(key.pattern) == bool(key.remedy), "whoever meets the pattern is told what to write"


@pytest.mark.parametrize("path", [path for path, key in KEYS.items() if key.default is not None])
def test_a_default_is_what_a_user_could_write(path):
    validator = Validator()
    validator.check(path, KEYS[path], KEYS[path].default)
    assert validator.problems == []


def test_a_key_has_a_default_or_says_how_it_comes_about():
    # A source has one of these, and with it what belongs to it.
    alternatives = {f"source.{name}" for name in ("path", "git", "archive", "sha256", "package", "prebuilt", "virtualenv")}
    open_keys = {
        path for path, key in KEYS.items() if not path.endswith("[]") and key.default is None and not key.required and not key.derived
    }
    # These limits are off unless they are written.
    unlimited = {"nginx.limit.rate", "nginx.limit.connections", "uwsgi.worker_memory", "uwsgi.memory_max", "uwsgi.stream.memory_max"}
    unlimited |= {"nginx.routes[].limit.rate", "nginx.routes[].limit.connections"}
    unlimited |= {"workers[].memory_max"}
    alternatives |= {"nginx.tls.certificate", "nginx.tls.key"}
    # The last three have to be asked for.
    assert open_keys == alternatives | unlimited | {"uwsgi.greenlets", "uwsgi.cheaper.minimum", "uwsgi.http"}


def test_limits_are_those_of_the_types():
    for path, key in KEYS.items():
        assert key.elements is not None or key.type != "list", path
        assert key.minimum is None or key.type in ("int", "list", "map"), path
        assert not key.choices or key.type == "str", path


def test_uwsgi_is_pinned():
    # A virtualenv is named by what it was asked for; without a version two hosts would get different ones under one name.
    assert re.fullmatch(r"pyuwsgi==[\w.]+", DEFAULT_UWSGI)
