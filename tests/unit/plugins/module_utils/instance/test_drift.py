# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A live instance that goes on with what somebody has changed, removed or replaced: the next run notices and mends it."""

from __future__ import annotations

import math
import os
import re
import shutil
import stat
import time
import typing as t
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import processes
from ansible_collections.flaskops.stack.plugins.module_utils.instance import deploy, instance_files, switch
from ansible_collections.flaskops.stack.plugins.module_utils.instance import instance as instances
from ansible_collections.flaskops.stack.plugins.module_utils.instance.attempt import instance_diff
from ansible_collections.flaskops.stack.plugins.module_utils.instance.failures import Failures
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import DeployError
from ansible_collections.flaskops.stack.tests.unit.host import Host
from ansible_collections.flaskops.stack.tests.unit.pools import pool, unit
from ansible_collections.flaskops.stack.tests.unit.runs import serves

TEXT = "TimeoutStopSec=60\nOverlap=true\n"
WORKERS = {"queue.1": TEXT, "mails.1": TEXT}
TIMERS = {"nightly": {"timer": "[Timer]\nOnCalendar=daily\n", "service": "[Service]\n"}}


@pytest.fixture
def live(host: Host, run) -> t.Callable[[], t.Any]:
    """Bring an instance with all kinds of units up, and return one with which a run meets it again."""

    def candidate():
        made = host.candidate("one", pool=True, workers=WORKERS, timers=TIMERS)
        made.app["files"]["ini"] += "chmod-socket = 660\n"
        return made

    run(candidate())
    host.events.clear()
    return candidate


instances_bound = instances._bound


def deploy_run(host: Host, wanted: instances.Instance) -> None:
    result = deploy.deploy([wanted], [], "me@here", False, False, Failures())
    assert not result.failures


def stopped(host: Host) -> set[str]:
    return {event.partition(" ")[2] for event in host.events if event.startswith("stop flask-") and not re.search("drain|handover", event)}


def socket_of(host: Host, name: str = "one.sock") -> Path:
    return host.place / "run_dir/shop" / name


def make_file(path: Path) -> None:
    path.unlink()
    path.touch()


def make_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("own/one.sock")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(os.unlink, id="gone"),
        pytest.param(make_file, id="a file"),
        pytest.param(make_link, id="a link"),
        pytest.param(lambda path: path.chmod(0o600), id="of another mode"),
    ],
)
def test_a_unit_that_runs_without_its_socket_is_started_anew(host, run, live, spoil):
    spoil(socket_of(host))
    assert run(live(), check=True).changed
    assert run(live()).changed
    assert stopped(host) == {unit("one")}
    assert host.events.index(f"stop {unit('one')}") < host.events.index(f"start {unit('one')}")
    assert stat.S_ISSOCK(socket_of(host).lstat().st_mode)
    assert not run(live()).changed


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_socket_of_another_group_is_made_anew(host, run, live):
    os.chown(socket_of(host), -1, 65534)
    run(live())
    assert stopped(host) == {unit("one")}


def test_a_pool_that_runs_without_its_socket_is_started_anew(host, run, live):
    socket_of(host, "one.stream.sock").unlink()
    assert run(live()).changed
    assert stopped(host) == {pool("one")}


def test_a_description_may_set_another_mode(host, run):
    def candidate(mode):
        made = host.candidate("one")
        made.app["files"]["ini"] += f"chmod-socket = 660\nchmod-socket = {mode}\n"
        return made

    run(candidate("660"))
    assert run(candidate("666"), check=True).changed
    socket_of(host).chmod(0o666)
    candidate("666").write()
    assert not run(candidate("666")).changed


def test_an_instance_without_its_directory_of_sockets_serves_again(host, run, live):
    shutil.rmtree(socket_of(host).parent)
    assert run(live()).changed
    serves(host, "one")
    assert stopped(host) >= {unit("one"), pool("one")}
    assert not run(live()).changed


def test_an_instance_that_was_running_is_remembered_as_such_although_it_was_stopped(host, live):
    shutil.rmtree(socket_of(host).parent)
    one = live()
    one.begin()
    switch.start([one])
    assert one.ran_before


def test_a_unit_that_does_not_stop_costs_no_other_application_its_start(host, run, live, monkeypatch):
    run(host.candidate("two", name="blog"))
    for app, id_ in (("shop", "one"), ("blog", "two")):
        (host.place / f"run_dir/{app}/{id_}.sock").unlink()

    def stop(units, _seconds=20):
        if unit("one") in units:
            raise switch.systemd.SystemdError("it does not stop")
        host._stop(units)

    monkeypatch.setattr(switch.systemd, "stop", stop)
    blog = host.candidate("two", name="blog")
    failures = switch.start([live(), blog])
    assert list(failures) == ["shop"]
    assert "start flask-blog@two.service" in host.events


