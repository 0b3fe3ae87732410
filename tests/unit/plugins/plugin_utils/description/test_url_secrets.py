# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Passwords and tokens in the addresses of sources."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.url_secrets import url_secrets


@pytest.mark.parametrize(
    ("source", "secrets"),
    [
        ({"git": "https://me:pass%2Fword@git.example.com/shop.git"}, ["pass%2Fword"]),
        ({"git": "https://ghp_0123456789abcdef@git.example.com/shop.git"}, ["ghp_0123456789abcdef"]),
        ({"git": "https://deploy@git.example.com/shop.git"}, []),
        ({"git": "git@git.example.com:shop.git"}, []),
        ({"git": "../shop"}, []),
        ({"archive": "https://me:p4ssword@example.com/shop.tar.gz"}, ["p4ssword"]),
        ({"archive": "https://[::1/shop.tar.gz"}, []),
        ({"path": "."}, []),
    ],
)
def test_what_nothing_may_show_of_an_address(source, secrets):
    assert url_secrets({"source": source}) == secrets


def test_an_application_that_is_removed_may_have_no_source():
    assert url_secrets({}) == []
