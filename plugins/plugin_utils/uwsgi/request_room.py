# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Room in uWSGI for the largest request that nginx passes on, by ``large_client_header_buffers`` in nginx_site's templates.

nginx would answer a request that finds no room with 500 or 502, although the client alone is to blame.
"""

from __future__ import annotations

# Each is an option of uWSGI with its value and its reason. uWSGI reads block sizes as 16 bit: 65536 would wrap to 0 (unbit/uwsgi#324).
# uWSGI has room for twice as many variables as `max-vars` says: more than such a request has, unless its headers have hardly a letter.
REQUEST_ROOM = (
    ("buffer-size", 65535, "Room for large cookies and headers; with the default 4096, nginx would answer such requests with 502."),
    ("max-vars", 2048, "Room for as many headers; with the default 64, nginx would answer a request with more than a hundred with 502."),
)
