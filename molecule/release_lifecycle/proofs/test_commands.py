"""Commands of an operator: where they run and as whom, what is told of them, and what deployments leave to them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.driver import APP, NEIGHBOUR, Site
from ansible_collections.flaskops.stack.tests.harness.controller import Run
from ansible_collections.flaskops.stack.tests.harness.host import Host, until
from ansible_collections.flaskops.stack.tests.harness.source import changed

SECRET = "hush-hush-hush"
COMMAND = "Run the command"


@pytest.fixture(scope="module")
def deployed(site: Site) -> Site:
    site.source.require()
    site.source.write("commands 0")
    app = changed(site.first, source=site.source.path, secrets={"LEDGER_SECRET": SECRET}, keep_releases=2, drain_timeout=1)
    # With its site, which later proofs find as described.
    site.deploy(app, "site")
    return site


def command(site: Site, command: str, app: str = APP, **variables: object) -> Run:
    return site.run("run", app=app, command=command, **variables)


def outputs(run: Run) -> dict[str, list[str]]:
    """Return what the command printed on each host that it ran on."""
    return {host: result["output"] for task, host, result in run.results if task == COMMAND and "output" in result}


def test_it_runs_once_as_the_application(deployed: Site) -> None:
    """The output of a run is searched for secrets by the driver."""
    words = 'pwd; id -un; echo "$LEDGER_MODE ${LEDGER_SECRET} ${FLASKOPS_ROLE} $#"; touch x; test $$ -gt 1 && python -c "import flask, page; print(page.NAME)"'
    found = outputs(command(deployed, words).require_success())
    first = deployed.hosts[0]
    assert list(found) == [first.name], "host_count is one"
    place, who, environment, refused, page = found[first.name]
    state = first.look()
    assert place == f"/srv/flask/{APP}/releases/{state['current']}"
    assert (who, environment, page) == (f"flask-{APP}", "calm *** command 0", first.page()["page"])
    assert "Read-only file system" in refused


def test_or_on_every_host(deployed: Site) -> None:
    found = outputs(command(deployed, "hostname", host_count="all").require_success())
    assert found == {host.name: [host.run("hostname").strip()] for host in deployed.hosts}


def test_a_failure_is_told_once_with_the_status(deployed: Site) -> None:
    host = deployed.hosts[0]
    run = command(deployed, "echo before; exit 3")
    assert outputs(run) == {host.name: ["before"]}
    assert run.messages == {host.name: f"{APP}: 'echo before; exit 3' ended with 3."}
    command(deployed, "celery worker").require_failure(
        host, "the program celery is neither on the host nor in the virtualenv, which has", "flask"
    )
    command(deployed, "sleep 60", time_limit=2).require_failure(host, "has not ended within 2 s (time_limit) and was ended")


def test_check_mode_runs_nothing(deployed: Site) -> None:
    host = deployed.hosts[0]
    mark = f"/srv/flask/{APP}/shared/mark"
    run = command(deployed, f"touch {mark}", check=True)
    said = {name: result.get("msg") for task, name, result in run.results if task == COMMAND}
    assert "is not run in check mode" in said[host.name]
    assert not is_there(host, mark)


def test_an_application_that_is_not_there(deployed: Site) -> None:
    host = deployed.hosts[0]
    command(deployed, "true", app="lodger").require_failure(host, f"write -e app=NAME with one of {APP}, {NEIGHBOUR}.")


def test_its_release_stays_through_deployments(deployed: Site) -> None:
    """It goes on in the release that it began in, which the next deployment after it removes."""
    host = deployed.hosts[0]
    state = host.look()
    began, instance = state["current"], state["live"]
    shared = f"/srv/flask/{APP}/shared"
    words = f"touch {shared}/began; while [ ! -e {shared}/go ]; do sleep 0.2; done; cat page.py"
    with ThreadPoolExecutor(1) as executor:
        going = executor.submit(command, deployed, words)
        try:
            assert until(lambda: is_there(host, f"{shared}/began"), 300), "the command has not begun"
            for number in range(1, 3):
                deployed.source.write(f"commands {number}")
                deployed.deploy(deployed.app)
                host.run("systemctl", "stop", f"flask-{APP}@{instance}.service")
            kept = host.look()["releases"]
        finally:
            host.run("touch", f"{shared}/go")
        printed = outputs(going.result().require_success())
    assert began in kept, f"the release {began} was removed under the command: {kept}"
    assert "commands 0" in "".join(printed[host.name]), f"the command went on elsewhere: {printed}"
    deployed.source.write("commands 3")
    deployed.deploy(deployed.app)
    assert began not in host.look()["releases"], "nobody needs the release any more"


def is_there(host: Host, path: str) -> bool:
    return host.run("sh", "-c", f"[ -e {path} ] && echo yes", check=False).strip() == "yes"
