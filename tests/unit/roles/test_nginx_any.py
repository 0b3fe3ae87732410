# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Any description that passes the check gives a tree that nginx reads: descriptions by chance, the same in every run."""

from __future__ import annotations

import collections
import os
import re

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.tests.unit.parse import Directive, nginx
from ansible_collections.flaskops.stack.tests.unit.render import nginx_files
from ansible_collections.flaskops.stack.tests.unit.roles.any_description import descriptions
from ansible_collections.flaskops.stack.tests.unit.roles.sites import FRONTS, PLAIN, STREAM, app, servers_of

# The first seeds whose descriptions pass. `FLASKOPS_SEEDS=1000` tries more of them.
COUNT = int(os.environ.get("FLASKOPS_SEEDS", "15"))


def passes(seed: int) -> bool:
    try:
        resolve_apps(descriptions(seed))
    except AppError:
        return False
    return True


SEEDS = [seed for seed in range(COUNT * 10) if passes(seed)][:COUNT]


def twice(block: Directive) -> list[str]:
    """Return the locations that are in one block twice, which nginx refuses, of a block and of those in it."""
    seen = collections.Counter(inner.args for inner in block.all("location"))
    return [" ".join(args) for args, count in seen.items() if count > 1] + [found for inner in block.block for found in twice(inner)]


@pytest.mark.parametrize("front", FRONTS)
def test_limits_are_those_that_nginx_takes(rendered, front):
    """nginx refuses `burst=0` and limits of 65536 and more, as a machine with a real nginx has shown for such descriptions."""
    http = rendered(app(front, STREAM, limit={"rate": "1r/s", "burst": 0, "connections": 65535, "streams": 65535}))
    (server,) = [one for one in servers_of(http, front) if one.all("limit_req")]
    assert server.values("limit_req") == ["zone=flask_shop_rate"]
    for key in ("connections", "streams"):
        with pytest.raises(AppError, match=f"{key} is 65536, but must be from"):
            resolve_apps([app(front, limit={key: 65536})])
    many = resolve_apps([{**app(front, STREAM), "uwsgi": {"stream": {"processes": 1024, "greenlets": 100000}}}])
    assert many[0]["nginx"]["limit"]["streams"] == 65535


def as_nginx_reads(token: str) -> str:
    """Return a quoted token as nginx reads it (ngx_conf_file.c, ngx_conf_read_token); crossplane leaves backslashes in it."""
    found = re.fullmatch(r'"((?:[^"\\]|\\.)*)"', token)
    assert found, "the token ends elsewhere"
    return re.sub(r"\\([\"'\\trn])", lambda match: {"t": "\t", "r": "\r", "n": "\n"}.get(match[1], match[1]), found[1])


@pytest.mark.parametrize("path", [r"^/a\\", r"^/a\\\\", r"^/\\\w$", r"^/\x22\'", r"^/\\n\t"])
def test_a_regular_expression_reaches_nginx_as_it_was_written(path):
    (resolved,) = resolve_apps([app("direct", PLAIN, {"path": path, "match": "regex"})])
    location = resolved["nginx"]["routes"][1]["location"]
    assert as_nginx_reads(location.removeprefix("~ ")) == path


def test_enough_descriptions_pass():
    assert len(SEEDS) == COUNT


@pytest.mark.parametrize("seed", SEEDS)
def test_a_description_that_passes_gives_a_tree_that_can_be_read(seed, tmp_path):
    http = nginx(nginx_files(descriptions(seed)), tmp_path)
    assert [found for server in http.all("server") for found in twice(server)] == []
    names = [tuple(server.one("server_name").args) + tuple(server.values("listen")) for server in http.all("server")]
    assert len(names) == len(set(names)), "two servers for the same names at the same addresses"
