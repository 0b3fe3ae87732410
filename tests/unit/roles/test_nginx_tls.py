# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""TLS of sites: what nginx is told on each front, on each of its versions, and for names without a certificate."""

from __future__ import annotations

import json
import re

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.site_mark import BY_ITS_MARK
from ansible_collections.flaskops.stack.plugins.plugin_utils.description import role_variables
from ansible_collections.flaskops.stack.plugins.plugin_utils.site_files.acme_files import acme_files
from ansible_collections.flaskops.stack.tests.unit.parse import Directive
from ansible_collections.flaskops.stack.tests.unit.render import complete, describe, nginx_files
from ansible_collections.flaskops.stack.tests.unit.roles.sites import FRONTS, decide, front_of, mapping

INCLUDE = "/var/lib/flaskops/tls/shop/live/on.con[f]"
TLS = {"self_signed": True, "hsts": 600}
VARIABLES = {name: key.default for name, key in role_variables.VARIABLES.items() if name.startswith("nginx_site_")}
OLD_NGINX = {"__nginx_site_looked": {"sites": {"nginx": "1.22.1"}}}


def shop(front: str = "direct", **nginx) -> dict:
    return describe(nginx={"server_names": ["shop.example.com"], "front": front, "tls": TLS, **nginx})


def inner(*apps: dict, **variables) -> str:
    """Return what the certificate of the shop includes."""
    return nginx_files(apps, **variables)["flaskops/shop.tls.conf"]


def rejecting(http: Directive) -> list[Directive]:
    return [server for server in http.all("server") if server.all("ssl_reject_handshake")]


def test_a_site_without_tls_has_nothing_of_it():
    files = nginx_files([describe()])
    assert {path for path in files if "tls" in path} == {"conf.d/flaskops-tls.conf", "snippets/flaskops-tls.conf"}, "whatever the sites"
    assert not [text for text in files.values() if "443 ssl" in text or "live/on" in text]


@pytest.mark.parametrize("front", FRONTS)
def test_the_certificate_switches_tls_on_at_the_front_alone(front):
    text = nginx_files([shop(front)])["sites-available/shop.conf"]
    assert text.count(f"include {INCLUDE};") == 1
    assert text.index(INCLUDE) < text.index("location"), "in the first server, which clients reach"


def test_http2_is_spoken_as_each_version_of_nginx_wants_it():
    assert "listen 443 ssl;" in inner(shop())
    assert "http2 on;" in inner(shop())
    old = nginx_files([shop()], **OLD_NGINX)
    assert "listen 443 ssl http2;" in old["flaskops/shop.tls.conf"]
    assert "http2 on" not in old["flaskops/shop.tls.conf"]
    assert "listen 443 ssl http2 default_server;" in old["conf.d/flaskops-tls.conf"]


@pytest.mark.parametrize(
    ("listen", "place"),
    [(["443"], "https://$flaskops_name$request_uri"), (["192.0.2.1:8443"], "https://$flaskops_name:8443$request_uri")],
)
def test_plain_requests_are_redirected_to_where_tls_is_spoken(listen, place):
    text = inner(shop(), nginx_site_tls_listen=listen)
    assert "set $flaskops_redirect $flaskops_certified$flaskops_plain;" in text
    assert f"return 308 {place};" in text
    assert "308" not in inner(shop(tls={"self_signed": True, "redirect": False}))


def test_a_request_that_a_ca_or_a_trusted_proxy_makes_is_not_redirected(rendered):
    plain = mapping(rendered(shop()), "$flaskops_plain")
    assert decide(plain, "http /cart") == "1"
    assert decide(plain, "https /cart") == "0"
    assert decide(plain, "http /.well-known/acme-challenge/token") == "0"
    assert decide(plain, "http /other/.well-known/acme-challenge/token") == "1"


@pytest.mark.parametrize("prefix", ["", "/shop"])
def test_the_role_asks_for_the_mark_of_a_site_that_redirects_or_is_closed(rendered, prefix):
    """A redirect and a closed page of a shared server have no mark of an application below a prefix."""
    asked = f"{prefix}{BY_ITS_MARK}"
    assert decide(mapping(rendered(shop(prefix=prefix)), "$flaskops_plain"), f"http {asked}") == "0"
    assert decide(mapping(rendered(shop(prefix=prefix)), "$flaskops_plain"), f"http {asked}/x") == "1"
    closed = nginx_files([shop(prefix=prefix)])["flaskops/shop.closed.conf"]
    (pattern,) = re.findall(r'if \(\$flaskops_open ~ "(.+)"\)', closed)
    assert re.search(pattern, f"1 {asked}")
    assert not re.search(pattern, f" {asked}"), "a visitor who asks for it"
    assert not re.search(pattern, f"1 {prefix}/cart")


def test_unknown_names_get_no_handshake(rendered):
    (server,) = rejecting(rendered(shop()))
    assert server.values("listen") == ["443 ssl default_server", "[::]:443 ssl default_server"]
    assert server.values("ssl_protocols") == ["TLSv1.2 TLSv1.3"], "the protocol is settled before the name is known"


def test_the_site_for_every_host_takes_the_place_of_the_server_for_unknown_names(rendered):
    every = shop(server_names=["_"])
    (server,) = rejecting(rendered(every))
    assert server.values("listen") == ["443 ssl", "[::]:443 ssl"]
    assert "listen 443 ssl default_server;" in inner(every)
    assert rejecting(rendered(shop(), nginx_site_catch_all=False)) == []


def test_a_site_for_every_host_that_is_left_out_may_be_the_default_still(rendered):
    apps = [shop(), describe(name="every", nginx={"server_names": ["_"], "tls": TLS})]
    (server,) = rejecting(rendered(*apps, nginx_site_left_out={"every": "it failed"}))
    assert server.values("listen") == ["443 ssl", "[::]:443 ssl"], "nginx refuses two default servers at an address"


