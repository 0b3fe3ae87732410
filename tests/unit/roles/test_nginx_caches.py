# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Answers that nginx stores, their keys and zones, and streams that no hop holds back."""

from __future__ import annotations

import re

import pytest
from ansible_collections.flaskops.stack.tests.unit.render import describe
from ansible_collections.flaskops.stack.tests.unit.roles.sites import (
    CACHE,
    FRONTS,
    HOP,
    PLAIN,
    STREAM,
    app,
    backend_of,
    decisions,
    front_of,
    location,
    servers_of,
)

# --- cache ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("front", FRONTS)
def test_a_cached_route_stores_what_belongs_to_nobody(rendered, front):
    http, hop = rendered(app(front, PLAIN, {**CACHE, "valid": {200: "30d", 404: "1m"}})), HOP[front]
    cached = location(front_of(http), "/api")
    assert cached.values(f"{hop}_cache") == ["flask_shop"]
    assert cached.values(f"{hop}_cache_valid") == ["200 30d", "404 1m"]
    assert cached.values(f"{hop}_cache_key") == ["$flaskops_scheme$flaskops_host$request_uri $realpath_root $http_origin"]
    personal, unsafe = "$flaskops_personal $flask_shop_1_cookies", "$flaskops_has_body $flaskops_upgrade $flaskops_override"
    refused = (
        "$flaskops_private $flaskops_targeted $flaskops_any_variant $flaskops_aged $flaskops_over $flaskops_not_understood"
        " $flask_shop_1_unlisted"
    )
    assert cached.values(f"{hop}_no_cache") == [f"{personal} {refused} {unsafe} $flaskops_other_instance"]
    assert cached.values(f"{hop}_cache_bypass") == [f"{personal} {unsafe}"]
    assert cached.values(f"{hop}_cache_lock") == ["on"]
    assert cached.values("open_file_cache_valid") == ["1s"], "files that somebody removes by hand are missed within a second"
    assert "X-Proxy-Cache $upstream_cache_status always" in cached.values("add_header")
    # Headers of the application that forbid storing are obeyed, whatever the host's own http block says.
    assert cached.values(f"{hop}_ignore_headers") == ["X-Accel-Charset"]
    assert cached.values(f"{hop}_cache_methods") == ["GET HEAD"]


@pytest.mark.parametrize("front", FRONTS)
def test_an_answer_is_of_the_instance_in_its_key(rendered, front):
    http, hop = rendered(app(front, PLAIN, CACHE)), HOP[front]
    # The root that $realpath_root is made of, and the header that tells whose answer it is.
    assert front_of(http).values("root") == ["/srv/flask/shop/public/current"]
    assert front_of(http).values(f"{hop}_hide_header") == ["X-Flask-Instance"]
    mapped = decisions(http, "$flaskops_other_instance")
    assert mapped.pop("default") == "1"
    ((pattern, same),) = mapped.items()
    assert same == "0"
    for root, header, is_same in (
        ("/x/public/0a1b", "0a1b", True),
        ("/x/public/0a1b", "0a1c", False),
        ("/x/public/0a1b", "", False),
        ("", "0a1b", False),
    ):
        assert bool(re.search(pattern.removeprefix("~"), f"{root} {header}")) == is_same


def test_without_an_instance_of_ours_the_key_is_the_request(rendered):
    http = rendered({"name": "shop", "nginx": {"server_names": ["shop.example.com"], "routes": [CACHE]}})
    assert location(front_of(http), "/api").values("uwsgi_cache_key") == ["$flaskops_scheme$flaskops_host$request_uri $http_origin"]
    assert not front_of(http).all("root")


@pytest.mark.parametrize("front", FRONTS)
def test_the_zone_of_a_cache_is_declared_once_and_only_if_used(rendered, front):
    http, hop = rendered(app(front, PLAIN, CACHE, {"path": "/more", "mode": "cache"}, cache_size="1g")), HOP[front]
    zone = http.one(f"{hop}_cache_path")
    assert zone.args[0] == "/var/cache/nginx/shop"
    assert {"keys_zone=flask_shop:10m", "max_size=1g", "use_temp_path=off"} <= set(zone.args)
    assert not rendered(app(front)).all(f"{hop}_cache_path")


def test_only_the_front_caches(rendered):
    http = rendered(app("proxy", PLAIN, CACHE))
    backend = backend_of(http)
    assert {name for name in backend.names() if "cache" in name} == {"open_file_cache", "uwsgi_cache"}
    assert backend.values("uwsgi_cache") == ["off"]
    assert not [inner for inner in backend.all("location") if set(inner.values("uwsgi_cache")) - {"off"}]


def test_caches_of_applications_are_apart(rendered):
    apps = [describe(name=name, nginx={"routes": [CACHE]}) for name in ("shop", "blog")]
    zones = rendered(*apps).all("uwsgi_cache_path")
    assert [zone.args[0] for zone in zones] == ["/var/cache/nginx/blog", "/var/cache/nginx/shop"]
    assert {arg for zone in zones for arg in zone.args if arg.startswith("keys_zone")} == {
        "keys_zone=flask_shop:10m",
        "keys_zone=flask_blog:10m",
    }


# --- stream --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("front", FRONTS)
def test_no_hop_holds_a_stream_back(rendered, front):
    http = rendered(app(front, PLAIN, {**STREAM, "read_timeout": "2h"}))
    for server, hop in zip(servers_of(http, front), [HOP[front], "uwsgi"], strict=False):
        streaming = location(server, "/time/")
        assert streaming.values(f"{hop}_buffering") == ["off"]
        assert streaming.values("gzip") == ["off"]
        assert streaming.values(f"{hop}_cache") == ["off"]
        assert streaming.values(f"{hop}_read_timeout") == ["2h"]
        assert not location(server, "/").all(f"{hop}_buffering")


@pytest.mark.parametrize(("route", "time"), [(PLAIN, "60s"), (CACHE, "60s"), (STREAM, "1h"), ({**PLAIN, "read_timeout": "5m"}, "5m")])
def test_every_hop_waits_as_long(rendered, route, time):
    http = rendered(app("proxy", route))
    assert location(front_of(http), route["path"]).values("proxy_read_timeout") == [time]
    assert location(backend_of(http), route["path"]).values("uwsgi_read_timeout") == [time]
