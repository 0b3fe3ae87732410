# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keys of a site that do not fit together, and directives that nginx would take without effect."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi.settings import instance_settings
from ansible_collections.flaskops.stack.tests.unit.render import RELEASE, complete, describe, resolve_app

DEFAULT_ONLY = [
    "merge_slashes off;",
    "underscores_in_headers on;",
    "client_header_buffer_size 8k;",
    "large_client_header_buffers 8 64k;",
    "ssl_protocols TLSv1.3;",
    "gzip off; ignore_invalid_headers off;",
    "location /a { return 204; }\nmerge_slashes off;",
]


def problems(**changes) -> str:
    with pytest.raises(AppError) as refused:
        resolve_apps([describe(**changes)])
    return str(refused.value)


@pytest.mark.parametrize("directive", DEFAULT_ONLY)
def test_a_directive_of_the_default_server_is_refused_elsewhere(directive):
    told = problems(nginx={"server_names": ["shop.example.com"], "extra": ["gzip on;", directive]})
    assert "shop.nginx.extra[1] has " in told
    assert "which counts on the default server of an address only, and nginx would ignore it here" in told
    assert "/etc/nginx/conf.d/local.conf" in told or "nginx_site_catch_all: false" in told


@pytest.mark.parametrize("directive", ["gzip on;", "set $a merge_slashes;", "add_header X-A 'merge_slashes off';", "listen 8443 ssl;"])
def test_other_directives_are_taken(directive):
    assert resolve_app(describe(nginx={"extra": [directive]}))["nginx"]["extra"] == [directive]


@pytest.mark.parametrize("name", ["_", "default"])
def test_the_site_for_every_host_is_the_default_server(name):
    resolve_app(describe(nginx={"server_names": [name], "extra": ["merge_slashes off;"]}))


@pytest.mark.parametrize("parameter", ["reuseport", "backlog=512", "ipv6only=off", "so_keepalive=on"])
def test_a_parameter_of_the_socket_is_refused_in_a_site(parameter):
    told = problems(nginx={"extra": [f"listen 80 {parameter};"]})
    assert f"shop.nginx.extra[0] has listen with {parameter}; write the parameter into nginx_site_listen" in told


def harakiri(**changes) -> int:
    (value,) = [item["value"] for item in instance_settings(complete(**changes), RELEASE, 10) if item["option"] == "harakiri"]
    return value


@pytest.mark.parametrize(
    ("routes", "seconds"),
    [
        ([{"path": "/"}], 60),
        ([{"path": "/"}, {"path": "/report", "read_timeout": "300s"}], 300),
        ([{"path": "/", "mode": "cache", "read_timeout": "5m", "ignore_cookies": []}], 300),
        ([{"path": "/", "read_timeout": "90"}], 90),
        ([{"path": "/", "read_timeout": "5s"}], 60),
        ([{"path": "/"}, {"path": "/events", "mode": "stream"}], 60),
    ],
)
def test_a_worker_lives_as_long_as_nginx_waits(routes, seconds):
    assert harakiri(nginx={"routes": routes}) == seconds


@pytest.mark.parametrize("own", [60, "60"])
def test_a_harakiri_that_ends_a_request_before_nginx_is_refused(own):
    told = problems(uwsgi={"options": {"harakiri": own}}, nginx={"routes": [{"path": "/a", "read_timeout": "300s"}]})
    assert "shop.nginx.routes[0].read_timeout is 300s, but uwsgi.options.harakiri replaces a worker after 60 s; write harakiri: 300" in told


@pytest.mark.parametrize(
    ("own", "route"),
    [
        (300, {"path": "/a", "read_timeout": "300s"}),
        (20, {"path": "/a"}),
        (None, {"path": "/a", "read_timeout": "300s"}),
        (20, {"path": "/a", "mode": "stream"}),
    ],
)
def test_limits_that_fit_together(own, route):
    resolve_app(describe(uwsgi={"options": {"harakiri": own}}, nginx={"routes": [route]}))


ERROR_PAGES = {"error_pages": {404: "errors/404.html"}}


@pytest.mark.parametrize(
    ("nginx", "told"),
    [
        ({"error_pages": {200: "a.html"}}, "shop.nginx.error_pages.'200' cannot be a name here"),
        ({"error_pages": {444: "a.html"}}, "shop.nginx.error_pages.'444' cannot be a name here"),
        ({"error_pages": {404: "/srv/a.html"}}, "shop.nginx.error_pages.404 is '/srv/a.html', which cannot be used here"),
        ({"error_pages": {404: "a/../b.html"}}, "write paths of the source by status, such as {404: shop/errors/404.html}"),
        ({"maintenance": {"page": "closed.txt"}}, "shop.nginx.maintenance.page is 'closed.txt'"),
        (
            {**ERROR_PAGES, "intercept_errors": True, "routes": [{"path": "/"}, {"path": "/a", "mode": "cache"}]},
            "shop.nginx.routes[1] is a cache route of front: direct with intercept_errors",
        ),
        (
            {"error_pages": {401: "a.html"}, "access": {"request": {"url": "http://127.0.0.1:1/a", "paths": "/o/", "login": "/o/start"}}},
            "shop.nginx.error_pages.401 has a page, and access.request.login is what answers 401",
        ),
    ],
)
def test_a_page_that_cannot_be_sent_is_refused(nginx, told):
    assert told in problems(nginx=nginx)


def test_pages_need_a_release():
    with pytest.raises(AppError, match="error_pages names files of the release, and this description has no source"):
        resolve_apps([{"name": "shop", "nginx": ERROR_PAGES}], require=())


@pytest.mark.parametrize("more", [{"front": "proxy"}, {"routes": [{"path": "/a", "mode": "cache", "error_pages": False}]}])
def test_pages_and_caches_fit_together_where_no_error_is_stored(more):
    routes = [{"path": "/a", "mode": "cache"}]
    assert resolve_app(describe(nginx={**ERROR_PAGES, "intercept_errors": True, "routes": routes, **more}))["nginx"]["pages_url"]
