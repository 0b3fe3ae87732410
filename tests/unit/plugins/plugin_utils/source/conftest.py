# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Directories of a controller, a repository, and functions that fetch from them."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.fetch import fetch
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import SourceError
from ansible_collections.flaskops.stack.tests.unit.render import resolve_app
from ansible_collections.flaskops.stack.tests.unit.repository import CONFIGURATION, Repository


@pytest.fixture
def places(tmp_path: Path) -> SimpleNamespace:
    made = SimpleNamespace(
        inventory=tmp_path / "inventory", playbooks=tmp_path / "playbooks", cache=tmp_path / "cache", run=tmp_path / "run"
    )
    for place in vars(made).values():
        place.mkdir()
    return made


@pytest.fixture
def get(places):
    """Fetch a source as a user writes it."""

    def get(**source):
        resolved = resolve_app({"name": "shop", "wsgi": "app.py", "source": source})["source"]
        return fetch(resolved, [places.inventory, places.playbooks], places.cache, places.run)

    return get


@pytest.fixture
def refused(get):
    """Fetch what cannot be had; return the key and the message."""

    def refused(**source):
        with pytest.raises(SourceError) as caught:
            get(**source)
        assert "\n" not in str(caught.value)
        assert caught.value.remedy
        return caught.value.key, caught.value.problem

    return refused


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch):
    for name, value in CONFIGURATION.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def commits(tmp_path_factory) -> SimpleNamespace:
    """A repository: first (tags v1, light), middle, second, on main; a branch feature beside it."""
    repository = Repository(tmp_path_factory.mktemp("git") / "origin")
    first = repository.commit("first", {"app.py": "1", "web/site.py": "x"})
    repository.git("tag", "--annotate", "v1", "--message", "v1")
    repository.git("tag", "light")
    repository.git("branch", "feature")
    middle = repository.commit("middle", {"app.py": "1.5"})
    second = repository.commit("second", {"app.py": "2"})
    repository.git("checkout", "--quiet", "feature")
    feature = repository.commit("feature", {"app.py": "3"})
    repository.git("checkout", "--quiet", "main")
    return SimpleNamespace(place=repository.place, first=first, middle=middle, second=second, feature=feature)


@pytest.fixture
def origin(tmp_path: Path, commits: SimpleNamespace) -> SimpleNamespace:
    """A copy of that repository, to be changed."""
    shutil.copytree(commits.place, tmp_path / "origin")
    names = {name: value for name, value in vars(commits).items() if name != "place"}
    return SimpleNamespace(repository=Repository(tmp_path / "origin"), url=f"file://{tmp_path}/origin", **names)