SOCKETS = ["443 reuseport backlog=512", "[::]:443 ipv6only=on"]


@pytest.mark.parametrize("catch_all", [True, False])
def test_parameters_of_a_socket_stand_in_one_server(catch_all):
    apps = [shop(), describe(name="more", nginx={"server_names": ["more.example.com"], "tls": TLS})]
    files = nginx_files(apps, nginx_site_tls_listen=SOCKETS, nginx_site_catch_all=catch_all)
    having = [path for path, text in files.items() if "listen 443 reuseport backlog=512 ssl" in text]
    assert having == (["conf.d/flaskops-tls.conf"] if catch_all else ["flaskops/shop.tls.conf"])
    assert "listen 443 ssl;" in files["flaskops/more.tls.conf"]


def test_the_profile_is_that_of_the_host(rendered):
    (server,) = rejecting(rendered(shop(), nginx_site_tls_profile="modern"))
    assert server.values("ssl_protocols") == ["TLSv1.3"]
    assert server.values("ssl_ciphers") == []


def test_hsts_goes_over_tls_alone_and_leaves_the_word_to_the_application(rendered):
    http = rendered(shop(routes=[{"path": "/"}, {"path": "/api", "mode": "cache", "ignore_cookies": []}]))
    lines = mapping(http, "$flask_shop_hsts")
    assert decide(lines, "on ") == "max-age=600"
    assert decide(lines, " ") == ""
    assert decide(lines, "on max-age=1") == ""
    site = front_of(http)
    header = "Strict-Transport-Security $flask_shop_hsts always"
    assert header in site.values("add_header")
    (cached,) = [place for place in site.all("location") if place.args == ("/api",)]
    assert header in cached.values("add_header"), "a level with a header of its own inherits none"


@pytest.mark.parametrize("changes", [{"tls": {**TLS, "hsts": 0}}, {"headers": {"strict-transport-security": "max-age=1"}}])
def test_no_hsts_where_it_is_off_or_a_header_of_the_users_own(rendered, changes):
    assert "$flask_shop_hsts" not in str(rendered(shop(**changes)))


# --- certificates from a CA ---------------------------------------------------------------------------------------------------------------

ACME = {"acme": True}


def test_a_ca_reaches_the_files_of_the_service_and_nothing_else_is_there_for_other_sites(rendered):
    http = rendered(shop(tls=ACME), describe(name="blog"))
    (place,) = [place for place in front_of(http).all("location") if place.args == ("^~", "/.well-known/acme-challenge/")]
    assert place.values("root") == ["/run/flaskops-acme"]
    assert (place.values("allow"), place.values("auth_basic")) == (["all"], ["off"])
    assert not [place for place in front_of(http, "blog").all("location") if "acme" in str(place.args)]


def test_the_service_is_told_the_ca_and_all_names():
    app = shop(tls=ACME, server_names=["shop.example.com", "www.example.com"])
    files = nginx_files([app, describe(name="blog")], nginx_site_acme_server="staging", nginx_site_acme_email="a@example.com")
    told = json.loads(files["flaskops/acme.json"])
    assert json.loads(files["flaskops/shop.cert.json"]) == {"app": "shop", "names": ["shop.example.com", "www.example.com"]}
    assert "flaskops/blog.cert.json" not in files
    assert told["server"] == "https://acme-staging-v02.api.letsencrypt.org/directory"
    assert told["email"] == "a@example.com"
    assert "flaskops/acme-account.json" not in files
    assert "flaskops/acme.json" not in nginx_files([shop()])


def test_the_key_of_an_external_account_is_in_a_file_of_its_own_that_no_diff_shows():
    variables = {**VARIABLES, "nginx_site_acme_eab_kid": "kid-1", "nginx_site_acme_eab_key": "c2VjcmV0c2VjcmV0"}
    settings, account = acme_files([complete(nginx={"server_names": ["shop.example.com"], "tls": ACME})], variables, "nginx_site")
    assert "c2VjcmV0" not in settings["content"]
    assert "c2VjcmV0" in account["content"]
    assert (account["mode"], account["diff"]) == ("0600", False)


H3 = {"self_signed": True, "http3": True}


@pytest.mark.parametrize("front", FRONTS)
def test_http3_is_spoken_by_one_socket_for_each_worker(front):
    files = nginx_files([shop(front, tls=H3), describe(name="blog", nginx={"tls": H3})])
    for name in ("shop", "blog"):
        text = files[f"flaskops/{name}.tls.conf"]
        assert re.findall("listen .* quic.*", text) == ["listen 443 quic;", "listen [::]:443 quic;"]
    shared = files["conf.d/flaskops-tls.conf"]
    assert re.findall("listen .* quic.*", shared) == [
        "listen 443 quic reuseport default_server;",
        "listen [::]:443 quic reuseport default_server;",
    ]
    assert """on 'h3=":443"; ma=86400';""" in shared
    assert "add_header Alt-Svc $flaskops_alt_svc always;" in files["sites-available/shop.conf"]


def test_without_the_server_for_other_names_the_first_site_has_the_sockets():
    files = nginx_files([shop(tls=H3), describe(name="blog", nginx={"tls": H3})], nginx_site_catch_all=False)
    assert files["flaskops/shop.tls.conf"].count(" quic reuseport;") == 2
    assert "reuseport" not in files["flaskops/blog.tls.conf"]


def test_a_site_without_http3_has_nothing_of_it():
    text = "".join(nginx_files([shop()]).values())
    assert " quic" not in text
    assert "Alt-Svc" not in text
