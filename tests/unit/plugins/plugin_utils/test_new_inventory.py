# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A first inventory from five answers."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.new_inventory import (
    Answers,
    NewInventoryError,
    description,
    inventory_text,
    require_usable,
)

GOOD = Answers("shop", "/srv/shop", "shop.wsgi:app", "192.0.2.10", "shop.example.com, www.shop.example.com", "deploy")


def written(answers: Answers) -> dict:
    """Return what Ansible reads of the inventory."""
    return yaml.safe_load(inventory_text(answers, description(answers, "/srv/inventory")))["flask_servers"]


def test_the_inventory_has_the_server_and_a_description_that_is_accepted():
    group = written(GOOD)
    server = {"ansible_host": "192.0.2.10", "ansible_user": "deploy", "ansible_python_interpreter": "/usr/bin/python3"}
    assert group["hosts"] == {"server": server}
    app = resolve_apps(group["vars"]["flask_apps"])[0]
    assert app["source"]["path"] == "../shop"
    assert app["nginx"]["server_names"] == ["shop.example.com", "www.shop.example.com"]


@pytest.mark.parametrize(
    ("source", "kind", "value"),
    [
        ("/srv/inventory", "path", "."),
        ("/srv/work/shop", "path", "../work/shop"),
        ("/opt/a/shop", "path", "../../opt/a/shop"),
        ("https://example.com/shop.git", "git", "https://example.com/shop.git"),
        ("git@example.com:shop", "git", "git@example.com:shop"),
        ("httpbin==0.10.2", "package", "httpbin==0.10.2"),
    ],
)
def test_the_source_is_of_the_kind_that_the_answer_looks_like(source, kind, value):
    assert description(GOOD._replace(source=source), "/srv/inventory")["source"] == {kind: value}


def test_a_path_that_would_climb_high_is_absolute():
    assert description(GOOD, "/home/ann/work/servers/inventory")["source"] == {"path": "/srv/shop"}


def test_a_directory_with_the_name_of_a_repository_is_a_directory(tmp_path):
    (tmp_path / "shop.git").mkdir()
    assert description(GOOD._replace(source=str(tmp_path / "shop.git")), str(tmp_path))["source"] == {"path": "shop.git"}


@pytest.mark.parametrize(("server", "name"), [("web1", "web1"), ("192.0.2.10", "192.0.2.10"), ("2001:db8::1", "[2001:db8::1]")])
def test_without_a_domain_the_site_has_the_address_of_the_server(server, name):
    answers = GOOD._replace(server=server, domains="")
    app = resolve_apps(written(answers)["vars"]["flask_apps"])[0]
    assert app["nginx"]["server_names"] == [name]
    assert "acme" not in inventory_text(answers, description(answers, "/srv"))


def test_the_line_about_a_certificate_can_be_uncommented():
    text = inventory_text(GOOD, description(GOOD, "/srv/inventory")).replace("# tls:", "tls:")
    assert resolve_apps(yaml.safe_load(text)["flask_servers"]["vars"]["flask_apps"])[0]["nginx"]["tls"]["kind"] == "acme"


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("app", "", "app is empty; write -e app=shop, or answer the question"),
        ("wsgi", " ", "wsgi is empty; write -e wsgi=shop.wsgi:app, or answer the question"),
        ("server", "web1\nansible_user: root", "must be the name or the address of one server"),
        ("server", "web1 web2", "must be the name or the address of one server"),
        ("server", "a" * 300, "must be the name or the address of one server"),
        ("login", "ann; id", "must be the name of an account on the server"),
    ],
)
def test_an_answer_that_cannot_be_used_is_told(field, value, says):
    with pytest.raises(NewInventoryError) as error:
        require_usable(GOOD._replace(**{field: value}))
    assert says in str(error.value)


def test_all_problems_are_told_at_once():
    with pytest.raises(NewInventoryError) as error:
        require_usable(Answers("", "", "", "", "", ""))
    assert len(str(error.value).splitlines()) == 5


@pytest.mark.parametrize("hostile", ["{{ lookup('pipe', 'id') }}", "x: y", "- a\n- b", "'\"", "!vault |", "&a", "# shop"])
def test_an_answer_stays_one_text(hostile):
    app = written(GOOD._replace(app=hostile, wsgi=hostile, domains=""))["vars"]["flask_apps"][0]
    assert (app["name"], app["wsgi"]) == (hostile, hostile)
