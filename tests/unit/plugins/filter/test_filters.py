# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters, as templates use them: by their full names, with Ansible's values and errors."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.flaskops.stack.plugins.filter import unserved
from ansible_collections.flaskops.stack.tests.unit.render import complete, describe


def evaluate(expression: str, **variables):
    return Templar(loader=DataLoader(), variables=variables).template(trust_as_template("{{ " + expression + " }}"))


def test_descriptions_are_completed():
    apps = evaluate("apps | flaskops.stack.resolve_apps", apps=[describe(), describe(name="blog")])
    assert apps == [complete(), complete(name="blog")]


def test_a_role_says_what_it_needs():
    assert evaluate("[{'name': 'shop'}] | flaskops.stack.resolve_apps(require=[]) | length") == 1


def test_all_problems_reach_the_user():
    with pytest.raises(AnsibleError) as caught:
        evaluate("apps | flaskops.stack.resolve_apps(variable='site_apps')", apps=[describe(colour="red"), "x"])
    assert "shop.colour is not a key of the description" in str(caught.value)
    assert "site_apps[1] is 'x'" in str(caught.value)


def test_values_of_templates_are_values():
    variables = {"apps": [describe(env={"A": trust_as_template("{{ other }}")}, drain_timeout=trust_as_template("{{ 5 }}"))], "other": "b"}
    app = evaluate("apps | flaskops.stack.resolve_apps | first", **variables)
    assert app["env"] == {"A": "b"}
    assert app["drain_timeout"] == 5


def test_packages_that_cannot_be_installed_are_the_failure_of_those_who_need_them():
    refused = {"failed": True, "msg": "No package matching 'libpq6' is available", "lacking": {"key": "shop", "value": ["libpq6", "gcc"]}}
    results = [refused, {"changed": True, "lacking": {"key": "blog", "value": ["gcc"]}}]
    assert evaluate("results | flaskops.stack.package_failures('lacking')", results=results) == {
        "shop": "shop.packages: apt cannot install libpq6, gcc: No package matching 'libpq6' is available. Correct `packages`, or `python`,"
        " which brings the package of the interpreter's venv; or add the source of these packages to the server."
    }
    unresolved = {**refused, "msg": "E: Failed to fetch http://deb.debian.org/x.deb  Temporary failure resolving 'deb.debian.org'"}
    (said,) = evaluate("results | flaskops.stack.package_failures('lacking')", results=[unresolved]).values()
    assert said.startswith("shop.packages: apt cannot install libpq6, gcc, since the host cannot resolve deb.debian.org")
    assert "Correct `packages`" not in said
    # Without the lists of packages, which could not be fetched before, apt finds none of them.
    for together, since in {
        "Failed to update apt cache after 5 retries: E:Release file for http://x/InRelease is not valid yet (invalid for another 3h).": "the clock of",
        "Failed to update apt cache after 5 retries: unknown reason": "it has no lists of what there is. Run `apt-get update` on the server",
    }.items():
        (said,) = evaluate("results | flaskops.stack.package_failures('lacking', before)", results=[refused], before=together).values()
        assert said.startswith(f"shop.packages: apt cannot install libpq6, gcc, since {since}")
        assert said.endswith(f"It said: {together.rstrip('.')}")
    # The module often says nothing behind the colon; apt-get update does.
    empty = "Failed to update apt cache after 5 retries: "
    update = {
        "stdout": "Ign:1 http://a x\nErr:1 http://a x\n",
        "stderr": "W: Failed to fetch http://a/x  Could not connect to a:80 (192.0.2.1).\n" * 2,
    }
    expression = "results | flaskops.stack.package_failures('lacking', before, update)"
    (said,) = evaluate(expression, results=[refused], before=empty, update=update).values()
    assert said == (
        "shop.packages: apt cannot install libpq6, gcc, since the host does not reach a, where its packages come from. Open the way to it, or set a"
        " proxy in /etc/apt/apt.conf.d (Acquire::http::Proxy). It said: W: Failed to fetch http://a/x  Could not connect to a:80 (192.0.2.1)"
    )
    (said,) = evaluate(expression, results=[refused], before=empty, update={"skipped": True}).values()
    assert said.endswith(
        "Run `apt-get update` on the server, which tells what is wrong, and mend that. It said: Failed to update apt cache after 5 retries"
    )
    skipped = {"skipped": True, "lacking": {"key": "shop", "value": []}}
    assert evaluate("results | flaskops.stack.package_failures('lacking')", results=[skipped]) == {}


def test_an_ini_is_printed():
    assert (
        evaluate("{'master': true, 'route': ['a', 'b']} | flaskops.stack.to_uwsgi_ini") == "[uwsgi]\nmaster = true\nroute = a\nroute = b\n"
    )
    assert evaluate("{'a': 1} | flaskops.stack.to_uwsgi_ini('emperor')") == "[emperor]\na = 1\n"
    with pytest.raises(AnsibleError, match="uWSGI option 'a' cannot have the value"):
        evaluate("{'a': '100%'} | flaskops.stack.to_uwsgi_ini")


# --- unserved ----------------------------------------------------------------------------------------------------------------

SOCKET = {"path": "/run/flask/shop/two.sock", "mode": "0660", "owner": "flask-shop", "group": "www-data"}
UNIT = {"unit": "flask-shop@two.service", "active": "active"}
SERVED = {
    "live": "two",
    "instances": {"two": {**UNIT, "enabled": True, "stream": {**UNIT, "unit": "flask-shop.stream@two.service"}}},
    "socket": SOCKET,
    "stream_socket": {**SOCKET, "path": "/run/flask/shop/two.stream.sock"},
    "problems": [],
    "user": "flask-shop",
    "web_group": "www-data",
}


def with_instance(**changes):
    return {"instances": {"two": {**SERVED["instances"]["two"], **changes}}}


@pytest.mark.parametrize("changes", [{}, {**with_instance(stream=None), "stream_socket": None}])
def test_an_application_that_is_served_has_no_line(changes):
    assert unserved.unserved({"shop": {**SERVED, **changes}}) == []


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"live": "", "socket": None}, "shop: no instance is live; deploy it with site.yml"),
        (with_instance(active="failed"), "shop: flask-shop@two.service is failed; look into its journal"),
        (with_instance(enabled=False), "shop: flask-shop@two.service does not start at boot; deploy it again"),
        (
            with_instance(stream={"unit": "flask-shop.stream@two.service", "active": "inactive"}),
            "shop: flask-shop.stream@two.service is inactive; look into its journal",
        ),
        ({"socket": None}, "shop: the live socket is not there; deploy it again"),
        ({"stream_socket": None}, "shop: the socket for streams is not there; deploy it again"),
        (
            {"socket": {**SOCKET, "mode": "0666"}},
            "shop: the live socket /run/flask/shop/two.sock has mode, owner and group 0666 flask-shop www-data, but must have 0660 flask-shop"
            " www-data; deploy it again",
        ),
        (
            {"stream_socket": {**SOCKET, "owner": "flask-blog", "group": "root"}},
            "shop: the socket for streams /run/flask/shop/two.sock has mode, owner and group 0660 flask-blog root, but must have 0660 flask-shop"
            " www-data; deploy it again",
        ),
        ({"problems": ["flask-shop@two.service: its statistics had no end"]}, "shop: flask-shop@two.service: its statistics had no end"),
    ],
)
def test_an_application_that_is_not_served_is_told_alone(changes, line):
    assert unserved.unserved({"shop": {**SERVED, **changes}, "blog": SERVED}) == [line]
