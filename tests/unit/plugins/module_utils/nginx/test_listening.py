# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The unix sockets on which nginx listens, by its files."""

from __future__ import annotations

from ansible_collections.flaskops.stack.plugins.module_utils.nginx.listening import unix_sockets


def test_sockets_are_found_in_the_texts_of_files():
    texts = [
        b"server {\n    listen unix:/run/flaskops-nginx/backend.sock default_server;\n    listen 80;\n}\n",
        b"server { # listen unix:/no\n    listen unix:/run/flaskops-nginx/backend.sock;\n}\n",
        b"# listen unix:/run/other.sock;\nupstream a {\n    server unix:/run/flask/shop/uwsgi.sock;\n}\n",
    ]
    assert unix_sockets(texts) == ["/run/flaskops-nginx/backend.sock"]
