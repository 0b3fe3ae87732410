# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Several applications on one server name: one server, with the locations of each."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.tests.unit.render import describe
from ansible_collections.flaskops.stack.tests.unit.roles.sites import FRONTS, HOP, backend_of, front_of, location, places

NAME = "www.example.com"
ROUTES = [
    {"path": "/"},
    {"path": "/api", "mode": "cache"},
    {"path": "/s/", "mode": "static", "directory": "s"},
    {"path": "/t", "mode": "stream"},
]


def on(name: str, prefix: str, front: str = "direct", **more):
    return describe(name=name, nginx={"server_names": [NAME], "prefix": prefix, "front": front, "routes": ROUTES, **more})


def params(place) -> dict[str, str]:
    return {inner.args[0]: inner.args[1] for inner in place.all("uwsgi_param")}


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("root", [*FRONTS, None])
def test_each_application_has_its_locations_on_one_server(rendered, front, root):
    apps = [on("shop", "/shop", front), on("admin", "/admin", "proxy"), *([on("main", "", root)] if root else [])]
    http = rendered(*apps)
    server = front_of(http, NAME)  # exactly one
    for name, hop in (("shop", HOP[front]), ("admin", "proxy")):
        mounted = location(server, "^~", f"/{name}/")
        assert places(mounted) == {(f"/{name}/",), (f"/{name}/api",), ("^~", f"/{name}/s/"), (f"/{name}/t",)}
        assert mounted.values("root") == [f"/srv/flask/{name}/public/current"]
        target = f"flask_{name}$flask_{name}_paused" if hop == "uwsgi" else "http://flaskops_backend"
        assert location(mounted, f"/{name}/").values(f"{hop}_pass") == [target]
        assert location(mounted, "^~", f"/{name}/s/").values("try_files") == [f"$uri @previous.{name}"]
        assert location(server, f"@previous.{name}").values("root") == [f"/srv/flask/{name}/public/previous"]
        assert location(mounted, f"/{name}/api").values(f"{hop}_cache") == [f"flask_{name}"]
        inner = mounted if hop == "uwsgi" else location(backend_of(http, NAME), "^~", f"/{name}/")
        assert (params(inner)["SCRIPT_NAME"], params(inner)["PATH_INFO"]) == (f"/{name}", f"$flask_{name}_path")
        assert {"HTTP_HOST", "REQUEST_METHOD"} <= params(inner).keys()
    assert location(server, "/").values("return") == ([] if root else ["404"])
    if root == "direct":
        assert location(server, "/").values("uwsgi_pass") == ["flask_main$flask_main_paused"]
        assert params(server)["SCRIPT_NAME"] == ""


def test_each_application_has_its_own_limits(rendered):
    shop = on("shop", "/shop", max_body_size="1k", log="json", extra=["add_header X-Shop yes;"], headers={"X-Frame-Options": "DENY"})
    server = front_of(rendered(shop, on("main", "", max_body_size="25m")), NAME)
    mounted = location(server, "^~", "/shop/")
    assert (server.values("client_max_body_size"), mounted.values("client_max_body_size")) == (["25m"], ["1k"])
    assert mounted.values("access_log") == ["/var/log/nginx/shop.access.log flaskops_json buffer=32k flush=1s"]
    assert "X-Shop yes" in mounted.values("add_header")


def test_front_servers_on_other_hosts_find_each_application(rendered):
    http = rendered(on("shop", "/shop", "proxy"), on("admin", "/admin", "proxy"), nginx_site_front_addresses=["192.0.2.1"])
    server = backend_of(http, NAME, "0.0.0.0:8000")
    assert {("^~", "/shop/"), ("^~", "/admin/")} <= places(server)
