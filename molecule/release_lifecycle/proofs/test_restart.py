"""The machine comes back, and with it what was live, without a run."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.driver import APP, NEIGHBOUR, Site
from ansible_collections.flaskops.stack.tests.harness.host import Host

SECONDS = 300


@pytest.fixture
def untouched_neighbour() -> None:
    """The machine's restart is the neighbour's too."""


def test_what_was_live_is_live_again(site: Site) -> None:
    before, pages = site.look_at([APP, NEIGHBOUR]), {host.name: host.page()["page"] for host in site.hosts}
    for name, state in before[APP].items():
        assert state["previous"] in state["instances"], f"{name}: there is no second instance, which must not come up"
    with ThreadPoolExecutor() as pool:
        list(pool.map(restart, site.hosts))
    for host in site.hosts:
        wait_until_served(host)
        assert host.page()["page"] == pages[host.name], f"{host}: {host.page()} answers"
        for name in (APP, NEIGHBOUR):
            was, now = before[name][host.name], host.look(name)
            assert now["live"] == was["live"], f"{host}: {name}: {now['live']} is live, {was['live']} was before the restart"
            active = [unit for unit, found in now["units"].items() if found["ActiveState"] not in ("inactive", "failed")]
            assert active == [f"flask-{name}@{now['live']}.service"], f"{host}: {name}: {active} run"
    site.run("site").require_success().require_nothing_changed("the machine was restarted at rest")


def restart(host: Host) -> None:
    subprocess.run(["docker", "restart", "--time", "20", host.container], check=True, stdout=subprocess.DEVNULL)


def wait_until_served(host: Host) -> None:
    until = time.time() + SECONDS
    while (said := [host.get(name) for name in (APP, NEIGHBOUR)]) and time.time() < until:
        if [status for status, _body in said] == [200, 200]:
            return
        time.sleep(0.5)
    raise AssertionError(f"{host}: the sites do not answer {SECONDS} s after the restart: {said} {host.look()['units']}")
