# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The address of the server behind the proxy, which a former release of the roles has where there is a socket now."""

from __future__ import annotations

import re

# The file that has it, in the directory of nginx's configuration.
SHARED = "conf.d/flaskops.conf"
_UPSTREAM = re.compile(r"^upstream flaskops_backend \{\n(.*?)^\}", re.DOTALL | re.MULTILINE)
_ADDRESS = re.compile(r"^ *server (?!unix:)(\S+);", re.MULTILINE)


def former_backend(shared: str) -> str:
    """Return the address, empty if there is none.

    :param shared: the text of the file
    """
    upstream = _UPSTREAM.search(shared)
    address = _ADDRESS.search(upstream[1]) if upstream else None
    return address[1] if address else ""
