# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask the sites of a web server before and after a reload; none may be worse off."""

from __future__ import annotations

import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

from .http_client import HttpClient, NoAnswerError, NoConnectionError

_THREADS = 8
# An application may fail for a moment; what a configuration breaks stays broken.
_PATIENCE_SECONDS = 3.0
_POLL_SECONDS = 0.2
_REFUSED, _SILENT, _FAILING, _GOOD = range(4)


class SiteAnswer(t.NamedTuple):
    """How well a site answers, the higher the better, and in words."""

    rank: int
    says: str


class SiteRequest(t.NamedTuple):
    """A request to a site: the name of the site, its host and a path."""

    site: str
    host: str
    path: str


class SiteProbe:
    """Asks the routes of sites at one address.

    :param address: host or IP address and port of the web server
    :param sites: ``name``, ``host`` and ``routes``; each route's ``probe`` is the path that is asked, an empty one is not
    """

    def __init__(self, address: tuple[str, int], sites: t.Sequence[t.Mapping[str, t.Any]]) -> None:
        self.client = HttpClient(address)
        self.requests = [
            SiteRequest(site["name"], site["host"], route["probe"]) for site in sites for route in site["routes"] if route["probe"]
        ]

    @property
    def names(self) -> set[str]:
        """Return the names of the sites that can be asked."""
        return {request.site for request in self.requests}

    def look(self, names: t.Collection[str]) -> dict[SiteRequest, SiteAnswer]:
        """Ask every route of the named sites."""
        wanted = [request for request in self.requests if request.site in names]
        with ThreadPoolExecutor(_THREADS) as pool:
            return dict(zip(wanted, pool.map(self._ask, wanted), strict=True))

    def worse(self, before: t.Mapping[SiteRequest, SiteAnswer], new: t.Collection[str] = ()) -> str:
        """Ask again and return which sites answer worse than before, empty if none does. They are given some time to recover.

        :param new: names of sites that were not there before: it is enough that the server takes the connection
        """
        end = time.monotonic() + _PATIENCE_SECONDS
        while True:
            after = self.look({request.site for request in before})
            found = [
                f"{request.site}: {request.host}{request.path} {answer.says}, and {before[request].says} before the change"
                for request, answer in after.items()
                if answer.rank < (_SILENT if request.site in new else before[request].rank)
            ]
            if not found or time.monotonic() > end:
                return "; ".join(found)
            time.sleep(_POLL_SECONDS)

    def _ask(self, request: SiteRequest) -> SiteAnswer:
        try:
            with self.client.get(request.host, request.path) as answer:
                return SiteAnswer(_FAILING if answer.status >= 500 else _GOOD, f"answered {answer.status}")
        except NoConnectionError as error:
            return SiteAnswer(_REFUSED, str(error))
        except NoAnswerError as error:
            return SiteAnswer(_SILENT, str(error))
