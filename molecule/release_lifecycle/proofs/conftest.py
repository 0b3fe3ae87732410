"""Fixtures of all proofs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.driver import APP, NEIGHBOUR, Site
from ansible_collections.flaskops.stack.tests.harness.host import Host, State

_figures: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--target", action="append", required=True, metavar="HOST=CONTAINER", help="a converged host of the scenario")


@pytest.fixture(scope="session")
def site(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The hosts with the first release, which the neighbour keeps to the end."""
    targets = [target.partition("=") for target in pytestconfig.getoption("--target")]
    site = Site([Host(name, container, APP) for name, _equals, container in targets], tmp_path_factory.mktemp("lifecycle"))
    # A session before has left another one.
    if any(state["history"][-1:] != state["history"][:1] or not state["live"] for state in site.look().values()):
        site.run("site").require_success()
    return site


@pytest.fixture(scope="module")
def processes_of_neighbour(site: Site) -> dict[str, State]:
    """The processes of the neighbour when the proofs of a file begin, by host."""
    return {name: state["unit"] for name, state in site.look(NEIGHBOUR).items()}


@pytest.fixture(autouse=True)
def untouched_neighbour(site: Site, processes_of_neighbour: dict[str, State]) -> Iterator[None]:
    """Whatever becomes of the other applications, the neighbour runs on in the same process."""
    yield
    after = {name: state["unit"] for name, state in site.look(NEIGHBOUR).items()}
    assert after == processes_of_neighbour, "the neighbour did not run on in the same process"


@pytest.fixture
def figure() -> Callable[[str], None]:
    """Note a measurement for the summary."""
    return _figures.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _figures:
        terminalreporter.section("measured")
        for line in _figures:
            terminalreporter.write_line(line)


def pytest_report_header() -> str:
    return f"application that changes: {APP}; application that must not be touched: {NEIGHBOUR}; sources in {Path(__file__).parent}"
