# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of static routes, where a build or the owner of prebuilt code has left links, pipes and files of others."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.instance import attempt, static_files
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import DeployError, Instance
from ansible_collections.flaskops.stack.plugins.module_utils.instance.static_files import OutwardLinkError
from ansible_collections.flaskops.stack.tests.unit.hostile import STRANGER, in_time, needs_root

ROUTES = {"nginx": {"routes": [{"path": "/static", "mode": "static", "directory": "web/static"}]}}
SECRET = "TOKEN=hunter2"


@pytest.fixture
def secret(host) -> Path:
    """A file that root alone reads."""
    path = host.place / "root-only" / "secret"
    path.parent.mkdir(mode=0o700)
    path.write_text(SECRET)
    path.chmod(0o600)
    return path


@pytest.fixture
def candidate(host) -> Instance:
    made = host.candidate("one", **ROUTES)
    static = Path(made.release.path, "web/static")
    static.mkdir()
    (static / "style.css").write_text("css")
    (static / "style.css").chmod(0o644)
    return made


@pytest.fixture
def prebuilt(host):
    """Code of a stranger, whose owner is free to do with it what he likes."""

    def prebuilt(owner: int = STRANGER) -> Instance:
        one = host.candidate("one", release="", **ROUTES)
        code = host.place / "theirs/code"
        (code / "web/static").mkdir(parents=True)
        (code / "web/static/style.css").write_text("css")
        give(host.place / "theirs", owner)
        return Instance({**one.app, "release": {**one.release._asdict(), "path": str(code)}})

    return prebuilt


def give(tree: Path, owner: int) -> None:
    for path in [tree, *tree.rglob("*")]:
        os.chown(path, owner, owner, follow_symlinks=False)


def public(one: Instance) -> Path:
    return Path(one.root, "public/one")


def published(one: Instance) -> dict[str, str]:
    return {str(path.relative_to(public(one))): path.read_text() for path in public(one).rglob("*") if path.is_file()}


def static(one: Instance) -> Path:
    return Path(one.release.path, "web/static")


# --- links in place of directories -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "shown"), [("web", "web"), ("web/static", "web/static")])
def test_a_link_in_place_of_a_directory_is_named_and_not_followed(host, candidate, secret, name, shown):
    path = Path(candidate.release.path, name)
    path.rename(host.place / "aside")
    path.symlink_to(secret.parent if name == "web/static" else secret.parent.parent / "root-only")
    (secret.parent / "static").mkdir(exist_ok=True)
    (secret.parent / "static/secret").write_text(SECRET)
    with pytest.raises(OSError, match=f"^'{shown}' of the route /static is a symbolic link to '.*/root-only'$"):
        candidate.publish()
    assert SECRET not in published(candidate).values()


def test_a_link_inside_of_the_release_is_told_with_what_to_write(host, candidate, run, monkeypatch):
    """Whether it leads out is nothing to find out by following it."""
    Path(candidate.release.path, "web/static").rename(Path(candidate.release.path, "assets"))
    Path(candidate.release.path, "web/static").symlink_to("../assets")
    monkeypatch.setattr(attempt, "gate", lambda _instances: pytest.fail("nothing is started"))
    says = (
        r"^shop\.nginx\.routes: 'web/static' of the route /static is a symbolic link to '\.\./assets';"
        " write the path that the link leads to, or have a directory in its place\\.$"
    )
    with pytest.raises(DeployError, match=says):
        run(candidate)


def test_on_the_way_back_a_link_is_passed_over_like_a_directory_that_is_missing(candidate, secret):
    static(candidate).rename(Path(candidate.release.path, "aside"))
    static(candidate).symlink_to(secret.parent)
    candidate.publish(lenient=True)
    assert published(candidate) == {}


def test_a_directory_leads_not_out_of_the_release(host, candidate, secret):
    candidate.app["static"][0]["directory"] = "../../../root-only"
    with pytest.raises(OSError, match="is not a directory of the release"):
        candidate.publish()
    assert published(candidate) == {}


@pytest.mark.parametrize("leads", ["{secret}", "..", "../../../x", "inner/../..", "inner/up/.."])
def test_a_link_out_of_the_directory_is_refused_with_the_remedy(candidate, secret, leads):
    inner = static(candidate) / "inner"
    inner.mkdir()
    (inner / "up").symlink_to("..")
    (static(candidate) / "link").symlink_to(leads.format(secret=secret))
    with pytest.raises(
        OutwardLinkError, match="'web/static' of the route /static has the symbolic link 'link' to '.*', which leads out"
    ) as refused:
        candidate.publish()
    assert "have a file in place of the link" in refused.value.remedy
    assert SECRET not in published(candidate).values()