# --- files that were changed by hand -------------------------------------------------------------------------------------------------------


def edit(path: str) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write("# by hand\n")


def worker(name: str) -> str:
    return f"flask-shop.{name}@one.service"


UWSGI = {unit("one"), pool("one")}
EACH = UWSGI | {worker("queue.1"), worker("mails.1")}


@pytest.mark.parametrize(
    ("path", "units"),
    [
        ("config_dir/shop/one.ini", {unit("one")}),
        ("config_dir/shop/one.stream.ini", {pool("one")}),
        ("config_dir/shop/one.env", EACH),
        ("config_dir/shop/one.secrets", EACH),
        ("config_dir/shop/one.json", set()),
        ("systemd/flask-shop@.service", {unit("one")}),
        ("systemd/flask-shop.stream@.service", {pool("one")}),
        ("systemd/flask-shop@one.service.d/instance.conf", {unit("one")}),
        ("systemd/flask-shop.stream@one.service.d/instance.conf", {pool("one")}),
        ("systemd/flask-shop.queue.1@one.service", {worker("queue.1")}),
        ("systemd/flask-shop.nightly@one.timer", {"flask-shop.nightly@one.timer"}),
        ("systemd/flask-shop.nightly@one.service", set()),
    ],
)
def test_what_has_begun_with_a_file_that_was_changed_by_hand_is_started_anew(host, run, live, begun, path, units):
    edit(host.place / path)
    begun.update(EACH)
    assert run(live()).changed
    assert stopped(host) == units
    for each in units:
        assert host.events.index("reload") < host.events.index(f"stop {each}") < host.events.index(f"start {each}")
    assert host.is_running(unit("one"))
    host.events.clear()
    assert not run(live()).changed
    assert stopped(host) == set()


@pytest.mark.parametrize("change", [edit, os.unlink])
@pytest.mark.parametrize("path", ["config_dir/shop/one.ini", "config_dir/shop/one.env", "systemd/flask-shop@.service"])
def test_what_has_begun_before_a_file_was_changed_goes_on(host, run, live, begun, path, change):
    """It has the right text, and a restart would cost requests."""
    change(host.place / path)
    assert run(live()).changed
    assert stopped(host) == set()
    assert not run(live()).changed


def test_a_process_has_begun_before_or_after_a_time():
    assert processes.begun_since(os.getpid(), time.time() - 86400)
    assert not processes.begun_since(os.getpid(), time.time())
    assert not processes.begun_since(os.getpid(), math.inf)
    assert not processes.begun_since(0, 0)


def test_an_instance_that_drains_is_not_stopped_for_a_file(host, run, live):
    run(host.candidate("two", "r2"))
    host.events.clear()
    edit(f"{host.place}/config_dir/shop/one.ini")
    run(live())
    assert unit("one") not in stopped(host), "it may hold requests"


def test_a_run_that_is_killed_after_it_has_mended_a_file_leaves_the_restart_to_the_next_one(killed, monkeypatch):
    seen = set()

    def prepare(host):
        monkeypatch.setattr(instance_files, "begun_since", lambda _process, moment: moment < math.inf)
        wanted = host.candidate("one", workers=WORKERS)
        deploy_run(host, wanted)
        edit(f"{host.place}/config_dir/shop/one.env")
        host.events.clear()
        return lambda: deploy_run(host, host.candidate("one", workers=WORKERS))

    for host in killed(prepare):
        deploy_run(host, host.candidate("one", workers=WORKERS))
        assert {unit("one"), worker("queue.1"), worker("mails.1")} <= stopped(host)
        serves(host, "one")
        seen.add(len(host.events))
    assert seen


def test_a_run_that_cannot_write_leaves_the_restart_to_the_next_one(host, run, live, begun):
    begun.update(EACH)
    edit(f"{host.place}/config_dir/shop/one.ini")
    in_the_way = host.place / "systemd/flask-shop@one.service.d/instance.conf"
    in_the_way.unlink()
    (in_the_way / "data").mkdir(parents=True)
    with pytest.raises(DeployError, match=r"instance\.conf"):
        run(live())
    shutil.rmtree(in_the_way)
    host.events.clear()
    run(live())
    assert stopped(host) == {unit("one")}


