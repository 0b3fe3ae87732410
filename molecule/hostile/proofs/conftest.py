"""Fixtures of all proofs: the scene, and what holds whatever the hostile application does."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from ansible_collections.flaskops.stack.molecule.hostile.proofs.driver import HEALTHY, Scene
from ansible_collections.flaskops.stack.tests.harness.host import Host


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--target", required=True, metavar="HOST=CONTAINER", help="the converged host of the scenario")


@pytest.fixture(scope="session")
def scene(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The host with the healthy applications, which are asked all the time."""
    name, _equals, container = pytestconfig.getoption("--target").partition("=")
    scene = Scene(Host(name, container), tmp_path_factory.mktemp("hostile"))
    for load in scene.loads.values():
        load.begin()
    yield scene
    for load in scene.loads.values():
        load.end()


@pytest.fixture(autouse=True)
def untouched(scene: Scene) -> Iterator[None]:
    """Root's files are as before, nothing of an attack is left, and the healthy applications have answered every request."""
    began, before = time.time(), scene.guarded()
    yield
    after = scene.guarded()
    differences = [f"- {line}" for line in before.files if line not in after.files] + [
        f"+ {line}" for line in after.files if line not in before.files
    ]
    assert not differences, "files of root or of the healthy applications have changed:\n" + "\n".join(differences[:10])
    assert not after.left, "attacks have left:\n" + "\n".join(after.left)
    for name in HEALTHY:
        scene.loads[name].require_no_loss(scene.host, began, time.time() - 2, ["first"])
