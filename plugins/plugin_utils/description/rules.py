# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Directives of ``extra`` that the server behind the proxy has too, so that no front server on another host leads past them."""

from __future__ import annotations

import re
from collections.abc import Sequence

# The server behind the proxy has its own of these, or they would take effect twice.
_FRONT_ONLY = re.compile(
    r"\s*(listen|server_name|ssl_\w+|http[23]\w*|set_real_ip_from|real_ip_\w+|add_header|add_trailer|expires|sub_filter\w*|gzip\w*|rewrite"
    r"|proxy_\w+|uwsgi_\w+)\b"
)


def rules(extra: Sequence[str]) -> list[str]:
    """Return the directives that hold on both servers, such as ``allow``, ``auth_basic`` and ``return``.

    :param extra: directives as the user wrote them
    """
    return [directive for directive in extra if not _FRONT_ONLY.match(directive)]
