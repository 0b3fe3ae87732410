"""A switch keeps a request that lasts, and works on a host without the memory for two instances."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.driver import APP, Site
from ansible_collections.flaskops.stack.tests.harness.host import until
from ansible_collections.flaskops.stack.tests.harness.load import Load
from ansible_collections.flaskops.stack.tests.harness.source import changed

# systemd counts the seconds of a timer by whole ones.
EARLY = 2
# A busy machine is late with everything; a stream that the end of the drain time does not cut goes on for ever.
LATE = 60
# A machine that is busy starts an application in less than this.
SECONDS = 300


def test_a_stream_lasts_for_the_drain_time(site: Site) -> None:
    """It gets every line until then from the instance that it began with, and the run does not wait for it."""
    drain, old = site.app["drain_timeout"], {host.name: host.page()["page"] for host in site.hosts}
    file = f"/run/stream-{time.time_ns()}.jsonl"
    for host in site.hosts:
        host.background("stream.py", APP, "/stream", file)
    for host in site.hosts:
        assert until(functools.partial(host.lines, file), SECONDS), f"{host}: the stream did not begin"
    site.source.write("after the stream")
    site.deploy(site.app)
    for host in site.hosts:
        switched = host.look()["switched"]
        lines = host.lines(file)
        while (not lines or lines[-1][1] != "end") and time.time() < switched + drain + SECONDS:
            time.sleep(0.5)
            lines = host.lines(file)
        (ended, last), times = lines[-1], [line[0] for line in lines]
        assert last == "end", f"{host}: the stream has not ended {time.time() - switched:.0f} s after the switch"
        assert times[0] < switched, f"{host}: the stream began after the switch"
        assert -EARLY <= ended - switched - drain <= LATE, (
            f"{host}: the stream ended {ended - switched:.1f} s after the switch, not {drain}"
        )
        longest = max(later - earlier for earlier, later in zip(times, times[1:], strict=False))
        assert longest < LATE, f"{host}: the stream paused for {longest:.1f} s"
        others = [text for _time, text in lines[:-1] if not text.startswith(old[host.name])]
        assert not others, f"{host}: the stream has lines of another release: {others[:3]}"


def test_one_at_a_time(site: Site, figure: Callable[[str], None]) -> None:
    """With ``strategy: restart`` there is a gap, which is measured; a bad release gets the old one back."""
    app = changed(site.app, strategy="restart")
    with site.load(rate=50) as load:
        source = site.source.copy()
        source.write("bad", "import ledger_paper\n")
        old = {host.name: host.page()["page"] for host in site.hosts}
        run = site.run(described=changed(app, source=source.path))
        for host in site.hosts:
            run.require_failure(host, APP, "No module named 'ledger_paper'")
        wait_until_served(site, old)
        refused = time.time()
        page = site.source.write("one at a time")
        site.deploy(app)
        wait_until_served(site, dict.fromkeys(old, page))
        served = time.time()
        for host in site.hosts:
            load.come_to(served, host)
            stalls = [stall(load, host.name, since, until) for since, until in ((0.0, refused), (refused, float("inf")))]
            figure(f"{host}: strategy restart, no answers for {stalls[1]:.2f} s at a good release, {stalls[0]:.2f} s at a bad one")
            assert all(seconds < SECONDS for seconds in stalls), f"{host}: no answers for {stalls} s"


def wait_until_served(site: Site, pages: dict[str, str]) -> None:
    for host in site.hosts:
        until = time.time() + SECONDS
        while host.get()[0] != 200 and time.time() < until:
            time.sleep(0.2)
        assert host.page()["page"] == pages[host.name], f"{host}: {host.page()} answers instead of {pages[host.name]}"


def stall(load: Load, name: str, since: float, until: float) -> float:
    """Return the longest time between two good answers, less the pause between requests."""
    host = next(host for host in load.hosts if host.name == name)
    good = sorted(sample.due + sample.seconds for sample in load.samples(host, since, until) if sample.status == 200)
    return max(later - earlier for earlier, later in zip(good, good[1:], strict=False))
