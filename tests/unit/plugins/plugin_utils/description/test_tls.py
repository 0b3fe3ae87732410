# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""TLS in a description: what is refused before anything changes, what follows, and what nobody is shown."""

from __future__ import annotations

import json
import re

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.flaskops.stack.plugins.action import check_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.tls import (
    order,
    private_values,
    unusable,
    wanted,
    warnings_of_tls,
)
from ansible_collections.flaskops.stack.plugins.plugin_utils.site_files.app_files import app_files
from ansible_collections.flaskops.stack.tests.unit.certificates import authority, pair
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.description.refused import problems
from ansible_collections.flaskops.stack.tests.unit.render import action, complete, describe

SHOP, OTHER, OLD = pair("shop.example.com"), pair("other.example.com"), pair("shop.example.com", since=-100)
CHAIN = SHOP.chain + authority().chain


def tls(*names: str, **keys):
    return {"nginx": {"server_names": list(names or ["shop.example.com"]), "tls": keys}}


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"certificate": CHAIN}, "shop.nginx.tls.key is missing; write the private key"),
        ({"certificate": CHAIN, "key": "/etc/ssl/private/shop.pem"}, "shop.nginx.tls has one of certificate and key as a path"),
        (
            {"certificate": "shop.pem", "key": SHOP.key},
            "shop.nginx.tls.certificate is 'shop.pem', which cannot be used here; write PEM text",
        ),
        (
            {"certificate": CHAIN, "key": SHOP.key, "self_signed": True},
            "shop.nginx.tls has certificate and self_signed, but a site has one",
        ),
        ({"acme": True, "self_signed": True}, "shop.nginx.tls has self_signed and acme, but a site has one"),
        ({"hsts": 60}, "shop.nginx.tls has no certificate; write one of"),
        ({"self_signed": True, "hsts": -1}, "shop.nginx.tls.hsts is -1, but must be from 0 to"),
    ],
)
def test_keys_that_do_not_belong_together_are_refused(keys, says):
    assert [line for line in problems(describe(**tls(**keys))) if line.startswith(says)], problems(describe(**tls(**keys)))


@pytest.mark.parametrize(
    ("given", "key", "says"),
    [
        (CHAIN, OTHER.key, "shop.nginx.tls.certificate has another key than the one that is given; the site's own"),
        (OLD.chain, OLD.key, "shop.nginx.tls.certificate has expired on 20"),
    ],
)
def test_a_certificate_that_cannot_be_used_stops_a_deployment_and_nothing_else(given, key, says):
    app = describe(**tls(certificate=given, key=key))
    (line,) = unusable(resolve_apps([app]))
    assert line.startswith(says)
    plugin = action(check_apps.ActionModule, "nginx_site", {"apps": [app], "variable": "flask_apps"}, lambda *_call: {})
    with pytest.raises(AnsibleActionFail, match=re.escape(says)):
        plugin.run(task_vars={})
    assert unusable(resolve_apps([describe(**tls(certificate=CHAIN, key=SHOP.key)), describe(name="blog")])) == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("*.shop.example.com", "which a CA proves by a record in the DNS"),
        ("shop", "for which no CA gives a certificate"),
        ("192.0.2.1", "for which no CA gives a certificate"),
        ("_", "for which no CA gives a certificate"),
    ],
)
def test_names_that_a_ca_cannot_prove_here_are_refused(name, says):
    assert any(line.startswith("shop.nginx.server_names has ") and says in line for line in problems(describe(**tls(name, acme=True))))


DNS = {"plugin": "rfc2136", "credentials": {"dns_rfc2136_server": "192.0.2.53", "dns_rfc2136_secret": "hunter2hunter2"}}