# --- permissions ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        ("config_dir/shop/one.secrets", 0o600),
        ("config_dir/shop/one.ini", 0o640),
        ("config_dir/shop/one.json", 0o600),
        ("systemd/flask-shop@.service", 0o644),
    ],
)
def test_permissions_are_mended_and_nothing_is_started_anew(host, run, live, path, mode):
    file = host.place / path
    file.chmod(0o666)
    assert run(live(), check=True).changed
    (shown,) = run(live()).diff
    assert f"# {file}: mode 0666" in shown["before"]
    assert f"# {file}: mode {mode:04o}" in shown["after"]
    assert stat.S_IMODE(file.stat().st_mode) == mode
    assert stopped(host) == set()
    assert not run(live()).changed


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("name", ["one.secrets", "one.env"])
def test_a_file_that_was_given_away_is_taken_back(host, run, live, name):
    file = host.place / "config_dir/shop" / name
    before = file.stat()
    os.chown(file, 65534, 65534)
    assert run(live()).changed
    assert (file.stat().st_uid, file.stat().st_gid) == (before.st_uid, before.st_gid)
    assert stopped(host) == set()


def test_a_diff_tells_of_a_file_without_its_text(host, live):
    edit(f"{host.place}/config_dir/shop/one.secrets")
    shown = instance_diff(live())
    assert "one.secrets: changed by hand" in shown["before"]
    assert "hunter2" not in shown["before"] + shown["after"]


# --- directories that made room for others ------------------------------------------------------------------------------------------------


@pytest.fixture
def proc(tmp_path: Path) -> t.Callable[[str], Path]:
    """The directories of a host's processes, in which process 7 sees what is below `7/root`."""

    def see(directory: str) -> Path:
        seen = Path(f"{tmp_path}/7/root{directory}")
        seen.parent.mkdir(parents=True, exist_ok=True)
        return seen

    return see


@pytest.fixture
def shared(tmp_path, proc, monkeypatch) -> Path:
    """A directory that process 7, which began ten seconds ago, sees through another name of its parent and may only read."""
    proc(str(tmp_path)).symlink_to(tmp_path)
    ticks = (time.clock_gettime(time.CLOCK_BOOTTIME) - 10) * os.sysconf("SC_CLK_TCK")
    (tmp_path / "7/stat").write_text(f"7 (uwsgi) 2) S {'0 ' * 18}{ticks:.0f} 0 0\n")
    real = os.statvfs

    def statvfs(path):
        flags = os.ST_RDONLY if "/7/root" in path else 0
        return SimpleNamespace(f_flag=real(path).f_flag & ~os.ST_RDONLY | flags)

    monkeypatch.setattr(os, "statvfs", statvfs)
    (tmp_path / "shared").mkdir()
    return tmp_path / "shared"


def seen_with(monkeypatch, **changes) -> None:
    """Have the process see another directory, or the host one of another age."""
    real = os.lstat

    def lstat(path):
        found = real(path)
        kept = {name: getattr(found, name) for name in ("st_mode", "st_dev", "st_ino", "st_nlink", "st_ctime")}
        own = {name: value for name, value in changes.items() if (name == "st_ctime") is ("/7/root" not in str(path))}
        return SimpleNamespace(**{**kept, **own})

    monkeypatch.setattr(os, "lstat", lstat)


def test_a_process_may_only_read_a_directory_that_was_made_since_it_began(tmp_path, shared, monkeypatch):
    assert not processes.writes_to(7, str(shared), str(tmp_path))
    # Somebody has set the unit so, and a restart would change nothing.
    seen_with(monkeypatch, st_ctime=time.time() - 60)
    assert processes.writes_to(7, str(shared), str(tmp_path))


def test_a_process_goes_on_with_a_directory_that_was_removed(tmp_path, shared, monkeypatch):
    seen_with(monkeypatch, st_ctime=time.time() - 60, st_ino=1)
    assert processes.writes_to(7, str(shared), str(tmp_path)), "another directory, which somebody has mounted there"
    seen_with(monkeypatch, st_ctime=time.time() - 60, st_ino=1, st_nlink=0)
    assert not processes.writes_to(7, str(shared), str(tmp_path))


@pytest.mark.parametrize("gone", ["7/root", "shared", "7/stat"])
def test_where_something_is_missing_a_process_is_left_alone(tmp_path, shared, gone):
    (tmp_path / gone).rename(tmp_path / "elsewhere")
    assert processes.writes_to(7, str(shared), str(tmp_path))


def test_nothing_is_said_of_a_process_that_has_ended(tmp_path):
    assert processes.writes_to(7, str(tmp_path), f"{tmp_path}/proc")


