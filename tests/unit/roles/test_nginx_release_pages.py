# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pages of a release that nginx sends in place of its own."""

from __future__ import annotations

import json

import pytest
from ansible_collections.flaskops.stack.tests.unit.render import describe, nginx_files
from ansible_collections.flaskops.stack.tests.unit.roles.sites import FRONTS, HOP, backend_of, front_of, location, servers_of

PAGES = {404: "errors/404.html", 502: "errors/down.html"}
ROUTES = [
    {"path": "/"},
    {"path": "/api", "error_pages": False},
    {"path": "/docs/", "mode": "static", "directory": "docs", "index": "index.html"},
]
OWN, DEFAULT = "/.flaskops/shop/{0}.$flaskops_page_kind", "/.flaskops/{0}.$flaskops_page_kind"
WITH_PAGES = [
    f"404 {OWN.format(404)}",
    f"429 {DEFAULT.format(429)}",
    f"502 {OWN.format(502)}",
    f"503 {DEFAULT.format(503)}",
    f"504 {DEFAULT.format(504)}",
]
WITHOUT = [f"{status} {DEFAULT.format(status)}" for status in (429, 502, 503, 504)]


def shop(front: str = "direct", **nginx) -> dict:
    return describe(nginx={"server_names": ["shop.example.com"], "front": front, "error_pages": PAGES, "routes": ROUTES, **nginx})


def tried(place) -> list[str]:
    """Return the files that nginx looks for; tests have the tree of nginx elsewhere."""
    return [file[file.find("flaskops/pages") :] if "flaskops/pages" in file else file for file in place.one("try_files").args]


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("prefix", ["", "/shop"])
def test_a_page_of_the_release_stands_for_its_status_on_every_server(rendered, front, prefix):
    for server in servers_of(rendered(shop(front, prefix=prefix)), front):
        level = location(server, "^~", f"{prefix}/") if prefix else server
        assert level.values("error_page") == WITH_PAGES
        place = location(server, "^~", "/.flaskops/shop/")
        assert place.all("internal")
        assert tried(place) == ["/srv/flask/shop/public/current$uri", "flaskops/pages$uri", "=404"]
        assert {"Retry-After $flaskops_retry_after always", "Cache-Control no-store always"} <= set(place.values("add_header"))
        assert (place.values("allow"), place.values("auth_basic")) == (["all"], ["off"]), "rules of the site hold for no page"


@pytest.mark.parametrize("front", FRONTS)
def test_a_route_has_only_the_pages_of_the_collection_if_it_wants_none(rendered, front):
    server = front_of(rendered(shop(front)))
    assert location(server, "/api").values("error_page") == WITHOUT
    assert location(server, "/").values("error_page") == [], "inherited"


def test_a_missing_file_of_a_route_with_an_index_gets_the_page_too(rendered):
    server = front_of(rendered(shop()))
    docs = location(server, "^~", "/docs/")
    assert docs.values("error_page") == ["403 404 = @previous", *WITH_PAGES]
    assert docs.values("recursive_error_pages") == ["on"], "a second page for one request (ngx_http_special_response_handler)"
    assert location(server, "@previous").values("error_page") == WITH_PAGES


@pytest.mark.parametrize("front", FRONTS)
def test_answers_of_the_application_are_left_alone_unless_asked(rendered, front):
    for server in servers_of(rendered(shop(front)), front):
        assert server.values("uwsgi_intercept_errors") + server.values("proxy_intercept_errors") == ["off"]


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("prefix", ["", "/shop"])
def test_the_server_that_speaks_to_uwsgi_intercepts(rendered, front, prefix):
    http = rendered(shop(front, intercept_errors=True, prefix=prefix))
    *fronts, last = servers_of(http, front)
    level = location(last, "^~", f"{prefix}/") if prefix else last
    assert level.values("uwsgi_intercept_errors") == ["on"]
    assert location(level, f"{prefix}/api").values("uwsgi_intercept_errors") == ["off"]
    for server in fronts:
        assert "on" not in server.values("proxy_intercept_errors"), (
            "a front server that caches would store the error of one visitor for all"
        )
    if fronts:
        page = location(last, "^~", "/.flaskops/shop/")
        assert "X-Flask-Instance $upstream_http_x_flask_instance always" in page.values("add_header"), "the mark of the front server"


def test_a_front_server_on_another_host_has_no_release(rendered):
    http = rendered(shop("proxy", backends=["192.0.2.2:8000"]))
    place = location(front_of(http), "^~", "/.flaskops/shop/")
    assert tried(place) == ["flaskops/pages$uri", "=404"]


def test_front_servers_on_other_hosts_get_the_pages_of_the_release(rendered):
    http = rendered(shop("proxy", intercept_errors=True), nginx_site_front_addresses=["192.0.2.9"])
    server = backend_of(http, listen="0.0.0.0:8000")
    assert (server.values("error_page"), server.values("uwsgi_intercept_errors")) == (WITH_PAGES, ["on"])


def test_a_release_without_a_page_is_answered_for_by_the_collection():
    files = nginx_files([shop(maintenance={"page": "errors/closed.html"})])
    own = {path.rpartition("/")[2]: text for path, text in files.items() if "/pages/.flaskops/shop/" in path}
    assert set(own) == {f"{name}.{kind}" for name in ("404", "502", "closed") for kind in ("html", "json")}
    assert json.loads(own["404.json"])["error"] == "Not Found"
    assert "restarted" in own["502.html"]


def test_a_closed_site_sends_its_page(rendered):
    files = nginx_files([shop(maintenance={"page": "errors/closed.html", "retry_after": 60})])
    assert "error_page 503 /.flaskops/shop/closed.$flaskops_page_kind;" in files["flaskops/shop.closed.conf"]
    place = location(
        front_of(rendered(shop(maintenance={"page": "errors/closed.html", "retry_after": 60}))), "^~", "/.flaskops/shop/closed."
    )
    assert "Retry-After 60 always" in place.values("add_header")


def test_a_site_without_pages_has_no_place_for_them(rendered):
    for front in HOP:
        for server in servers_of(rendered(shop(front, error_pages={})), front):
            assert not [place for place in server.all("location") if place.args[-1].startswith("/.flaskops/shop/")]
