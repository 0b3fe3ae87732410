"""Applications of one run are deployed apart, also where one of them is new, has lost its source, goes back or goes away.

How releases fail beside others that are replaced is in test_releases.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.driver import APP, NEIGHBOUR, Site
from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.messages import require_failure_at_the_end, require_failures
from ansible_collections.flaskops.stack.tests.harness.controller import Run
from ansible_collections.flaskops.stack.tests.harness.host import CHECKOUT
from ansible_collections.flaskops.stack.tests.harness.source import Description, Source, changed

NEWCOMER, LODGER = "newcomer", "lodger"
ALL = (APP, NEIGHBOUR, NEWCOMER, LODGER)
NO_PAPER = {"build": ["echo 'no paper' >&2; exit 3"]}


class Guest:
    """An application more, which fails and is mended in turn."""

    def __init__(self, site: Site, name: str) -> None:
        self.source = Source(site.directory, CHECKOUT / "tests/apps/ledger")
        self.source.require()
        self.good = changed(site.neighbour, name=name, source=self.source.path, nginx={"server_names": [name]})


@pytest.fixture(scope="module")
def newcomer(site: Site) -> Guest:
    site.source.require()
    site.app = changed(site.first, source=site.source.path)
    return Guest(site, NEWCOMER)


@pytest.fixture(scope="module")
def lodger(site: Site) -> Guest:
    return Guest(site, LODGER)


def together(site: Site, *guests: Description) -> Run:
    """Deploy the application that changes with others, which come first in the list."""
    return site.run("site", others=guests)


def processes(site: Site, *names: str) -> dict[str, dict[str, str]]:
    """Return the process of each live instance, by application and host."""
    return {name: {host: state["unit"] for host, state in states.items()} for name, states in site.look_at(names).items()}


def require_untouched(site: Site, before: dict[str, dict[str, str]]) -> None:
    after = processes(site, *before)
    assert after == before, f"not all of {[*before]} ran on in the same process"


def require_page(site: Site, page: str, name: str = APP) -> None:
    for host in site.hosts:
        assert host.page(name)["page"] == page, f"{host}: {name} answers {host.page(name)} and not {page}"


def test_a_first_release_that_cannot_be_built(site: Site, newcomer: Guest) -> None:
    page = site.source.write("beside a build that fails")
    run = together(site, changed(newcomer.good, hooks=NO_PAPER))
    require_failures(site, run, {NEWCOMER: ("cannot be built", "ended with 3", "no paper")}, ALL)
    require_failure_at_the_end(site, run)
    require_page(site, page)
    for host in site.hosts:
        assert host.get(NEWCOMER)[0] == 0, f"{host}: nginx has a site of an application that does not run"
        assert NEWCOMER not in host.run("ls", "/etc/nginx/sites-enabled")
        newest = host.look(NEWCOMER)["history"][-1]
        assert (newest["action"], newest["result"]) == ("build", "failed")


def test_the_next_run_deploys_what_failed_and_what_is_new_and_nothing_else(site: Site, newcomer: Guest, lodger: Guest) -> None:
    before = processes(site, APP)
    mended, moved_in = newcomer.source.write("mended"), lodger.source.write("moved in")
    run = together(site, newcomer.good, lodger.good).require_success()
    require_page(site, mended, NEWCOMER)
    require_page(site, moved_in, LODGER)
    for host in site.hosts:
        made = [path for path in run.made[host.name] if f"/{NEWCOMER}/" not in path and f"/{LODGER}/" not in path]
        assert not made, f"{host}: the run made {made}"
    require_untouched(site, before)


def test_a_source_and_a_package_that_are_not_there(site: Site, newcomer: Guest, lodger: Guest) -> None:
    """apt refuses all packages together then, so each application gets its own."""
    before, page = processes(site, NEWCOMER, LODGER), site.source.write("beside a source and a package that are gone")
    without_source = changed(newcomer.good, source={"path": "/srv/nowhere"})
    without_package = changed(lodger.good, packages=["no-such-package-flaskops"])
    run = together(site, without_source, without_package)
    says: dict[str, Sequence[str]] = {
        NEWCOMER: ("source.path", "'/srv/nowhere' does not exist"),
        LODGER: ("lodger.packages: apt cannot install no-such-package-flaskops: No package matching",),
    }
    require_failures(site, run, says, ALL)
    require_page(site, page)
    require_untouched(site, before)


def test_a_mistake_in_a_description_refuses_the_whole_run(site: Site, newcomer: Guest, lodger: Guest) -> None:
    before = processes(site, *ALL)
    site.source.write("beside a mistake")
    run = together(site, changed(newcomer.good, sandbocks={}), lodger.good)
    for host in site.hosts:
        run.require_failure(host, "newcomer.sandbocks is not a key")
    run.require_nothing_changed("a description is wrong")
    require_untouched(site, before)


def test_going_back_with_all_but_one(site: Site, newcomer: Guest, lodger: Guest) -> None:
    """The neighbour, which is the first one in the list, has had one release only."""
    page, left = site.source.write("to be left"), newcomer.source.write("to be left, too")
    together(site, newcomer.good, lodger.good).require_success()
    run = site.run("rollback", app="all", flask_apps=[site.neighbour, site.app, newcomer.good])
    for host in site.hosts:
        run.require_failure(host, f"{NEIGHBOUR}: there is no earlier instance on this host to go back to")
        assert host.page()["page"] != page, f"{host}: {APP} has not gone back"
        assert host.page(NEWCOMER)["page"] != left, f"{host}: {NEWCOMER} has not gone back"
        assert [host.look(name)["history"][-1]["action"] for name in (APP, NEWCOMER)] == ["rollback", "rollback"]


def test_removals_beside_a_release_that_cannot_be_built(site: Site, newcomer: Guest, lodger: Guest) -> None:
    served = {host.name: host.page()["page"] for host in site.hosts}
    absent: list[Description] = [{"name": name, "state": "absent", "purge": True} for name in (NEWCOMER, LODGER)]
    run = site.run("site", changed(site.app, hooks=NO_PAPER), others=absent)
    require_failures(site, run, {APP: ("cannot be built", "no paper")}, ALL)
    require_failure_at_the_end(site, run)
    for host in site.hosts:
        for name in (NEWCOMER, LODGER):
            assert not host.run("sh", "-c", f"ls -d /srv/flask/{name} /etc/flask/{name} 2>/dev/null", check=False)
            assert host.get(name)[0] == 0
        assert host.page()["page"] == served[host.name]
