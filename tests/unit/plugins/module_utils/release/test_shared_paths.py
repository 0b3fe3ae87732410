# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of a release that outlive it: links into ``shared/``, and first contents there."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.release import shared_paths
from ansible_collections.flaskops.stack.plugins.module_utils.release.build import build
from ansible_collections.flaskops.stack.plugins.module_utils.release.store import BuildError
from ansible_collections.flaskops.stack.tests.unit.building import USER, description, left, needs_root, packed

pytestmark = needs_root

FILES = {"app.py": "app = 1\n", "uploads/first.txt": "one", "data/README": "x", "linked": "-> data"}


def built(host, *shared: str, hooks=(), files=FILES, **plan) -> Path:
    build(description(host, hooks, shared_paths=list(shared), **plan), packed(host.place, files))
    return host.place / "releases" / plan.get("id", "r1")


def test_a_path_is_a_link_and_its_contents_are_the_first_ones(host):
    release = built(host, "uploads")
    assert os.readlink(release / "uploads") == "../../shared/uploads"
    assert (host.place / "shared/uploads/first.txt").read_text() == "one"
    for path in ("shared/uploads", "shared/uploads/first.txt"):
        status = (host.place / path).lstat()
        assert status.st_uid == pwd.getpwnam(USER).pw_uid
        assert status.st_mode & 0o200, "the application writes to it"
    assert (release / "uploads").lstat().st_uid == 0
    assert [path.name for path in (host.place / "shared").iterdir() if path.name.startswith(".")] == []


def test_contents_of_a_later_release_replace_nothing(host):
    built(host, "uploads")
    (host.place / "shared/uploads/first.txt").write_text("changed")
    release = built(host, "uploads", files={**FILES, "uploads/first.txt": "two", "uploads/more.txt": "x"}, id="r2")
    assert (release / "uploads/first.txt").read_text() == "changed"
    assert [path.name for path in (host.place / "shared/uploads").iterdir()] == ["first.txt"]


def test_a_path_that_the_release_lacks_is_a_directory_or_a_file_by_its_name(host):
    release = built(host, "cache", "logs.d/", "app.log", "data/db.sqlite")
    assert (host.place / "shared/cache").is_dir()
    assert (host.place / "shared/logs.d").is_dir()
    assert not os.path.lexists(host.place / "shared/app.log")
    (release / "app.log").write_text("written through the link")
    assert (host.place / "shared/app.log").read_text() == "written through the link"
    assert os.readlink(release / "data/db.sqlite") == "../../../shared/data/db.sqlite"
    assert (host.place / "shared/data").is_dir()
    assert (release / "data/README").read_text() == "x"


def test_flasks_instance_folder_is_shared_without_a_word(host):
    release = built(host, instance_path="src/instance")
    assert os.readlink(release / "src/instance") == "../../../shared/src/instance"
    assert (host.place / "shared/src/instance").is_dir()


@pytest.mark.parametrize("made_by", ["source", "hook"])
def test_an_instance_folder_of_the_release_stays_unless_it_is_named(host, made_by):
    files = {**FILES, "instance/config.py": "A = 1\n"} if made_by == "source" else FILES
    hooks = [] if made_by == "source" else ["mkdir instance && echo A = 1 > instance/config.py"]
    release = built(host, hooks=hooks, files=files, instance_path="instance")
    assert not (release / "instance").is_symlink()
    release = built(host, "instance", hooks=hooks, files=files, instance_path="instance", id="r2")
    assert (release / "instance").is_symlink()
    assert (host.place / "shared/instance/config.py").read_text() == "A = 1\n"


def test_a_package_in_the_virtualenv_finds_its_instance_folder_too(host):
    built(host)
    venv = host.place / "venvs/v1"
    assert os.readlink(venv / "var") == "../../shared/var"
    assert (venv / "var").is_dir()


@pytest.mark.parametrize("path", ["linked/x", "app.py/x", "app.py/x/y"])
def test_a_path_behind_a_link_or_a_file_of_the_release_is_refused(host, path):
    with pytest.raises(BuildError, match="^shared_paths: '.*' cannot be shared, since '.*' of the release is no directory"):
        built(host, path)
    assert "releases/r1" not in left(host)


@pytest.mark.parametrize("kind", ["link", "dangling", "file", "pipe"])
def test_whatever_the_application_has_at_a_path_stays_and_root_follows_no_link(host, kind):
    """The application owns shared/: a link there may lead anywhere."""
    outside = host.place / "outside"
    outside.mkdir()
    place = host.place / "shared/uploads"
    {
        "link": lambda: place.symlink_to(outside),
        "dangling": lambda: place.symlink_to(host.place / "nowhere"),
        "file": place.touch,
        "pipe": lambda: os.mkfifo(place),
    }[kind]()
    before = os.lstat(place)
    built(host, "uploads")
    built(host, "uploads/inner/deep", files={"app.py": ""}, id="r2")
    assert os.lstat(place).st_ino == before.st_ino
    assert list(outside.iterdir()) == []
    assert not os.path.lexists(host.place / "nowhere")


def test_a_link_above_a_path_leads_no_further_than_the_application_itself_gets(host):
    """Between two looks the application may put a link in the place of a directory. Its own rights are all that directories are made with."""
    outside = host.place / "outside"
    outside.mkdir(mode=0o755)
    (host.place / "shared/data").symlink_to(outside)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(shared_paths, "_is_missing", lambda *_place: True)
        with pytest.raises(Exception, match="Permission denied"):
            built(host, "data/uploads")
    assert list(outside.iterdir()) == []


def test_what_the_application_keeps_in_an_instance_folder_below_a_shared_path_stays(host):
    """The link of the shared path leads to shared/: root removes and makes nothing behind it."""
    built(host, "src", files={**FILES, "src/code.py": ""}, instance_path="src/instance")
    kept = host.place / "shared/src/instance/app.db"
    kept.parent.mkdir()
    kept.write_text("data")
    release = built(host, "src", files={**FILES, "src/code.py": ""}, instance_path="src/instance", id="r2")
    assert kept.read_text() == "data"
    assert not kept.parent.is_symlink()
    assert os.readlink(release / "src") == "../../shared/src"


def test_no_link_is_made_behind_one_that_was_made_just_now(host):
    """The controller refuses such a description; what lies in shared/ must not hang on that."""
    (host.place / "shared/uploads/kept").mkdir(parents=True)
    with pytest.raises(BuildError, match="'uploads/kept' cannot be shared, since 'uploads' of the release is no directory"):
        built(host, "uploads", "uploads/kept")
    assert (host.place / "shared/uploads/kept").is_dir()
    assert "releases/r1" not in left(host)


@pytest.mark.parametrize("path", ["linked/instance", "app.py/instance", "app.py/deeper/instance"])
def test_a_release_that_has_no_room_for_an_instance_folder_is_built_without(host, path):
    release = built(host, instance_path=path)
    assert not (host.place / "shared" / path).exists()
    assert sorted(os.listdir(release / "data")) == ["README"]
