# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificates of clients: nginx asks for one, and no other way leads to a site that requires it."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.tests.unit.certificates import authority
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.description.refused import problems
from ansible_collections.flaskops.stack.tests.unit.render import complete, describe, nginx_files
from ansible_collections.flaskops.stack.tests.unit.roles.sites import FRONTS, backend_of, decide, decisions, front_of, location, mapping

CA = authority().chain
VARIABLE, CERTIFIED, SUBJECT = "$flask_shop_uncertified", "$flask_shop_certified", "$flask_shop_subject"
HOOKS = {"path": "/hooks", "access": {"public": True}}


def shop(front: str = "direct", verify: str = "required", **nginx):
    tls = {"self_signed": True, "client_ca": CA, "verify": verify}
    return describe(nginx={"server_names": ["shop.example.com"], "front": front, "tls": tls, **nginx})


@pytest.mark.parametrize("front", FRONTS)
def test_clients_are_asked_for_a_certificate_of_the_ca(front):
    files = nginx_files([shop(front)])
    assert files["flaskops/shop.clients.pem"].strip() == CA.strip()
    assert "ssl_client_certificate flaskops/shop.clients.pem;\nssl_verify_client optional;" in files["flaskops/shop.tls.conf"]
    plain = nginx_files([describe(nginx={"server_names": ["shop.example.com"], "tls": {"self_signed": True}})])
    assert not [text for text in plain.values() if "ssl_verify_client" in text or "uncertified" in text]


@pytest.mark.parametrize("front", FRONTS)
def test_a_request_without_one_is_refused_however_it_comes(rendered, front):
    http = rendered(shop(front), nginx_site_front_addresses=["192.0.2.9"])
    for server in [front_of(http), *([backend_of(http, listen="0.0.0.0:8000")] if front == "proxy" else [])]:
        (refusal,) = [condition for condition in server.all("if") if condition.args == (VARIABLE,)]
        assert refusal.values("return") == ["403"]
    lines = decisions(http, VARIABLE)
    # The role asks from the host itself, which is the 1 before the rest.
    refused = [" /cart", " /1 /cart", " /cart /.flaskops/x", " /.well-known/acme-challenge/x"]
    assert [decide(lines, f"{asked} {text}") for text in refused for asked in ("", "1")] == ["1"] * 2 * len(refused)
    free = ["1 /cart", " /.flaskops/503.html"]
    assert [decide(lines, f"{asked} {text}") for text in free for asked in ("", "1")] == ["0"] * 2 * len(free)
    assert [decide(lines, f"{asked}  /shop/.flaskops-probe") for asked in ("", "1")] == ["1", "0"]


def test_a_ca_may_prove_the_names_of_the_site(rendered):
    tls = {"self_signed": False, "acme": True, "client_ca": CA}
    lines = decisions(rendered(shop(tls=tls)), VARIABLE)
    assert [decide(lines, f"  /.well-known/acme-challenge/{rest}") for rest in ("x", "")] == ["0", "0"]
    assert decide(lines, "  /a /.well-known/acme-challenge/x") == "1"


def test_the_application_decides_where_one_is_optional(rendered):
    http = rendered(shop(verify="optional"))
    assert not [condition for condition in front_of(http).all("if") if condition.args == (VARIABLE,)]
    assert [inner.args[1] for inner in front_of(http).all("uwsgi_param", "REMOTE_USER")] == [SUBJECT]


def test_the_subject_is_the_name_of_a_visitor_who_has_no_other_one(rendered):
    users = {"basic": {"users": {"ann": "correct horse"}}}
    server = front_of(rendered(shop("proxy", routes=[{"path": "/"}, {"path": "/admin", "access": users}, HOOKS])))
    name = ("proxy_set_header", "X-Flaskops-User")
    assert [inner.args[1] for inner in server.all(*name) if inner.args[1]] == [SUBJECT]
    assert [inner.args[1] for inner in location(server, "/admin").all(*name) if inner.args[1]] == ["$remote_user"]
    assert not location(server, "/hooks").all(*name), "it has that of the site"


def test_the_host_has_no_certificate_to_prove_routes_with():
    routes = [{"path": "/", "mode": "cache"}]
    assert [complete(**shop(verify=verify, routes=routes))["site"]["routes"][0]["proof"] for verify in ("required", "optional")] == [
        "plain",
        "cache",
    ]


@pytest.mark.parametrize("verify", ["required", "optional"])
def test_a_certificate_counts_for_the_site_that_the_handshake_names(rendered, verify):
    http = rendered(shop(verify=verify))
    (source,) = [known.args[0] for known in http.all("map") if known.args[1] == CERTIFIED]
    assert source == "$ssl_client_verify $ssl_server_name $host"
    lines = mapping(http, CERTIFIED)
    good = ["shop.example.com shop.example.com", "SHOP.example.com shop.example.com", "shop.example.com. shop.example.com"]
    assert [decide(lines, f"SUCCESS {names}") for names in good] == ["1"] * 3
    # The default server makes handshakes without a name and with an unknown one, and may have another CA.
    bad = [" shop.example.com", "unknown.example.com shop.example.com", "shop.example.com a.shop.example.com", "a shop.example.com a"]
    assert [decide(lines, f"SUCCESS {names}") for names in bad] == [""] * 4
    assert [decide(lines, f"{verdict} {good[0]}") for verdict in ("", "NONE", "FAILED:expired", "FAILED:SUCCESS")] == [""] * 4
    assert mapping(http, SUBJECT) == {"default": "", "1": "$ssl_client_s_dn"}


@pytest.mark.parametrize(("names", "cache"), [(["shop.example.com", "_"], "off"), (["shop.example.com"], "shared:TLS:10m")])
def test_no_session_of_another_site_is_taken_up_where_a_handshake_need_not_name_the_site(rendered, names, cache):
    app = shop(server_names=names)
    assert f"ssl_session_cache {cache};" in nginx_files([app])["flaskops/shop.tls.conf"]
    lines = mapping(rendered(app), CERTIFIED)
    assert decide(lines, "SUCCESS ") == ("1" if "_" in names else "")


@pytest.mark.parametrize(
    ("tls", "line"),
    [
        ({"client_ca": CA}, "shop.nginx.tls has no certificate; write one of certificate, self_signed, acme, or remove the rest."),
        ({"self_signed": True, "client_ca": CA[:200]}, "shop.nginx.tls.client_ca has no certificate that can be read; write the PEM text"),
        (
            {"self_signed": True, "client_ca": "/etc/ca.pem"},
            "shop.nginx.tls.client_ca is '/etc/ca.pem', which cannot be used here; write PEM",
        ),
    ],
)
def test_what_no_client_could_be_checked_against_is_told(tls, line):
    (told,) = problems(describe(nginx={"tls": tls}))
    assert told.startswith(line)
