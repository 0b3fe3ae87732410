# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""nginx tells an application about each request. The scenario `requests` shows how Flask understands it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.flaskops.stack.tests.unit.parse import nginx
from ansible_collections.flaskops.stack.tests.unit.render import describe, nginx_files
from ansible_collections.flaskops.stack.tests.unit.roles.sites import decide, decisions

ROOT = Path(__file__).parents[3]

LISTS = yaml.safe_load((ROOT / "roles/nginx_site/vars/main.yml").read_text())
DROPPED = LISTS["__nginx_site_dropped_headers"]
HOP_BY_HOP = LISTS["__nginx_site_hop_by_hop_headers"]
ROUTES = [{"path": "/"}, {"path": "/api", "mode": "cache"}, {"path": "/seed", "mode": "cache", "preset": "seed"}]


@pytest.fixture(scope="module", params=["direct", "proxy"])
def site(request, tmp_path_factory):
    """The `http` block with one site, its front server, and the server that speaks to uWSGI."""
    app = describe(nginx={"front": request.param, "server_names": ["shop.example.com"], "routes": ROUTES})
    http = nginx(nginx_files([app]), tmp_path_factory.mktemp("nginx"))
    servers = [server for server in http.all("server") if "shop.example.com" in server.one("server_name").args]
    (front,) = [server for server in servers if "80" in server.values("listen")]
    (last,) = [server for server in servers if server.all("uwsgi_param")]
    return http, front, last


def parameters(server) -> dict[str, tuple[str, ...]]:
    return {inner.args[0]: inner.args[1:] for inner in server.all("uwsgi_param")}


@pytest.mark.parametrize("header", [*DROPPED, *(header for header in HOP_BY_HOP if header not in ("Connection", "Upgrade"))])
def test_a_header_that_ends_at_nginx_reaches_no_application(site, header):
    _http, _front, last = site
    assert parameters(last)[f"HTTP_{header.upper().replace('-', '_')}"] == ("", "if_not_empty")


def test_the_proxy_drops_the_same_headers_as_the_server_behind_it(site):
    _http, front, last = site
    if front is last:
        return
    sent = {inner.args[0]: inner.args[1] for inner in front.all("proxy_set_header")}
    # nginx writes these two itself: for its own connection, and for how it sends the body on (ngx_http_proxy_module, proxy_set_header).
    assert {header: sent.get(header, "") for header in DROPPED + HOP_BY_HOP} == dict.fromkeys(DROPPED + HOP_BY_HOP, "")
    assert "Transfer-Encoding" not in sent


def test_the_host_is_what_nginx_has_chosen_the_site_by(site):
    http, front, last = site
    assert parameters(last)["HTTP_HOST"] == (("$flaskops_host",) if front is last else ("$http_host",))
    (mapped,) = [inner for inner in http.all("map") if inner.args[1] == "$flaskops_host"]
    assert {inner.name: inner.args[0] for inner in mapped.block} == {
        "default": "$flaskops_name:$flaskops_port",
        "http 80": "$flaskops_name",
        "~ $": "$flaskops_name",
        "https 443": "$flaskops_name",
    }
    assert "$http_host" not in str(mapped)


@pytest.mark.parametrize(
    ("chosen", "host"),
    [("shop.example.com", "$host"), ("*.example.com", "www.example.com"), ("_", "$flaskops_address"), ("a*.example.com", "$host")],
)
def test_a_request_without_a_host_has_one_that_a_link_can_lead_to(site, chosen, host):
    """Its $host is the first name of the site (ngx_http_variable_host)."""
    http, _front, _last = site
    (lines,) = [{inner.name: inner.args[0] for inner in known.block} for known in http.all("map") if known.args[1] == "$flaskops_name"]
    found = decide(lines, chosen)
    below = re.search(r"^\*(\..+)$", chosen)
    assert (found.replace("$flaskops_below", below.group(1)) if below else found) == host
    assert [known.args[0] for known in http.all("map") if known.args[1] == "$flaskops_odd_host"] == ["$flaskops_name"]


@pytest.mark.parametrize(
    ("path", "status"), [("/a b", ""), ("/ü", ""), ("/a\nb", "400"), ("/a\rb", "400"), ("/a\tb", "400"), ("/\x7f", "400"), ("/\x01", "400")]
)
def test_a_control_character_in_a_path_reaches_no_application(site, path, status):
    http, front, last = site
    assert decide(decisions(http, "$flaskops_odd_path"), f"{path} ") == ("1" if status else "0")
    for server in (front, last):
        (refusal,) = [found for found in server.all("if") if "$flaskops_odd_path" in str(found.args)]
        assert refusal.values("return") == ["400"]


@pytest.mark.parametrize("path", ["//admin/x", "/a//admin/x", "/./admin/x", "/admin/.", "/admin/./x"])
def test_a_path_of_the_application_that_the_next_server_would_clean_is_refused(site, path):
    http, _front, _last = site
    lines = decisions(http, "$flaskops_odd_path")
    assert decide(lines, f"{path} {path}") == "1", "X-Accel-Redirect as it was"
    # nginx cleans the path of a client before, unless somebody has set merge_slashes off, which holds for both servers.
    assert decide(lines, f"{path} ") == ("0" if "//" in path else "1")


@pytest.mark.parametrize("path", ["/admin/x", "/.well-known/a", "/a/..b", "/a.b/c", "/a /b", "/x?to=https://example.com/"])
def test_a_usual_path_of_the_application_is_followed(site, path):
    http, _front, _last = site
    assert decide(decisions(http, "$flaskops_odd_path"), f"{path.partition('?')[0]} {path}") == "0"


def test_everything_in_a_link_is_in_the_cache_key(site):
    _http, front, _last = site
    keys = [key for place in front.all("location") for name in ("uwsgi", "proxy") for key in place.values(f"{name}_cache_key")]
    assert len(keys) == 2
    for key in keys:
        assert key.startswith(("$flaskops_scheme$flaskops_host$request_uri ", "$flaskops_scheme$request_method$flaskops_host$request_uri"))


def test_a_get_with_a_body_is_neither_stored_nor_answered_from_the_store(site):
    _http, front, _last = site
    for place in front.all("location"):
        for name in ("uwsgi", "proxy"):
            for directive in (f"{name}_no_cache", f"{name}_cache_bypass"):
                assert all("$flaskops_has_body" in value for value in place.values(directive))
                assert bool(place.values(f"{name}_cache_key")) == bool(place.values(directive))


def test_the_opening_of_a_websocket_is_the_one_upgrade_that_passes(site):
    http, front, last = site
    passed = parameters(last)
    assert passed["HTTP_UPGRADE"] == ("$flaskops_upgrade", "if_not_empty")
    assert passed["HTTP_CONNECTION"] == ("$flaskops_connection", "if_not_empty")
    if front is not last:
        # The front server asks the one behind it for no upgrade but in routes that open WebSockets.
        assert {"Upgrade ", "Connection "} <= set(front.values("proxy_set_header"))
    (mapped,) = [inner for inner in http.all("map") if inner.args[1] == "$flaskops_upgrade"]
    assert {inner.name: inner.args[0] for inner in mapped.block} == {"default": "", "~*^websocket$": "websocket"}
