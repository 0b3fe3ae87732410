# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""taken_names: server names of new sites that a file of somebody else has already."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.managed import MANAGED
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.taken_names import printed, taken_names

_SHOP = {"app": "shop", "names": ["shop.test", "www.shop.test"], "listen": ["80", "[::]:80"]}


@pytest.fixture
def nginx(tmp_path):
    """A configuration as Debian has it, in which a server of somebody else has www.shop.test."""
    files = {
        "nginx.conf": "events {}\nhttp {\n    # include conf.d/off.conf;\n    include conf.d/*.conf; include 'sites-enabled/*';\n}\n",
        "conf.d/off.txt": "server { server_name shop.test; }",
        "sites-enabled/old": "server {\n    listen 80;\n    server_name other.test www.shop.test;\n}\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def text_of(path: str) -> str | None:
    file = Path(path)
    return file.read_text() if file.is_file() else None


def look(nginx: Path, *own: str, **more: object) -> dict[str, str]:
    return taken_names(str(nginx), own, [{**_SHOP, **more}], text_of, MANAGED)


def test_a_name_that_somebody_else_has_is_the_failure_of_its_application(nginx):
    told = look(nginx)
    assert list(told) == ["shop"]
    assert told["shop"] == (
        f"shop: {nginx}/sites-enabled/old:3 of somebody else has the server name www.shop.test at the same address, and nginx would"
        " serve one of the two alone. Take the name out there, or out of nginx.server_names."
    )


@pytest.mark.parametrize("listen", ["", "listen *:80;", "listen 0.0.0.0:80 default_server;", "listen [::]:80 ipv6only=on;"])
def test_all_ways_to_write_the_address_are_the_same(nginx, listen):
    (nginx / "sites-enabled/old").write_text(f"server {{ {listen} server_name shop.test; }}")
    assert "has the server name shop.test" in look(nginx)["shop"]


@pytest.mark.parametrize("name", ["Shop.TEST", ".shop.test", '"shop.test"'])
def test_all_ways_to_write_the_name_are_the_same(nginx, name):
    (nginx / "sites-enabled/old").write_text(f"server {{ listen 80; server_name {name}; }}")
    assert "has the server name shop.test" in look(nginx)["shop"]


@pytest.mark.parametrize(
    "theirs",
    [
        "server { listen 8080; server_name shop.test; }",
        "server { listen 127.0.0.1:80; server_name shop.test; }",
        "server { listen 443 ssl; server_name shop.test; }",
        "server { listen 80; server_name *.shop.test; }",
        "# server { listen 80; server_name shop.test; }",
        "map $host $x { shop.test 1; }",
        "server { listen 80; return 301 https://shop.test; }",
    ],
)
def test_servers_that_take_no_request_of_the_site_are_none_of_its_business(nginx, theirs):
    (nginx / "sites-enabled/old").write_text(theirs)
    assert look(nginx) == {}


def test_a_site_with_tls_has_two_addresses(nginx):
    (nginx / "sites-enabled/old").write_text("server { listen 443 ssl; server_name shop.test; }")
    assert "shop.test" in look(nginx, listen=["80", "443"])["shop"]


def test_files_of_ours_are_nobody_elses(nginx):
    assert look(nginx, "sites-enabled/old") == {}


def test_files_of_ours_are_known_where_their_list_is_gone(nginx):
    """The message about a damaged list says that the files are adopted once the list is removed."""
    old = nginx / "sites-enabled/old"
    old.write_text(f"#\n# {MANAGED}\n#\n{old.read_text()}")
    assert look(nginx) == {}


def test_nothing_is_read_for_names_that_ours_have_already(nginx):
    (nginx / "sites-enabled/shop.conf").write_text("server {\n    server_name shop.test\n        www.shop.test;\n}\n")
    read = []

    def noted(path: str) -> str | None:
        read.append(path)
        return text_of(path)

    assert taken_names(str(nginx), ["sites-enabled/shop.conf"], [_SHOP], noted, MANAGED) == {}
    assert read == [f"{nginx}/sites-enabled/shop.conf"]


def test_a_host_without_nginx_has_no_names(tmp_path):
    assert look(tmp_path) == {}


def test_files_that_include_each_other_are_read_once(nginx):
    (nginx / "conf.d/loop.conf").write_text("include conf.d/*.conf; include nginx.conf;")
    assert printed(str(nginx), text_of).count("# configuration file") == 3
