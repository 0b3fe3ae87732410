# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fixtures of all unit tests."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
from ansible.plugins.loader import init_plugin_loader

# Templates use filters of this collection by their full names, which Ansible's own importer finds.
init_plugin_loader()


def _memory() -> Iterator[Path]:
    """A directory in memory where there is one: tests that make thousands of files would wait for the disk."""
    place = Path(tempfile.mkdtemp(prefix="flaskops-test-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
    yield place
    shutil.rmtree(place)


memory = pytest.fixture(_memory, name="memory")
shared_memory = pytest.fixture(_memory, name="shared_memory", scope="module")


@pytest.fixture
def host(memory: Path, monkeypatch: pytest.MonkeyPatch):
    """A host in a directory."""
    from ansible_collections.flaskops.stack.tests.unit.host import Host

    return Host(memory, monkeypatch)


@pytest.fixture(autouse=True, scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory):
    """Templates that tests compile are not kept in the home directory of whoever runs them."""
    from ansible_collections.flaskops.stack.plugins.plugin_utils.template import plain_templar

    with pytest.MonkeyPatch.context() as session:
        session.setattr(plain_templar, "_COMPILED", str(tmp_path_factory.mktemp("compiled")))
        yield


@pytest.fixture(autouse=True)
def no_secrets_are_known():
    """Secrets that one test has named are no secrets in the next one."""
    from ansible_collections.flaskops.stack.plugins.module_utils.host import shown

    yield
    shown.forget()


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The files of templates that Jinja compiles during the test, in this order."""
    names: list[str | None] = []
    compile_ = jinja2.Environment.compile

    def note(self, source, name=None, filename=None, **more):
        names.append(filename)
        return compile_(self, source, name, filename, **more)

    monkeypatch.setattr(jinja2.Environment, "compile", note)
    return names
