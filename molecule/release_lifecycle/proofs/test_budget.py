"""The number of round trips to a host that a run may take, since they take most of its time. A count, so it is the same on a busy machine.

Each task that goes to the host is listed here with its purpose; the goal is one for a run that changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.driver import Site
from ansible_collections.flaskops.stack.tests.harness.controller import Run
from ansible_collections.flaskops.stack.tests.harness.host import Host
from ansible_collections.flaskops.stack.tests.harness.source import changed

# Each task of a host costs the controller a process, also one that is skipped.
TASKS_WITH_NOTHING_TO_CHANGE = 3
LOOK = "build | Read what the host has, and compute the release id of every application"
SWITCH = "switch | Gate every new instance and switch to it"
SWAP = "swap | Swap in the sites of every application"
NOTHING_TO_CHANGE = [LOOK]
# The source goes along with the order to build it.
OTHER_CODE = [LOOK, "lacking | Make the accounts and build the releases", SWITCH]
OTHER_ROUTES = [LOOK, SWAP]
# An application that is to be absent, and whose cache is still there.
CACHE_TO_REMOVE = [LOOK, SWITCH, SWAP, "finish | Remove what absent applications have left beside their sites"]


def require(site: Site, run: Run, budget: list[str], what: str) -> None:
    run.require_success()
    for host in site.hosts:
        trips = run.trips.get(host.name, [])
        assert trips == budget, f"{host}: {what} makes {len(trips)} round trips, its budget is {len(budget)}: {trips}"


def test_round_trips(site: Site, figure: Callable[[str], None]) -> None:
    # A host keeps the last order, and that of the proofs before has applications which have gone.
    site.run("site").require_success()

    run = site.deploy(changed(site.app, nginx={"headers": {"X-Budget": "other"}}), "site")
    require(site, run, OTHER_ROUTES, "another header of nginx")

    site.source.write("other code")
    # Migrations are a step of their own, between the release and its instance.
    run = site.deploy(changed(site.app, hooks={"migrate": None}), "site")
    require(site, run, OTHER_CODE, "a release of other code")

    run = site.run("site")
    require(site, run, NOTHING_TO_CHANGE, "a run that changes nothing")
    run.require_nothing_changed("everything is deployed")
    for host in site.hosts:
        tasks = [task for task, each, _result in run.results if each == host.name]
        assert len(tasks) <= TASKS_WITH_NOTHING_TO_CHANGE, f"{host}: {len(tasks)} tasks, also skipped ones: {tasks}"
    figure(f"round trips to a host: {len(NOTHING_TO_CHANGE)} with nothing to change, {len(OTHER_CODE)} with other code")


def test_a_host_that_nginx_cannot_serve_on_is_refused_before_anything_is_built(site: Site) -> None:
    source = site.source.copy()
    source.write("for a host without nginx")
    before = {host.name: releases_of(host) for host in site.hosts}
    for host in site.hosts:
        host.run("systemctl", "mask", "nginx")
    try:
        run = site.run("site", changed(site.app, source=source.path))
    finally:
        for host in site.hosts:
            host.run("systemctl", "unmask", "nginx")
    for host in site.hosts:
        run.require_failure(host, "nginx.service is masked", "systemctl unmask nginx")
        assert releases_of(host) == before[host.name]
    run.require_nothing_changed("nginx is masked")


def releases_of(host: Host) -> str:
    """Return the names of all releases on a host."""
    return host.run("find", "/srv/flask", "-maxdepth", "3", "-path", "*/releases/*")
