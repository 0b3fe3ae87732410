"""Applications of one run are deployed apart: beside one that fails, the others are built, switched, served, rolled back and removed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.driver import APP, NEIGHBOUR, Site
from ansible_collections.flaskops.stack.tests.harness.controller import Run
from ansible_collections.flaskops.stack.tests.harness.host import CHECKOUT
from ansible_collections.flaskops.stack.tests.harness.source import Description, Source, changed

NEWCOMER = "newcomer"
FAILS = "deploy | Fail with the message of every application that failed"


class Newcomer:
    """A third application, which fails and is mended in turn."""

    def __init__(self, site: Site) -> None:
        self.source = Source(site.directory, CHECKOUT / "tests/apps/ledger")
        self.source.require()
        self.good = changed(site.neighbour, name=NEWCOMER, source=self.source.path, nginx={"server_names": [NEWCOMER]})


@pytest.fixture(scope="module")
def newcomer(site: Site) -> Iterator[Newcomer]:
    site.source.require()
    site.app = changed(site.first, source=site.source.path)
    yield Newcomer(site)
    site.run("site", flask_apps=[site.app, site.neighbour, absent()]).require_success()


def absent() -> Description:
    return {"name": NEWCOMER, "state": "absent", "purge": True}


def together(site: Site, *others: Description) -> Run:
    """Deploy the application that changes with others, which come first in the list."""
    return site.run("site", flask_apps=[*others, site.app, site.neighbour])


def require_one_failure(site: Site, run: Run, name: str, *texts: str) -> None:
    """Require that the run fails at its end with a message that begins with the cause and is about one application."""
    for host in site.hosts:
        run.require_failure(host, *texts)
        message = run.messages[host.name]
        others = {APP, NEWCOMER, NEIGHBOUR} - {name}
        assert message.startswith((f"{name}:", f"{name}.")), f"{host}: the message begins with something else: {message}"
        assert not [other for other in others if f"{other}:" in message], f"{host}: the message names others: {message}"
        failed = [task for task, where, result in run.results if where == host.name and result.get("failed")]
        assert failed == [FAILS], f"{host}: these tasks failed: {failed}"


def require_untouched(site: Site, before: dict[str, str], name: str) -> None:
    after = {host: state["unit"] for host, state in site.look(name).items()}
    assert after == before, f"{name} did not run on in the same process"


def processes(site: Site, name: str) -> dict[str, str]:
    return {host: state["unit"] for host, state in site.look(name).items()}


def test_a_first_release_that_cannot_be_built(site: Site, newcomer: Newcomer) -> None:
    page = site.source.write("beside a build that fails")
    bad = changed(newcomer.good, hooks={"build": ["echo 'no paper' >&2; exit 3"]})
    require_one_failure(site, together(site, bad), NEWCOMER, "cannot be built", "ended with 3", "no paper")
    for host in site.hosts:
        assert host.page()["page"] == page, f"{host}: the healthy application has not been switched"
        assert host.get(NEWCOMER)[0] == 0, f"{host}: nginx has a site of an application that does not run"
        assert "newcomer" not in host.run("ls", "/etc/nginx/sites-enabled")
        newest = host.look(NEWCOMER)["history"][-1]
        assert (newest["action"], newest["result"]) == ("build", "failed")


def test_the_next_run_deploys_what_failed_and_nothing_else(site: Site, newcomer: Newcomer) -> None:
    before = processes(site, APP)
    page = newcomer.source.write("mended")
    run = together(site, newcomer.good).require_success()
    for host in site.hosts:
        assert host.page(NEWCOMER)["page"] == page
        made = [path for path in run.made[host.name] if f"/{NEWCOMER}/" not in path]
        assert not made, f"{host}: the run made {made}"
    require_untouched(site, before, APP)
    together(site, newcomer.good).require_success().require_nothing_changed("everything is deployed")


def test_a_release_that_is_not_healthy(site: Site, newcomer: Newcomer) -> None:
    served = {host.name: host.page(NEWCOMER)["page"] for host in site.hosts}
    before, page = processes(site, NEWCOMER), site.source.write("beside a candidate that fails")
    newcomer.source.write("ill", "def health():\n    return 'the ink is dry', 503\n")
    run = together(site, changed(newcomer.good, health={"timeout": 20}))
    require_one_failure(site, run, NEWCOMER, "answered 503", "the ink is dry", "within 20 s", "The live instance was not touched")
    require_untouched(site, before, NEWCOMER)
    for host in site.hosts:
        assert host.page()["page"] == page, f"{host}: the healthy application has not been switched"
        assert host.page(NEWCOMER)["page"] == served[host.name]
        assert [host.look(name)["history"][-1]["result"] for name in (APP, NEWCOMER)] == ["live", "failed"]
        healthy, ill = (host.look(name)["history"][-1]["seconds"]["gate"] for name in (APP, NEWCOMER))
        assert healthy < ill, f"{host}: the healthy application waited {healthy} s for its switch, and the other one failed after {ill} s"
    before = processes(site, APP)
    page = newcomer.source.write("well again")
    together(site, newcomer.good).require_success()
    assert {host.page(NEWCOMER)["page"] for host in site.hosts} == {page}
    require_untouched(site, before, APP)


def test_a_source_that_is_not_there(site: Site, newcomer: Newcomer) -> None:
    before, page = processes(site, NEWCOMER), site.source.write("beside a source that is gone")
    run = together(site, changed(newcomer.good, source={"path": "/srv/nowhere"}))
    require_one_failure(site, run, NEWCOMER, "source.path", "'/srv/nowhere' does not exist")
    assert {host.page()["page"] for host in site.hosts} == {page}
    require_untouched(site, before, NEWCOMER)


def test_a_package_that_is_not_there(site: Site, newcomer: Newcomer) -> None:
    """apt refuses all packages together then, so each application gets its own."""
    before, page = processes(site, NEWCOMER), site.source.write("beside a package that is not there")
    run = together(site, changed(newcomer.good, packages=["no-such-package-flaskops"]))
    for host in site.hosts:
        run.require_failure(host, "newcomer.packages: apt cannot install no-such-package-flaskops: No package matching")
    assert {host.page()["page"] for host in site.hosts} == {page}
    require_untouched(site, before, NEWCOMER)


def test_a_mistake_in_a_description_refuses_the_whole_run(site: Site, newcomer: Newcomer) -> None:
    before = {name: processes(site, name) for name in (APP, NEWCOMER)}
    site.source.write("beside a mistake")
    run = together(site, changed(newcomer.good, sandbocks={}))
    for host in site.hosts:
        run.require_failure(host, "newcomer.sandbocks is not a key")
    run.require_nothing_changed("a description is wrong")
    for name, units in before.items():
        require_untouched(site, units, name)


def test_going_back_with_all_but_one(site: Site, newcomer: Newcomer) -> None:
    """The neighbour has had one release only."""
    page = site.source.write("to be left")
    together(site, newcomer.good).require_success()
    run = site.run("rollback", app="all", flask_apps=[site.neighbour, site.app, newcomer.good])
    for host in site.hosts:
        run.require_failure(host, f"{NEIGHBOUR}: there is no earlier instance on this host to go back to")
        assert host.page()["page"] != page, f"{host}: {APP} has not gone back"
        assert [host.look(name)["history"][-1]["action"] for name in (APP, NEWCOMER)] == ["rollback", "rollback"]


def test_a_removal_beside_a_release_that_cannot_be_built(site: Site, newcomer: Newcomer) -> None:
    served = {host.name: host.page()["page"] for host in site.hosts}
    bad = changed(site.app, hooks={"build": ["echo 'no paper' >&2; exit 3"]})
    run = site.run("site", flask_apps=[bad, site.neighbour, absent()])
    require_one_failure(site, run, APP, "cannot be built", "no paper")
    for host in site.hosts:
        assert not host.run("sh", "-c", f"ls -d /srv/flask/{NEWCOMER} /etc/flask/{NEWCOMER} 2>/dev/null", check=False)
        assert host.get(NEWCOMER)[0] == 0
        assert host.page()["page"] == served[host.name]
    site.source.write("after all")
    site.deploy(site.app, uwsgi_service_allow_rejected=True)