def test_on_the_way_back_a_link_out_of_the_directory_is_left_out(candidate, secret):
    (static(candidate) / "link").symlink_to(secret)
    candidate.publish(lenient=True)
    assert published(candidate) == {"static/style.css": "css"}


def test_links_inside_of_the_directory_lead_where_they_do_in_the_release(candidate):
    (static(candidate) / "v2").mkdir()
    (static(candidate) / "v2/app.js").write_text("js")
    (static(candidate) / "latest").symlink_to("v2")
    (static(candidate) / "v2/main.js").symlink_to("../latest/app.js")
    candidate.publish()
    assert (public(candidate) / "static/latest/main.js").read_text() == "js"
    assert os.readlink(public(candidate) / "static/latest") == "v2"


def test_more_links_than_any_site_has_are_refused(candidate, monkeypatch):
    """Root looks where each of them leads, and a build can make a million of them."""
    monkeypatch.setattr(static_files, "_MOST_PUBLISHED_LINKS", 3)
    for number in range(4):
        (static(candidate) / f"link{number}").symlink_to("style.css")
    with pytest.raises(OutwardLinkError, match="'web/static' of the route /static has more than 3 symbolic links"):
        candidate.publish()
    (static(candidate) / "link3").unlink()
    candidate.publish()
    assert (public(candidate) / "static/link2").read_text() == "css"


def test_links_of_two_routes_lead_not_out_together(candidate):
    """Each is an inner link where it stands, and by the link of the other route the first one leads above the tree."""
    more = Path(candidate.release.path, "more")
    more.mkdir()
    (more / "here").symlink_to(".")
    (static(candidate) / "link").symlink_to("b/here/here/here/../../../..")
    candidate.app["static"].append({"path": "/static/b", "directory": "more"})
    with pytest.raises(OutwardLinkError, match="the directory of all static routes has the symbolic link 'static/link'"):
        candidate.publish()
    assert not (public(candidate) / "static/link").is_symlink()


# --- what is no file ---------------------------------------------------------------------------------------------------------


def test_pipes_sockets_and_devices_are_left_out(candidate):
    os.mkfifo(static(candidate) / "pipe")
    if os.geteuid() == 0:
        os.mknod(static(candidate) / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    before = os.getcwd()
    os.chdir(static(candidate))  # a longer path is none for a socket
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
    os.chdir(before)
    in_time(candidate.publish)
    assert [path.name for path in public(candidate).rglob("*") if not path.is_dir()] == ["style.css"]


@needs_root
def test_a_pipe_that_takes_the_place_of_a_file_is_not_waited_for(prebuilt, monkeypatch):
    one = prebuilt()
    path = static(one) / "style.css"
    real = os.open

    def exchange(name, flags, *args, **more):
        if name == "style.css" and path.is_file():
            path.unlink()
            os.mkfifo(path)
        return real(name, flags, *args, **more)

    monkeypatch.setattr(os, "open", exchange)
    in_time(one.publish)
    assert published(one) == {}


@needs_root
def test_a_link_that_takes_the_place_of_a_file_or_a_directory_is_not_followed(prebuilt, secret, monkeypatch):
    """The owner of the code wins every race."""
    one = prebuilt()
    inner = static(one) / "inner"
    inner.mkdir()
    (inner / "secret").write_text("nothing")

    def exchanging(call):
        def exchange(path, *args, **more):
            name = os.path.basename(path) if isinstance(path, str) else ""
            if name in ("style.css", "inner") and not (static(one) / name).is_symlink():
                (static(one) / name).rename(static(one).parent / f"{name}.aside")
                (static(one) / name).symlink_to(secret if name == "style.css" else secret.parent)
            return call(path, *args, **more)

        return exchange

    for name in ("open", "link", "scandir"):
        monkeypatch.setattr(os, name, exchanging(getattr(os, name)))
    with contextlib.suppress(OutwardLinkError):
        one.publish()
    assert SECRET not in published(one).values()


# --- whose files -------------------------------------------------------------------------------------------------------------


@needs_root
def test_what_somebody_else_may_still_write_is_copied(prebuilt):
    one = prebuilt()
    style = static(one) / "style.css"
    os.utime(style, (1_000_000_000, 1_000_000_000))
    one.publish()
    copy = public(one) / "static/style.css"
    style.write_text("changed afterwards")
    assert copy.read_text() == "css"
    status = copy.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode), status.st_mtime) == (0, 0, 0o644, 1_000_000_000)