def test_a_wildcard_takes_a_proof_by_the_dns():
    made = complete(**tls("*.shop.example.com", "shop.example.com", acme=True, dns=DNS))
    assert made["nginx"]["tls"]["package"] == "python3-certbot-dns-rfc2136"
    (line,) = problems(describe(**tls("*.shop.example.com", acme=True)))
    assert "add tls.dns with a plugin of certbot" in line
    assert any("for which no CA gives" in line for line in problems(describe(**tls("*.com", acme=True, dns=DNS))))


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"dns": DNS, "self_signed": True}, "shop.nginx.tls.dns is how a CA proves names, and there is no acme; write acme: true"),
        ({"dns": DNS}, "shop.nginx.tls.dns is how a CA proves names, and there is no acme"),
        ({"acme": True, "dns": {}}, "shop.nginx.tls.dns.plugin is missing"),
        (
            {"acme": True, "dns": {"plugin": "python3-certbot-dns-rfc2136"}},
            "shop.nginx.tls.dns.plugin is 'python3-certbot-dns-rfc2136', which",
        ),
        ({"acme": True, "dns": {**DNS, "propagation": 3600}}, "shop.nginx.tls.dns.propagation is 3600, but must be from 0 to 900"),
        (
            {"acme": True, "dns": {"plugin": "rfc2136", "credentials": {"a": "hunter2\nhunter2"}}},
            "shop.nginx.tls.dns.credentials.a is a secret that has a line break or a tab; have the provider",
        ),
        (
            {"acme": True, "dns": {"plugin": "rfc2136", "credentials": {"a": ["hunter2"]}}},
            "shop.nginx.tls.dns.credentials.a is a secret, but",
        ),
    ],
)
def test_a_proof_by_the_dns_that_cannot_be_used_is_refused(keys, says):
    found = problems(describe(**tls(**keys)))
    assert [line for line in found if line.startswith(says)], found
    assert "hunter2" not in "\n".join(found)


def test_credentials_of_a_provider_stand_in_one_file_for_root_that_no_diff_shows():
    app = complete(**tls("*.shop.example.com", acme=True, dns={**DNS, "propagation": 5}))
    (file,) = [file for file in app_files([app], {}) if "hunter2" in json.dumps(file)]
    assert (file["path"], file["mode"], file["diff"]) == ("flaskops/shop.dns.json", "0600", False)
    assert json.loads(file["content"]) == {**DNS, "propagation": 5}
    assert "hunter2" not in json.dumps(wanted(app, ""))
    assert private_values(app) == ["", "hunter2hunter2"]
    assert not [file for file in app_files([complete(**tls(acme=True))], {}) if file["path"].endswith(".dns.json")]


@pytest.mark.parametrize("key", ["hunter2 hunter2", "-----BEGIN PRIVATE KEY-----\x07hunter2", ["hunter2"]])
def test_a_key_that_cannot_be_used_is_not_quoted(key):
    found = problems(describe(**tls(certificate=CHAIN, key=key)))
    assert any("shop.nginx.tls.key is a secret, " in line for line in found)
    assert "hunter2" not in "\n".join(found)


@pytest.mark.parametrize(
    ("keys", "kind", "hsts"),
    [
        ({}, "", 63072000),
        ({"certificate": CHAIN, "key": SHOP.key}, "given", 63072000),
        ({"certificate": "/etc/ssl/shop.pem", "key": "/etc/ssl/shop.key"}, "files", 63072000),
        ({"self_signed": True}, "self_signed", 0),
        ({"self_signed": True, "hsts": 60}, "self_signed", 60),
    ],
)
def test_where_the_certificate_comes_from_follows(keys, kind, hsts):
    made = complete(**tls(**keys))["nginx"]["tls"]
    assert (made["kind"], made["hsts"]) == (kind, hsts)


def test_names_are_those_of_the_site_without_the_one_for_every_host():
    assert complete(**tls("shop.example.com", "_", self_signed=True))["nginx"]["tls"]["names"] == ["shop.example.com"]
    assert complete(**tls("_", self_signed=True))["nginx"]["tls"]["names"] == ["shop"]
    assert complete(**tls("[2001:DB8:0::1]", self_signed=True))["nginx"]["tls"]["names"] == ["2001:db8::1"]


def test_templates_and_the_look_at_the_host_get_no_key():
    app = complete(**tls(certificate=CHAIN, key=SHOP.key))
    secret = SHOP.key.splitlines()[1]
    assert secret not in json.dumps(app_files([app], {}))
    assert secret not in json.dumps(wanted(app, ""))
    assert secret in order(app)["key"]
    assert private_values(app) == [app["nginx"]["tls"]["key"]]


def test_what_hurts_is_told():
    assert warnings_of_tls([complete(**tls(certificate=CHAIN, key=SHOP.key)), complete()]) == []
    (names,) = warnings_of_tls([complete(**tls("shop.example.com", "www.example.com", certificate=CHAIN, key=SHOP.key))])
    assert "is for shop.example.com, and not for www.example.com" in names
    (alone,) = warnings_of_tls([complete(**tls(certificate=SHOP.chain, key=SHOP.key))])
    assert "comes without the certificate of its issuer (commonName=Test CA)" in alone
