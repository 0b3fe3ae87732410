# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The mark by which an answer tells which site's server sent it.

nginx adds it to answers for requests that this collection sends from the host itself, and to no others: flaskops.conf.j2 decides.
"""

from __future__ import annotations

import re
import typing as t

from .http_client import HttpAnswer

MARK_HEADER = "X-Flaskops-Site"
# nginx answers a path with a hidden file itself, so that no application is asked for it.
BY_ITS_MARK = "/.flaskops-probe"
_PROBE = "flaskops-probe"


class SiteMark(t.NamedTuple):
    """The contents of a mark.

    :param site: name of the site
    :param reached: whether an application has sent the answer, or a server that nginx passed the request to
    """

    site: str
    reached: bool

    @classmethod
    def of(cls, answer: HttpAnswer) -> SiteMark | None:
        """Return the mark of an answer, ``None`` if it has none."""
        site, _blank, evidence = (answer.getheader(MARK_HEADER) or "").partition(" ")
        # nginx writes - for a server that sent no header, and one value for each server it tried.
        return cls(site, bool(re.search(r"[0-9a-z]", evidence))) if site else None


def asked_name(name: str) -> str:
    """Return a host that a server name answers and that is no other site's name.

    :param name: a server name of nginx, also a wildcard or the catch-all ``_``
    """
    if name.startswith("*."):
        return f"{_PROBE}{name[1:]}"
    return f"{_PROBE}.invalid" if name == "_" else name
