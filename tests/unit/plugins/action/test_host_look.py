# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host whose nginx lacks what an application wants is told before anything changes there."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.flaskops.stack.plugins.action import host_look
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.looking_action import OF_SITES
from ansible_collections.flaskops.stack.tests.unit.render import action, describe, task_vars

APPS = [
    describe(nginx={"tls": {"self_signed": True, "http3": True}}),
    describe(name="blog", nginx={"tls": {"self_signed": True}}),
    describe(name="gone", state="absent", nginx={"tls": {"self_signed": True, "http3": True}}),
]


def look(answers: dict[str, object], apps: list[dict], left_out: dict[str, str] | None = None, **variables: t.Any) -> tuple[dict, dict]:
    """Return what the role nginx_site asks of a host that gives these answers, and what it makes of them."""
    known = task_vars("nginx_site", flask_apps=apps, **variables)
    asked = Templar(DataLoader(), known).template(known["__nginx_site_asked"])
    answer = {**dict.fromkeys(OF_SITES, []), "nginx": "", "packages": [], "failures": {}, **answers}
    sent: list[dict] = []

    def module(_name, asked, *_more):
        sent.append(asked)
        return dict(answer)

    arguments = {"sites": asked, "variable": "nginx_site_apps", "left_out": left_out or {}}
    result = action(host_look.ActionModule, "nginx_site", arguments, module).run(task_vars=known)
    return sent[0], result


def failures_with(nginx: str, left_out: dict[str, str] | None = None) -> dict[str, str]:
    """Return why applications fail on a host with this version of nginx."""
    return look({"nginx": nginx}, APPS, left_out)[1]["failures"]


@pytest.mark.parametrize("nginx", ["1.22.1", "1.24.0", "0.9"])
def test_an_nginx_without_http3_fails_the_application_that_wants_it(nginx):
    found = failures_with(nginx)
    assert list(found) == ["shop"]
    assert found["shop"].startswith(f"shop: nginx.tls.http3 is true, but nginx {nginx} of this host has no HTTP/3")
    assert "Remove the key" in found["shop"]


@pytest.mark.parametrize("nginx", ["1.25.0", "1.26.3", "1.30.6", "2.0.0", ""])
def test_a_newer_nginx_and_one_that_nobody_knows_fail_nothing(nginx):
    assert failures_with(nginx) == {}


def test_an_application_that_failed_before_keeps_its_first_message():
    assert failures_with("1.22.1", {"shop": "shop: the gate refused it"}) == {"shop": "shop: the gate refused it"}


def test_a_plugin_of_certbot_that_the_distribution_lacks_fails_its_application_and_is_not_installed():
    apps = [
        describe(name=name, nginx={"server_names": [f"*.{name}.test"], "tls": {"acme": True, "dns": {"plugin": plugin}}})
        for name, plugin in (("shop", "rfc2136"), ("blog", "linode"))
    ]
    plugins = ["python3-certbot-dns-linode", "python3-certbot-dns-rfc2136"]
    asked, result = look({"packages": plugins, "unknown": plugins[:1]}, apps)
    assert asked["optional"] == plugins
    assert set(plugins) <= set(asked["packages"])
    assert result["sites"]["packages"] == plugins[1:]
    assert list(result["failures"]) == ["blog"]
    assert result["failures"]["blog"].startswith("blog: nginx.tls.dns.plugin needs python3-certbot-dns-linode, which is no package")


@pytest.mark.parametrize(("certbot", "failing"), [("2.1.0", ["shop"]), ("4.0.0", []), ("5.5.0", []), ("", [])])
def test_a_certbot_without_profiles_fails_the_sites_with_certificates_from_the_ca(certbot, failing):
    apps = [describe(nginx={"server_names": ["shop.test"], "tls": {"acme": True}}), describe(name="blog")]
    _asked, result = look({"certbot": certbot}, apps, nginx_site_acme_profile="shortlived")
    assert list(result["failures"]) == failing
    assert all(f"nginx_site_acme_profile is set, but certbot {certbot} of this host" in line for line in result["failures"].values())
    assert look({"certbot": certbot}, apps)[1]["failures"] == {}


