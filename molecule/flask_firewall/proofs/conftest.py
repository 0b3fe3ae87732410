"""Fixtures of the proofs: each host of the scenario, behind its firewall."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.molecule.flask_firewall.proofs.driver import Walled
from ansible_collections.flaskops.stack.tests.harness.host import Host


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--target", required=True, action="append", metavar="HOST=CONTAINER", help="a converged host of the scenario")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "walled" in metafunc.fixturenames:
        targets = [target.partition("=") for target in metafunc.config.getoption("--target")]
        hosts = [Host(name, container) for name, _equals, container in targets]
        metafunc.parametrize("walled", hosts, indirect=True, ids=str, scope="session")


@pytest.fixture(scope="session")
def walled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Walled:
    """A host of the scenario."""
    return Walled(request.param, tmp_path_factory.mktemp("controller"))
