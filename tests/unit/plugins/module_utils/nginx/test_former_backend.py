# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host that moves from the address behind the proxy to the socket listens at both for a while."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.former_backend import former_backend

OTHER = "upstream shop {\n    server 10.0.0.1:8000;\n}\n"


@pytest.mark.parametrize(
    ("server", "address"), [("127.0.0.1:8000", "127.0.0.1:8000"), ("[::1]:81", "[::1]:81"), ("unix:/run/flaskops-nginx/backend.sock", "")]
)
def test_the_address_is_that_of_the_server_behind_the_proxy(server, address):
    shared = f"{OTHER}# The server behind the proxy.\nupstream flaskops_backend {{\n    server {server};\n    keepalive 32;\n}}\n{OTHER}"
    assert former_backend(shared) == address


@pytest.mark.parametrize("shared", ["", OTHER, "upstream flaskops_backend {\n", "upstream flaskops_backend {\n}\n"])
def test_other_files_have_none(shared):
    assert former_backend(shared) == ""
