# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Applications on the same server names: which can share a server, and what the others are told."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.shared_servers import share_dir, shared_servers
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.tests.unit.render import describe

NAMES = ["www.example.com", "example.com"]


def on(name: str, prefix: str = "", names: list[str] | None = None, **nginx):
    return describe(name=name, nginx={"server_names": names or NAMES, "prefix": prefix, **nginx})


@pytest.mark.parametrize(
    "apps",
    [
        [on("a", "/a"), on("b", "/b")],
        [on("a"), on("b", "/b", NAMES[::-1], front="proxy")],
        [on("a", "/x"), on("b", "/x/y")],
        [on("a", "/a", ["_"]), on("b", "/b", ["default"])],
        [on("a", tls={"self_signed": True}), on("b", "/b")],
        [on("a", "/a", ["_", "example.com"]), on("b", "", ["example.com", "_"])],
    ],
)
def test_applications_below_prefixes_share_their_names(apps):
    assert len({app["nginx"]["share_dir"] for app in resolve_apps(apps)}) == 1


@pytest.mark.parametrize(
    ("apps", "says"),
    [
        (
            [on("a", "/x"), on("b", "/x")],
            "is used by 'a' and 'b' with the prefix '/x'; give each application its own, or a prefix of its own",
        ),
        ([on("a"), on("b")], "is used by 'a' and 'b'; give each application its own, or a prefix of its own"),
        (
            [on("a"), on("b", "/b", ["example.com"])],
            "is used by 'a' and 'b', whose other names differ: www.example.com example.com and example.com; applications that share a name",
        ),
        (
            [on("a", tls={"self_signed": True}), on("b", "/b", tls={"self_signed": True})],
            "is used by 'a' and 'b', and both have tls; keep it",
        ),
        (
            [on("a", routes=[{"path": "/b/", "mode": "deny"}]), on("b", "/b")],
            "is used by 'a' and 'b', and the route /b/ of 'a' is where 'b' is mounted; remove the route or take another prefix",
        ),
        ([on("a", "", ["_"]), on("b", "", ["_"])], "is used by 'a' and 'b', but only one site can answer the hosts that no other site has"),
        ([on("a", "/a", ["_"]), on("b", "/b", ["_", "x.test"])], "is used by 'a' and 'b', but only one site can answer"),
    ],
)
def test_what_cannot_be_shared_is_refused_by_names(apps, says):
    with pytest.raises(AppError, match="the server name '") as refused:
        resolve_apps(apps)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("names", "directory"),
    [
        (["www.example.com", "example.com"], "flaskops-sites/example.com"),
        (["*.example.com"], "flaskops-sites/any..example.com"),
        (["[2001:db8::1]"], "flaskops-sites/2001..db8....1"),
        (["_"], "flaskops-sites/_"),
    ],
)
def test_a_directory_has_no_character_that_is_special_in_a_pattern(names, directory):
    assert share_dir(names) == share_dir(names[::-1]) == directory


def test_a_server_is_one_for_all_that_share_it():
    apps = resolve_apps([on("a", "/a"), on("b", "/b", NAMES[::-1], front="proxy"), on("c", "/c", ["c.test"]), on("d", "", ["d.test"])])
    assert shared_servers(apps) == [
        {"dir": "flaskops-sites/example.com", "names": sorted(NAMES), "catch_all": False, "proxied": True},
        {"dir": "flaskops-sites/c.test", "names": ["c.test"], "catch_all": False, "proxied": False},
    ]