@needs_root
@pytest.mark.parametrize("place", ["theirs", "theirs/code", "theirs/code/web", "theirs/code/web/static"])
def test_a_file_of_root_in_a_place_of_somebody_else_is_copied(host, prebuilt, place):
    """He cannot write to it, but he may put another one there."""
    one = prebuilt(owner=0)
    one.publish()
    linked = (public(one) / "static/style.css").stat().st_ino
    assert linked == (static(one) / "style.css").stat().st_ino, "all of it is root's"
    os.chown(host.place / place, STRANGER, STRANGER)
    one.publish()
    assert (public(one) / "static/style.css").stat().st_ino != linked


@needs_root
@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755, 0o4755])
def test_every_public_file_has_one_mode_and_the_release_keeps_its_own(candidate, mode):
    (static(candidate) / "style.css").chmod(mode)
    candidate.publish()
    assert stat.S_IMODE((public(candidate) / "static/style.css").stat().st_mode) == 0o644
    assert stat.S_IMODE((static(candidate) / "style.css").stat().st_mode) == mode


@needs_root
@pytest.mark.parametrize("shared", [False, True])
def test_nobody_publishes_by_a_hard_link_what_he_may_not_read(prebuilt, secret, shared):
    one = prebuilt(owner=0 if shared else STRANGER)
    os.link(secret, static(one) / "secret")
    if shared:
        static(one).chmod(0o777)
    with pytest.raises(OSError, match="^not all may read 'web/static/secret', and others than its owner may have put it there$"):
        one.publish()
    assert SECRET not in published(one).values()


@needs_root
def test_a_private_file_of_the_owner_is_his_to_publish(prebuilt):
    one = prebuilt()
    (static(one) / "style.css").chmod(0o600)
    one.publish()
    assert published(one) == {"static/style.css": "css"}


@needs_root
def test_prebuilt_code_behind_a_link_of_its_owner_is_not_read(host, prebuilt, secret):
    one = prebuilt()
    (secret.parent / "web/static").mkdir(parents=True)
    (secret.parent / "web/static/secret").write_text(SECRET)
    (host.place / "theirs/code").rename(host.place / "theirs/aside")
    (host.place / "theirs/code").symlink_to(secret.parent)
    os.chown(host.place / "theirs/code", STRANGER, STRANGER, follow_symlinks=False)
    with pytest.raises(OSError, match=r"^'.*/theirs/code' on the way to .* is a symbolic link that is not root's$"):
        one.publish()
    assert SECRET not in published(one).values()


@needs_root
@pytest.mark.parametrize("target", ["theirs/code", "{place}/theirs/code", "./theirs/../theirs/code"])
def test_prebuilt_code_behind_a_link_of_root_is_found(host, prebuilt, target):
    one = prebuilt()
    (host.place / "current").symlink_to(target.format(place=host.place))
    linked = Instance({**one.app, "release": {**one.release._asdict(), "path": f"{host.place}/current"}})
    linked.publish()
    assert published(linked) == {"static/style.css": "css"}


def test_prebuilt_code_behind_links_in_a_circle_ends(host, candidate):
    (host.place / "a").symlink_to("b")
    (host.place / "b").symlink_to("a")
    one = Instance({**candidate.app, "release": {**candidate.release._asdict(), "path": f"{host.place}/a"}})
    with pytest.raises(OSError, match="symbolic link"):
        one.publish()


# --- how much ----------------------------------------------------------------------------------------------------------------


@needs_root
def test_a_file_that_is_one_large_hole_does_not_fill_the_disk(prebuilt):
    one = prebuilt()
    with open(static(one) / "hole", "wb") as file:
        file.truncate(2**40)
    with pytest.raises(OSError, match=r"^'web/static/hole' has 1,099,511,627,776 bytes, and 8,589,934,592 are published of a release$"):
        in_time(one.publish)


@needs_root
def test_directories_inside_each_other_without_end_are_told(prebuilt):
    one = prebuilt()
    before = os.getcwd()
    os.chdir(static(one))
    for _level in range(300):
        os.mkdir("d")
        os.chdir("d")
    os.chdir(before)
    with pytest.raises(OSError, match="more than 128 directories inside each other"):
        one.publish()


def test_a_longer_route_has_its_own_file_and_the_release_keeps_the_other(host):
    """Two routes may lead to one path; the file of the first must not be written into."""
    routes = [{"path": "/a", "mode": "static", "directory": "web"}, {"path": "/a/b", "mode": "static", "directory": "more"}]
    one = host.candidate("one", nginx={"routes": routes})
    for name, mode in (("web/b/x", 0o644), ("more/x", 0o755)):
        path = Path(one.release.path, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        path.chmod(mode)
    one.publish()
    assert published(one)["a/b/x"] == "more/x"
    assert Path(one.release.path, "web/b/x").read_text() == "web/b/x"
