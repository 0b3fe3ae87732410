"""Requests that are made all the time, from inside the hosts, and what came of them."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Collection, Sequence

from .host import Host, until

# No request takes so long, however slow the machine is.
SECONDS = 300


@dataclasses.dataclass(frozen=True)
class Sample:
    """A request of the load and its answer."""

    due: float
    seconds: float
    status: int
    body: str

    @functools.cached_property
    def page(self) -> str:
        """The page's name, empty where the answer is none of the application."""
        try:
            return str(json.loads(self.body)["page"])
        except (ValueError, KeyError, TypeError):
            return ""


class Load:
    """Requests to one site of some hosts.

    :param rate: requests a second to each host
    :param file: the file inside that gets a line of JSON for each request
    """

    def __init__(self, hosts: Sequence[Host], site: str, rate: float, file: str) -> None:
        self.hosts, self.site, self.rate, self.file = hosts, site, rate, file
        # Until then nothing else went on.
        self.rested = 0.0
        self.over = False
        # When a host switched, by its name.
        self.switches: dict[str, list[float]] = {}

    def begin(self) -> None:
        """Start to ask, and wait until every host has an answer: a busy machine needs seconds to start a program."""
        for host in self.hosts:
            host.background("load.py", self.site, str(self.rate), self.file)
        for host in self.hosts:
            assert until(functools.partial(host.lines, self.file), SECONDS), f"{host}: the load has no answer {SECONDS} s after its start"

    def end(self) -> None:
        """Have all requests be the last ones."""
        for host in self.hosts:
            host.run("touch", f"{self.file}.stop")
        self.over = True

    def come_to(self, moment: float, host: Host) -> list[Sample]:
        """Wait until the load has come to the requests that are due at a moment, since a busy machine is behind with them; return all samples.

        Requests that nobody has sent by the deadline are missing among the samples, which is for the caller to judge.
        """
        found: list[Sample] = []

        def has_come() -> bool:
            found[:] = self.samples(host)
            return self.over or any(sample.due >= moment for sample in found)

        until(has_come, SECONDS, 1)
        return found

    def samples(self, host: Host, since: float = 0, until: float = float("inf")) -> list[Sample]:
        """Return the requests that were due in a time, in the order of their answers."""
        found = [Sample(*line) for line in host.lines(self.file)]
        return [sample for sample in found if since <= sample.due < until]

    def require_no_loss(self, host: Host, since: float, until: float, pages: Collection[str]) -> None:
        """Require that every request got the answer of one of the releases that may answer."""
        samples = [sample for sample in self.come_to(until, host) if since <= sample.due < until]
        # The last requests may have no answer yet.
        assert len(samples) >= int(until - since), f"{host}: the load made {len(samples)} requests in {until - since:.0f} s only"
        bad = [sample for sample in samples if sample.status != 200]
        assert not bad, f"{host}: {len(bad)} of {len(samples)} requests failed: {bad[:3]}"
        others = {sample.page for sample in samples} - set(pages)
        assert not others, f"{host}: {others} answered, where only {pages} may"


def percentile(samples: Sequence[Sample], percent: float) -> float:
    """Return the milliseconds that so many percent of the requests took at most."""
    ordered = sorted(sample.seconds for sample in samples)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000 if ordered else float("nan")
