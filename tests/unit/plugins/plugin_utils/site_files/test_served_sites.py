# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""served_sites: what the sites of a host decide about one another."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.site_files.served_sites import ServedSites
from ansible_collections.flaskops.stack.tests.unit.render import complete

VARIABLES = {"nginx_site_catch_all": True, "nginx_site_manage_main": True}
CATCH_ALL = "sites-available/flaskops-catch-all.conf"
FAILED = {"blog": "blog: the release cannot be built: no"}


def site(name: str = "shop", state: str = "present", **nginx: object) -> dict:
    return complete(name=name, state=state, nginx=nginx)


def paths(*apps: dict, left_out: dict[str, str] | None = None, **variables: bool) -> list[str]:
    return [file["path"] for file in ServedSites(apps, left_out or {}).files({**VARIABLES, **variables}, {})]


def test_what_is_there_once_is_there_without_any_site():
    assert paths()[-3:] == ["nginx.conf", CATCH_ALL, "sites-enabled/flaskops-catch-all.conf"]
    assert "nginx.conf" not in paths(nginx_site_manage_main=False)
    assert CATCH_ALL not in paths(nginx_site_catch_all=False)


@pytest.mark.parametrize(
    ("nginx", "taken"),
    [
        ({}, []),
        ({"server_names": ["_"]}, ["front"]),
        ({"server_names": ["_"], "front": "proxy"}, ["front", "backend"]),
        ({"server_names": ["_"], "backends": ["192.0.2.1:80"], "front": "proxy"}, ["front"]),
    ],
)
def test_a_site_for_every_host_takes_the_place_of_the_default_servers(nginx, taken):
    served = ServedSites([site(**nginx)], {})
    assert served.taken == taken
    assert (CATCH_ALL in paths(site(**nginx))) is (len(taken) < 2)


def test_an_application_that_is_left_out_keeps_its_files():
    apps = [site(), site("blog"), site("gone", "absent")]
    assert ServedSites(apps, FAILED).owners == ["nginx_site", "shop", "gone"]
    assert not [path for path in paths(*apps, left_out=FAILED) if "blog" in path]
    assert ServedSites(apps, {}).gone == ["gone"]


def test_nobody_knows_whether_a_failed_application_answers_every_host_already():
    apps = [site(), site("blog", server_names=["_"])]
    assert ServedSites(apps, FAILED).owners == ["shop"]
    assert CATCH_ALL not in paths(*apps, left_out=FAILED)
    assert ServedSites(apps, FAILED).decided(for_every_host=False)["own_default"] is True


def test_one_server_has_the_parameters_of_each_socket():
    tls = {"self_signed": True, "http3": True}
    served = ServedSites([site("plain"), site(tls=tls), site("blog", tls=tls)], {})
    assert {key: value for key, value in served.decided(for_every_host=False).items() if "first" in key} == {
        "first": "plain",
        "tls_first": "shop",
        "http3_first": "shop",
    }
    assert not any(value for key, value in served.decided(for_every_host=True).items() if "first" in key)


def test_packages_are_those_that_the_certificates_need():
    acme = {"server_names": ["*.shop.test"], "tls": {"acme": True, "dns": {"plugin": "rfc2136"}}}
    assert ServedSites([site()], {}).packages == ["nginx", "logrotate"]
    assert ServedSites([site(tls={"self_signed": True})], {}).packages == ["nginx", "logrotate", "openssl"]
    assert ServedSites([site(**acme)], {}).packages == ["nginx", "logrotate", "certbot", "python3-certbot-dns-rfc2136"]
    assert ServedSites([site("blog", **acme)], FAILED).acme == []


def test_the_files_of_a_site_hold_no_secrets():
    app = complete(env={"A": "plain"}, secrets={"B": "hunter2"})
    served = ServedSites([app], {})
    page, closed, link = [file for file in served.files({**VARIABLES, "nginx_site_catch_all": False}, {}) if file["owner"] == "shop"]
    assert (page["path"], page["src"], page["owner"]) == ("sites-available/shop.conf", "site_direct.conf.j2", "shop")
    assert (closed["path"], closed["owner"]) == ("flaskops/shop.closed.conf", "shop")
    assert link == {"path": "sites-enabled/shop.conf", "link": "../sites-available/shop.conf", "owner": "shop"}
    assert page["vars"]["nginx_site_app"]["socket"] == app["socket"]
    # Variables of a file may be shown in a message.
    assert "hunter2" not in str(page)
    assert "plain" not in str(page["vars"]["nginx_site_app"].get("env", ""))
