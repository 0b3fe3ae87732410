# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask the sites of a web server before and after a reload: none may be worse off, and each must answer itself."""

from __future__ import annotations

import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

from .http_client import HttpClient, NoAnswerError, NoConnectionError, is_of_this_host, parse_listen
from .site_mark import BY_ITS_MARK, MARK_HEADER, SiteMark, asked_name

_THREADS = 8
# An application may fail for a moment; what a configuration breaks stays broken. On a slow host one look may take longer than this, so there is
# always another one.
_PATIENCE_SECONDS = 3.0
_LEAST_LOOKS = 2
_POLL_SECONDS = 0.2
_REFUSED, _SILENT, _FAILING, _GOOD = range(4)
_BAD_GATEWAY = 502


class SiteAnswer(t.NamedTuple):
    """How well a site answers, the higher the better, and in words.

    :param alone: whether nginx answers in place of an application that it did not reach
    """

    rank: int
    says: str
    alone: bool = False


class SiteRequest(t.NamedTuple):
    """A request to a site: the name of the site, its host and a path."""

    site: str
    host: str
    path: str


class _Patience:
    """The time that sites have to recover: some seconds, and some looks at least."""

    def __init__(self) -> None:
        self._end, self._looks = time.monotonic() + _PATIENCE_SECONDS, 0

    def is_over(self) -> bool:
        """Return whether the look before was the last one."""
        self._looks += 1
        return time.monotonic() > self._end and self._looks >= _LEAST_LOOKS


class SiteProbe:
    """Asks the routes of sites at one address, and every name of theirs at all addresses.

    :param addresses: hosts or IP addresses and ports of the web server; routes are asked at the first one
    :param sites: ``name``, ``host``, ``names`` and ``routes``; each route's ``probe`` is the path that is asked, an empty one is not
    :param marked: names of the sites whose configuration has a mark; of the others nobody can tell which server answers
    :param tls_address: where it speaks TLS, if it does
    """

    def __init__(
        self,
        addresses: t.Sequence[tuple[str, int]],
        sites: t.Sequence[t.Mapping[str, t.Any]],
        marked: t.Collection[str] = (),
        tls_address: tuple[str, int] | None = None,
    ) -> None:
        self.addresses = addresses
        self.client = HttpClient(addresses[0], tls_address=tls_address)
        self.names = {site["name"] for site in sites}
        self.requests = [
            SiteRequest(site["name"], site["host"], route["probe"]) for site in sites for route in site["routes"] if route["probe"]
        ]
        self.own = [
            SiteRequest(site["name"], asked_name(name), site.get("prefix", "") + BY_ITS_MARK)
            for site in sites
            if site["name"] in marked
            for name in site.get("names", ())
        ]
        self._last: dict[SiteRequest, SiteAnswer] = {}

    def look(self, names: t.Collection[str]) -> dict[SiteRequest, SiteAnswer]:
        """Ask every route of the named sites."""
        wanted = [request for request in self.requests if request.site in names]
        with ThreadPoolExecutor(_THREADS) as pool:
            self._last = dict(zip(wanted, pool.map(self._ask, wanted), strict=True))
        return self._last

    def worse(self, before: t.Mapping[SiteRequest, SiteAnswer], new: t.Collection[str] = ()) -> str:
        """Ask again and return which sites answer worse than before, empty if none does. They are given some time to recover.

        :param new: names of sites that were not there before: it is enough that the server takes the connection
        """
        patience = _Patience()
        while True:
            after = self.look({request.site for request in before})
            found = [
                f"{request.site}: {request.host}{request.path} {answer.says}, and {before[request].says} before the change"
                for request, answer in after.items()
                if answer.rank < (_SILENT if request.site in new else before[request].rank)
            ]
            if not found or patience.is_over():
                return "; ".join(found)
            time.sleep(_POLL_SECONDS)

    def unserved(self, names: t.Collection[str]) -> dict[str, str]:
        """Return which of the named sites do not answer themselves, each with the cause. They are given some time.

        Answers that :meth:`worse` has just got are not asked for again.
        """
        patience = _Patience()
        while True:
            if not {request for request in self.requests if request.site in names} <= set(self._last):
                self.look(names)
            found = {**self._without_application(names), **self._answered_by_others(names)}
            if not found or patience.is_over():
                return found
            time.sleep(_POLL_SECONDS)
            self._last = {}

    def _without_application(self, names: t.Collection[str]) -> dict[str, str]:
        """Return the sites before an application that nginx does not reach."""
        return {
            request.site: f"{request.host}{request.path} {answer.says}, and the application was not reached"
            "; start it, or give its routes an empty probe if something else starts it later"
            for request, answer in self._last.items()
            if request.site in names and answer.alone
        }

    def _answered_by_others(self, names: t.Collection[str]) -> dict[str, str]:
        """Return the sites of which a name is answered by another server at an address of this host."""
        clients = [HttpClient(address) for address in self.addresses if is_of_this_host(address)]
        wanted = [(client, request) for request in self.own if request.site in names for client in clients]
        with ThreadPoolExecutor(_THREADS) as pool:
            causes = pool.map(lambda pair: _other_server(*pair), wanted)
            return {request.site: cause for (_client, request), cause in zip(wanted, causes, strict=True) if cause}

    def _ask(self, request: SiteRequest) -> SiteAnswer:
        try:
            with self.client.get(request.host, request.path) as answer:
                mark = SiteMark.of(answer)
                alone = answer.status == _BAD_GATEWAY and mark is not None and not mark.reached
                return SiteAnswer(_FAILING if answer.status >= 500 else _GOOD, f"answered {answer.status}", alone)
        except NoConnectionError as error:
            return SiteAnswer(_REFUSED, str(error))
        except NoAnswerError as error:
            return SiteAnswer(_SILENT, str(error))


def _other_server(client: HttpClient, request: SiteRequest) -> str:
    """Return why a request was not answered by the server of its site, empty if it was."""
    where = f"{request.host} at {_shown(client.address)}"
    try:
        with client.get(request.host, request.path) as answer:
            mark = SiteMark.of(answer)
    except NoConnectionError as error:
        return f"{where} {error}: nginx has not loaded the site; see that nginx.conf includes sites-enabled"
    except NoAnswerError as error:
        return f"{where} {error}: the request did not come to the server of this site; nginx -T shows which one has the name"
    if mark is None:
        return (
            f"{where} is answered by a server that is not from this collection; take the name away there, nginx -T"
            " shows the file, or see that nginx.conf includes sites-enabled"
        )
    return "" if mark.site == request.site else f"{where} is answered by the site of {mark.site}"


def _shown(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class OwnedFile(t.Protocol):
    """A wanted file of the web server, as far as it tells which sites have a mark."""

    @property
    def owner(self) -> str: ...

    @property
    def content(self) -> bytes | None: ...


def probe_of(params: t.Mapping[str, t.Any], wanted: t.Sequence[OwnedFile]) -> SiteProbe:
    """Return the probe that the module ``config_tree`` is given.

    :param params: its parameters ``probe_listen``, ``probe_tls_listen`` and ``probe_sites``
    :param wanted: its files; a site with the header of its mark in one of them can be told from others
    :raises ValueError: for an address that cannot be read
    """
    marked = {file.owner for file in wanted if MARK_HEADER.encode() in (file.content or b"")}
    tls_address = parse_listen(params["probe_tls_listen"]) if params["probe_tls_listen"] else None
    return SiteProbe([parse_listen(listen) for listen in params["probe_listen"]], params["probe_sites"], marked, tls_address)
