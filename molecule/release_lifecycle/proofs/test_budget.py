"""The number of round trips to a host that a run may take, since they take most of its time. A count, so it is the same on a busy machine.

Each task that goes to the host is listed here with its purpose; the goal is at most ten for a run that changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.driver import Site
from ansible_collections.flaskops.stack.tests.harness.controller import Run
from ansible_collections.flaskops.stack.tests.harness.source import changed

NOTHING_TO_CHANGE = [
    "Read what the host has",
    "Gate every new instance and switch to it",
    "Read what the host has",
    "Swap in the sites of every application",
]
# The source goes along with the order to build it.
OTHER_CODE = [NOTHING_TO_CHANGE[0], "Make the accounts and build the releases that the host lacks", *NOTHING_TO_CHANGE[1:]]
# An application that is to be absent, and whose cache is still there.
CACHE_TO_REMOVE = [*NOTHING_TO_CHANGE, "Remove what absent applications have left beside their sites"]


def require(site: Site, run: Run, budget: list[str], what: str) -> None:
    run.require_success()
    for host in site.hosts:
        trips = run.trips.get(host.name, [])
        assert trips == budget, f"{host}: {what} makes {len(trips)} round trips, its budget is {len(budget)}: {trips}"


def test_round_trips(site: Site, figure: Callable[[str], None]) -> None:
    site.source.require()
    site.source.write("budget")
    # Migrations are a step of their own, between the release and its instance.
    app = changed(site.first, source=site.source.path, hooks={"migrate": None})
    site.deploy(app)
    run = site.run("site", app)
    require(site, run, NOTHING_TO_CHANGE, "a run that changes nothing")
    run.require_nothing_changed("everything is deployed")

    site.source.write("other code")
    require(site, site.run("site", app), OTHER_CODE, "a release of other code")
    figure(f"round trips to a host: {len(NOTHING_TO_CHANGE)} with nothing to change, {len(OTHER_CODE)} with other code")