@pytest.mark.parametrize(("ipv6", "listen"), [(True, ["80", "[::]:80"]), (False, ["80"])])
def test_the_variables_come_back_in_their_own_types_as_they_hold_on_this_host_and_without_secrets(ipv6, listen):
    _asked, result = look({"ipv6": ipv6}, APPS, nginx_site_worker_connections="512", nginx_site_acme_eab_key="hunter2")
    variables = result["sites"]["variables"]
    assert (variables["nginx_site_listen"], variables["nginx_site_worker_connections"]) == (listen, 512)
    assert "hunter2" not in str(result)


def test_only_ports_where_nginx_is_to_listen_are_asked_about():
    assert list(look({}, APPS)[0]["listen"]) == ["nginx_site_listen", "nginx_site_tls_listen"]
    assert list(look({}, [describe()])[0]["listen"]) == ["nginx_site_listen"]
    # The site of an application that has failed stays, with its certificate.
    assert list(look({}, APPS[:1], {"shop": "it failed"})[0]["listen"]) == ["nginx_site_listen", "nginx_site_tls_listen"]


def test_a_variable_that_cannot_be_used_is_told():
    with pytest.raises(AnsibleActionFail, match="nginx_site_worker_connections"):
        look({}, APPS, nginx_site_worker_connections="many")


def test_the_host_is_asked_about_server_names_and_the_addresses_of_their_sites():
    apps = [
        describe(nginx={"server_names": ["shop.test", "_"]}),
        describe(name="blog", nginx={"server_names": ["blog.test"], "tls": {"self_signed": True}}),
        describe(name="gone", state="absent"),
    ]
    asked, _result = look({}, apps, nginx_site_listen=["81"], nginx_site_tls_listen=["444"])
    assert asked["names"] == [
        {"app": "shop", "names": ["shop.test"], "listen": ["81"]},
        {"app": "blog", "names": ["blog.test"], "listen": ["81", "444"]},
    ]


def test_an_absent_application_leaves_nothing_behind_unless_it_failed():
    gone = describe(name="gone", state="absent")
    unwanted = [
        "/var/cache/nginx/gone",
        "/var/lib/flaskops/tls/gone",
        "/var/lib/flaskops/closed/gone.conf",
        "/var/lib/flaskops/drained/gone.json",
    ]
    assert look({}, [describe(), gone])[0]["unwanted"] == unwanted
    assert look({}, [describe(), gone], {"gone": "it cannot be removed"})[0]["unwanted"] == []


def test_the_service_for_certificates_is_there_where_a_site_gets_one_from_a_ca():
    of_acme = {"/etc/systemd/system/flaskops-acme.service", "/etc/systemd/system/flaskops-acme.timer"}
    with_acme = [describe(nginx={"server_names": ["shop.test"], "tls": {"acme": True}})]
    assert of_acme <= set(look({}, with_acme)[0]["files"])
    assert not of_acme & set(look({}, APPS)[0]["files"])
    assert "certbot" in look({}, with_acme)[0]["packages"]


@pytest.mark.parametrize("lacking", ["packages", "directories", "files", "certificates"])
def test_the_last_order_counts_only_on_a_host_that_lacks_nothing(lacking):
    order = {"digest": "0f3a", "result": {}}
    found = look({"tree": order, lacking: ["nginx"]}, APPS)[1]["sites"]
    assert (found["lacks"], found["tree"]) == (True, {})
    found = look({"tree": order}, APPS)[1]["sites"]
    assert (found["lacks"], found["tree"]) == (False, order)


def test_certificates_of_a_ca_come_when_nginx_serves():
    found = look({"certificates": ["shop", "blog"], "acme": ["shop"]}, APPS)[1]["sites"]
    assert found["own_certificates"] == ["blog"]
    assert look({"certificates": ["shop"], "acme": ["shop"]}, APPS)[1]["sites"]["lacks"] is False


def test_a_variable_that_refers_to_what_is_not_defined_is_told():
    with pytest.raises(AnsibleActionFail, match="nginx_site_acme_email refers to what is not defined"):
        look({}, APPS, nginx_site_acme_email=trust_as_template("{{ nobody }}"))
