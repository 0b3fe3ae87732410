# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of a release that nginx serves itself: under their URLs, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.instance.static_files import MissingPageError

ROUTES = {
    "nginx": {
        "routes": [
            {"path": "/static/", "mode": "static", "directory": "web"},
            {"path": "/deep/er", "mode": "static", "directory": "web/img/"},
        ]
    }
}


@pytest.fixture
def published(host):
    """Publish files of a release; return the directory that nginx serves."""

    def published(files=("web/style.css", "web/img/a.png", "app.py"), **changes) -> Path:
        one = host.candidate("one", **{**ROUTES, **changes})
        for name in files:
            path = Path(one.release.path, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        one.publish()
        return Path(one.root, "public/one")

    return published


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def names(place: Path) -> set[str]:
    return {str(path.relative_to(place)) for path in place.rglob("*") if not path.is_dir()}


def test_static_files_stand_under_their_urls_and_nothing_else(published):
    assert names(published()) == {"static/style.css", "static/img/a.png", "deep/er/a.png"}


def test_without_static_routes_no_file_is_public(published):
    public = published(nginx={"routes": [{"path": "/"}]})
    assert public.is_dir()
    assert names(public) == set()


def test_public_files_are_hard_links(host, published):
    public = published()
    assert (public / "static/style.css").stat().st_ino == (Path(host.app()["root"]) / "releases/r1/web/style.css").stat().st_ino


def test_code_on_another_file_system_is_copied(published, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_args, **_more: (_ for _ in ()).throw(OSError(18, "cross-device")))
    public = published()
    assert (public / "static/style.css").read_text() == "web/style.css"
    assert mode(public / "static/style.css") == 0o644


def test_publishing_again_removes_other_files(published):
    (published() / "static/left").touch()
    assert "static/left" not in names(published())


def test_public_directories_are_public_whatever_the_umask(published):
    before = os.umask(0o077)
    try:
        public = published()
    finally:
        os.umask(before)
    assert mode(public / "static") == mode(public) == 0o755


def test_hidden_files_are_not_public(published):
    assert names(published(files=("web/style.css", "web/.env", "web/.git/config", "web/img/x"))) == {
        "static/style.css",
        "static/img/x",
        "deep/er/x",
    }


SPA = {"nginx": {"routes": [{"path": "/app", "mode": "static", "directory": "web", "fallback": "index.html"}]}}


def test_the_page_for_lost_paths_must_be_there(published):
    assert "app/index.html" in names(published(files=["web/index.html"], **SPA))


def test_a_release_without_the_page_is_refused(published):
    with pytest.raises(MissingPageError, match="'index.html', the fallback of the route /app, is no file of 'web' in the release"):
        published(**SPA)
