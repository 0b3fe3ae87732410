"""Fixtures of the proofs: the fleet, whose visitors ask all the time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.flaskops.stack.molecule.fleet.proofs.driver import Fleet
from ansible_collections.flaskops.stack.tests.harness.host import Host


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--target", required=True, action="append", metavar="HOST=CONTAINER", help="a converged host of the scenario")
    parser.addoption("--edge", required=True, metavar="HOST=CONTAINER", help="the host that becomes the edge")


@pytest.fixture(scope="session")
def fleet(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The servers with one application, which visitors ask all the time."""
    targets = [target.partition("=") for target in pytestconfig.getoption("--target")]
    fleet = Fleet([Host(name, container, "ledger") for name, _equals, container in targets], tmp_path_factory.mktemp("fleet"))
    fleet.load.begin()
    yield fleet
    fleet.load.end()


@pytest.fixture(scope="session")
def edge(fleet: Fleet, pytestconfig: pytest.Config) -> Host:
    """The host that becomes the edge before the servers."""
    name, _equals, container = pytestconfig.getoption("--edge").partition("=")
    host = Host(name, container, "ledger")
    fleet.controller.admit(host)
    return host