def test_a_link_in_the_place_of_a_directory_is_not_followed(tmp_path, proc):
    link = tmp_path / "shared"
    link.symlink_to("/")
    proc(str(link)).mkdir(parents=True)
    assert processes.writes_to(7, str(link), str(tmp_path))


def test_what_runs_with_a_directory_that_made_room_for_another_one_is_started_anew(host, run, live, monkeypatch):
    for number, each in enumerate([unit("one"), pool("one"), worker("queue.1"), worker("mails.1")], 7):
        host.units[each]["MainPID"] = str(number)
    bound = "ReadWritePaths=/run/flask/shop -/srv/flask/shop/shared\nReadWritePaths=-/var/lib/shop\n"
    monkeypatch.setattr(instances, "_bound", lambda _unit: instances_bound(bound))
    asked = set()

    def writes_to(process, directory):
        asked.add((process, directory))
        return (process, directory) not in {(7, "/var/lib/shop"), (9, "/srv/flask/shop/shared")}

    monkeypatch.setattr(instances, "writes_to", writes_to)
    assert run(live(), check=True).changed
    run(live())
    assert stopped(host) == {unit("one"), worker("queue.1")}
    assert {directory for _process, directory in asked} == {"/run/flask/shop", "/srv/flask/shop/shared", "/var/lib/shop"}


# --- files that nginx serves ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def published(host, run):
    """Bring an instance with static files up, and return one with which a run meets it again."""
    routes = [{"path": "/static/", "mode": "static", "directory": "web"}, {"path": "/"}]

    def candidate():
        return host.candidate("one", nginx={"routes": routes})

    run(candidate())
    host.events.clear()
    return candidate


@pytest.mark.parametrize("lost", ["one", "one/static", "one/static/style.css"])
def test_static_files_that_are_gone_are_published_again(host, run, published, lost):
    assert not run(published(), check=True).changed
    public = host.place / "root/shop/public"
    shutil.rmtree(public / lost) if (public / lost).is_dir() else (public / lost).unlink()
    assert run(published(), check=True).changed
    run(published())
    assert (public / "one/static/style.css").read_text() == "r1"
    assert sorted(path.name for path in public.iterdir()) == ["current", "one"]
    assert stopped(host) == set()
    assert not run(published()).changed


def with_media(host, fill=None):
    """Return a candidate with a static route to a directory of its release.

    :param fill: makes what is in the directory, where the release has none yet
    """
    made = host.candidate("one", nginx={"routes": [{"path": "/media/", "mode": "static", "directory": "media"}, {"path": "/"}]})
    media = Path(made.release.path, "media")
    if fill:
        media.mkdir()
        fill(media)
    return made


@pytest.mark.parametrize(
    "hide",
    [
        pytest.param(lambda web: (web / ".gitkeep").touch(), id="a hidden file"),
        pytest.param(lambda web: (web / ".well-known/x").mkdir(parents=True), id="a hidden directory"),
        pytest.param(lambda web: os.mkfifo(web / "pipe"), id="a named pipe"),
    ],
)
def test_a_directory_of_which_nothing_is_published_is_settled_when_it_is_there(host, run, hide):
    assert run(with_media(host, hide)).changed
    assert not run(with_media(host)).changed
    published = host.place / "root/shop/public/one/media"
    assert list(published.iterdir()) == []
    published.rmdir()
    assert run(with_media(host)).changed
    assert published.is_dir()
    assert not run(with_media(host)).changed


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, lambda path: path.symlink_to("style.css")])
def test_a_published_directory_that_was_emptied_is_found(host, run, make):
    run(with_media(host, lambda media: make(media / "name")))
    published = host.place / "root/shop/public/one/media"
    shutil.rmtree(published)
    published.mkdir()
    assert run(with_media(host)).changed
    assert os.listdir(published) == ["name"]
    assert not run(with_media(host)).changed


def test_a_live_instance_whose_release_has_no_such_files_is_settled(host, run, published):
    shutil.rmtree(host.place / "root/shop/public/one/static")
    shutil.rmtree(host.place / "root/shop/releases/r1/web")
    made = published
    host.build = lambda *_args: None
    assert not run(made()).changed


def test_files_that_are_refused_leave_nothing_that_nginx_may_read(host, run, published):
    """A route of another release leads to a directory that it has not."""
    public = host.place / "root/shop/public"
    refused = host.candidate("two", "r2", nginx={"routes": [{"path": "/static/", "mode": "static", "directory": "missing"}, {"path": "/"}]})
    with pytest.raises(DeployError, match="missing"):
        run(refused)
    assert sorted(path.name for path in public.iterdir()) == ["current", "one"]
