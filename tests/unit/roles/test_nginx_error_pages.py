# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pages that nginx sends in place of an application, and sites that are closed."""

from __future__ import annotations

import json

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.site_files.page_files import page_files
from ansible_collections.flaskops.stack.tests.unit.render import complete, describe, nginx_files
from ansible_collections.flaskops.stack.tests.unit.roles.sites import FRONTS, decide, front_of, mapping, servers_of

INCLUDE = "include /var/lib/flaskops/closed/shop.con[f];"


def shop(front: str = "direct", **nginx) -> dict:
    return describe(nginx={"server_names": ["shop.example.com"], "front": front, **nginx})


@pytest.mark.parametrize("front", FRONTS)
def test_each_server_that_may_lack_an_answer_sends_a_page_that_says_when_to_try_again(rendered, front):
    for server in servers_of(rendered(shop(front)), front):
        assert server.values("error_page") == [
            f"{status} /.flaskops/{status}.$flaskops_page_kind" for status in ("429", "502", "503", "504")
        ]
        (place,) = [place for place in server.all("location") if place.args == ("^~", "/.flaskops/")]
        assert "Retry-After 30 always" in place.values("add_header")
        assert place.all("internal")
        assert (place.values("allow"), place.values("auth_basic")) == (["all"], ["off"]), "rules of the site hold for no page"


def test_a_program_gets_json_and_a_browser_a_page(rendered):
    kinds = mapping(rendered(shop()), "$flaskops_page_kind")
    assert decide(kinds, "text/html,application/xhtml+xml,application/json;q=0.9") == "html"
    assert decide(kinds, "application/json, text/plain") == "json"
    assert decide(kinds, "application/problem+json") == "json"
    assert decide(kinds, "*/*") == "html"


def test_pages_are_files_of_the_role():
    files = nginx_files([shop()])
    names = ["429", "502", "503", "504", "closed"]
    assert {path for path in files if "/pages/" in path} == {
        f"flaskops/pages/.flaskops/{name}.{kind}" for name in names for kind in ("html", "json")
    }
    assert json.loads(files["flaskops/pages/.flaskops/502.json"])["message"] == "Please try again in half a minute."
    assert "<p>Please try again in half a minute.</p>" in files["flaskops/pages/.flaskops/502.html"]
    assert "http" not in files["flaskops/pages/.flaskops/502.html"], "a page that needs another server would be one more that fails"


def test_words_of_a_page_are_no_markup():
    page, _json = page_files({"502": ["<b>", "&"]}, "me")
    assert "<h1>&lt;b&gt;</h1>" in page["content"]


@pytest.mark.parametrize(("status", "title"), [("404", "Not Found"), ("413", "Content Too Large"), ("422", "Unprocessable Content")])
def test_a_status_has_one_name_whatever_python_the_controller_has(status, title):
    """Python 3.13 has renamed some of them."""
    app = complete(nginx={"error_pages": {status: "static/page.html"}})
    (answer,) = [file["content"] for file in page_files({}, "me", [app]) if file["path"].endswith(".json")]
    assert json.loads(answer)["error"] == title


@pytest.mark.parametrize("front", FRONTS)
def test_a_site_is_closed_by_a_file_outside_of_the_tree(front):
    files = nginx_files([shop(front, maintenance={"allow": ["192.0.2.0/24"], "retry_after": 60})])
    assert files["sites-available/shop.conf"].count(INCLUDE) == 1
    assert "geo $flask_shop_insider {" in files["sites-available/shop.conf"]
    closed = files["flaskops/shop.closed.conf"]
    assert closed.index("$flask_shop_insider") < closed.index("return 503")
    assert "error_page 503 /.flaskops/closed.$flaskops_page_kind;" in closed


def test_a_front_server_on_another_host_leads_to_the_closed_site_too():
    files = nginx_files([shop("proxy")], nginx_site_front_addresses=["192.0.2.9"])
    assert files["sites-available/shop.conf"].count(INCLUDE) == 2


def test_a_closed_site_says_when_to_come_back(rendered):
    server = front_of(rendered(shop(maintenance={"retry_after": 60})))
    (place,) = [place for place in server.all("location") if place.args == ("^~", "/.flaskops/closed.")]
    assert "Retry-After 60 always" in place.values("add_header")


def test_no_path_leads_past_a_closed_site_but_proofs_for_a_ca():
    """Without a certificate from a CA, the application has the path of its proofs as any other."""
    closed = nginx_files([shop()])["flaskops/shop.closed.conf"]
    assert "if (-f /run/flaskops-acme$uri) {" in closed
    assert "well-known" not in closed
    by_hand = nginx_files([shop(extra=["location ^~ /.well-known/acme-challenge/ { root /var/www/proofs; }"])])["flaskops/shop.closed.conf"]
    assert 'if ($uri ~ "^/\\.well-known/acme-challenge/") {' in by_hand
