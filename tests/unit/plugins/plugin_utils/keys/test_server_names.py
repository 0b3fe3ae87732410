# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names of sites: one that no visitor would reach is refused with what to write, others are compared as nginx compares them."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.tests.unit.parse import nginx
from ansible_collections.flaskops.stack.tests.unit.render import complete, describe, nginx_files

LONG = "a" * 60


def refusal(name: object) -> str:
    with pytest.raises(AppError) as caught:
        resolve_apps([describe(nginx={"server_names": ["www.example.com", name]})])
    (line,) = caught.value.problems
    assert line.startswith("shop.nginx.server_names[1] is ")
    assert line.endswith(".")
    return line


@pytest.mark.parametrize("name", ["__", "*._", "*", "*.", "default_server", "DEFAULT_SERVER"])
def test_a_name_that_is_meant_for_every_host_is_refused_with_the_one_that_is(name):
    line = refusal(name)
    assert (
        f"is '{name}', which cannot be used here; write _ for every host that no other site has, or the names that visitors ask for" in line
    )


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("~^www\\d+\\.example\\.com$", "regular expressions are not taken"),
        (".example.com", "write two items, example.com and *.example.com"),
        ("www.example.*", "a wildcard is a leading *."),
        ("w*.example.com", "a wildcard is a leading *."),
        ("*.*.example.com", "a wildcard is a leading *."),
        ("https://shop.example.com", "write the name alone, shop.example.com."),
        ("http://shop.example.com:8080/a", "write the name alone, shop.example.com."),
        ("https://", "write the name alone."),
        ("http://[::1/", "write the name alone."),
        ("shop.example.com/", "write the name alone, shop.example.com."),
        ("shop.example.com:8080", "write the name alone, shop.example.com, and the port in nginx_site_listen."),
        ("[::1]:80", "write the name alone, [::1], and the port in nginx_site_listen."),
        ("shop.example.com.", "write it without the dot at its end, shop.example.com."),
        ("a.example.com b.example.com", "write each name as an item of its own."),
        ("a.example.com,b.example.com", "write each name as an item of its own."),
        ("bücher.example", "write it as browsers send it, xn--bcher-kva.example."),
        ("2001:db8::1", "write an IPv6 address in brackets, [2001:db8::1]."),
        ("[::ffff:192.0.2.1]", "write a host name such as shop.example.com."),
        ("[:::1]", "write an IPv6 address such as [2001:db8::1]."),
        ("[fe80::1%eth0]", "write an IPv6 address such as [2001:db8::1]."),
        ("192.0.2.300", "browsers take a name that ends in a number for an address"),
        ("192.0.2.01", "browsers take a name that ends in a number for an address"),
        ("10.1", "browsers take a name that ends in a number for an address"),
        (8080, "browsers take a name that ends in a number for an address"),
        (f"{LONG}{LONG}.example.com", "at most 110 characters"),
        (f"{LONG}aaaa.example.com", "at most 63 characters between two dots"),
        ("", "write a host name such as shop.example.com."),
        ("-shop", "write a host name such as shop.example.com."),
        ("$host", "write a host name such as shop.example.com."),
    ],
)
def test_a_name_that_no_visitor_would_reach_is_refused_with_what_to_write(name, remedy):
    assert remedy in refusal(name)


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("localhost", "localhost"),
        ("shop.example.com", "shop.example.com"),
        ("Shop.Example.COM", "shop.example.com"),
        ("*.Example.com", "*.example.com"),
        ("a_b.example.com", "a_b.example.com"),
        ("_dmarc.example.com", "_dmarc.example.com"),
        ("3com.example", "3com.example"),
        ("1.example.com", "1.example.com"),
        ("default.example.com", "default.example.com"),
        ("192.0.2.1", "192.0.2.1"),
        ("[2001:DB8:0:0:0:0:0:1]", "[2001:db8::1]"),
        ("[::FFFF:c000:201]", "[::ffff:c000:201]"),
        (f"{LONG}.{'b' * 45}.com", f"{LONG}.{'b' * 45}.com"),
    ],
)
def test_a_name_is_written_as_browsers_send_it(name, normal, tmp_path):
    app = complete(nginx={"server_names": [name]})
    assert app["nginx"]["server_names"] == [normal]
    assert app["health"]["host"] == normal.replace("*", "www")
    http = nginx(nginx_files([describe(nginx={"server_names": [name]})]), tmp_path)
    assert [server for server in http.all("server") if server.values("server_name") == [normal]]


def test_one_address_in_two_spellings_is_one_name():
    with pytest.raises(AppError, match=r"the server name '\[::1\]' is used by 'shop' and 'blog'"):
        resolve_apps([describe(nginx={"server_names": ["[::1]"]}), describe(name="blog", nginx={"server_names": ["[0:0::1]"]})])


def test_an_application_named_default_has_a_site():
    assert complete(name="default")["nginx"]["server_names"] == ["default"]


@pytest.mark.parametrize("name", ["_", "default", "Default"])
def test_a_site_can_be_for_every_host_that_no_other_site_has(name):
    app = complete(nginx={"server_names": [name]})
    assert (app["nginx"]["server_names"], app["nginx"]["catch_all"]) == (["_"], True)
    assert (app["health"]["host"], app["site"]["host"]) == ("shop", "shop"), "a host that the site answers"
    assert complete()["nginx"]["catch_all"] is False


def test_a_site_for_every_host_can_have_names_too():
    app = complete(nginx={"server_names": ["_", "shop.example.com", "default"]})
    assert app["nginx"]["server_names"] == ["shop.example.com", "_"], "a request without a host gets the first one"
    assert app["health"]["host"] == "shop.example.com"


def test_one_application_of_a_host_is_for_every_host():
    apps = [describe(name=name, nginx={"server_names": [server]}) for name, server in (("a", "_"), ("b", "default"), ("c", "_"))]
    with pytest.raises(AppError) as caught:
        resolve_apps(apps)
    assert caught.value.problems == [
        "flask_apps: the server name '_' is used by 'a' and 'b' and 'c', but only one site can answer the hosts that no other site has;"
        " keep it in one application."
    ]
    assert len(resolve_apps([apps[0], {**apps[1], "state": "absent"}])) == 2
