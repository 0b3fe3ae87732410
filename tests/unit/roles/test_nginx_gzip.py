# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which answers nginx compresses: the length of a compressed page can tell what is in it (BREACH)."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.description.refused import problems
from ansible_collections.flaskops.stack.tests.unit.roles.sites import FRONTS, PLAIN, app, backend_of, front_of, location

FILES = {"path": "/static/", "mode": "static", "directory": "static"}
# By value of the key: whether a page, a file, and a file that lies packed beside itself are sent so.
WANTED = {"all": ("on", "on", "on"), "static": ("off", "on", "on"), "none": ("off", "off", "off")}


def compressed(level, places) -> list[str]:
    """Return what counts in locations, each of which has what the level above it has, unless it has its own."""
    return [(place.values("gzip") or level.values("gzip"))[0] for place in places]


@pytest.mark.parametrize("prefix", ["", "/shop"])
@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("value", WANTED)
def test_pages_and_files_are_compressed_as_the_description_says(rendered, front, prefix, value):
    server = front_of(rendered(app(front, PLAIN, FILES, gzip=value, prefix=prefix)))
    level = location(server, "^~", f"{prefix}/") if prefix else server
    page, files = location(level, *(("/shop/",) if prefix else ("/",))), location(level, "^~", f"{prefix}/static/")
    assert [*compressed(level, [page, files]), *files.values("gzip_static")] == list(WANTED[value])


@pytest.mark.parametrize("prefix", ["", "/shop"])
@pytest.mark.parametrize("front", FRONTS)
def test_a_directive_of_the_users_own_takes_the_place_of_ours(rendered, front, prefix):
    """nginx refuses a second one on the same level."""
    server = front_of(rendered(app(front, PLAIN, prefix=prefix, extra=["gzip off;"])))
    assert (location(server, "^~", f"{prefix}/") if prefix else server).values("gzip") == ["off"]


def test_files_of_backends_are_compressed_too(rendered):
    server = front_of(rendered(app("proxy", PLAIN, FILES, gzip="static", backends=["192.0.2.7:8000"])))
    assert compressed(server, [location(server, "/"), location(server, "^~", "/static/")]) == ["off", "on"]


def test_without_the_key_all_is_compressed_and_behind_the_proxy_nothing(rendered):
    http = rendered(app("proxy", PLAIN))
    assert (front_of(http).values("gzip"), backend_of(http).values("gzip")) == (["on"], ["off"])


def test_another_value_is_told():
    (told,) = problems(app(gzip="some"))
    assert told == "shop.nginx.gzip is 'some', but must be one of all, static, none; write one of them."
