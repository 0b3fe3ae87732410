# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""uwsgi_service: the names that systemd gives to the sockets of an instance when it has started, by the commands of its unit."""

from __future__ import annotations

import getpass
import os
import shlex
import socket as socket_module
import subprocess

import pytest
from ansible_collections.flaskops.stack.tests.unit.render import complete
from ansible_collections.flaskops.stack.tests.unit.roles.units import STREAMS, service

# A release brings programs of these names, which come first in the PATH of its unit.
SHADOWED = ("ln", "stat", "mv", "rm", "readlink", "sh", "env", "echo", "[")


def as_systemd_runs(command: str, user: str = getpass.getuser()) -> list[str]:
    """Return a command of the unit as systemd splits it for instance `abc`, with somebody in place of the application's user."""
    return shlex.split(
        command.removeprefix("+")
        .replace("%i", "abc")
        .replace("%%", "%")
        .replace("= flask-shop ]", f"= {user} ]")
        .replace("of flask-shop:", f"of {user}:")
    )


@pytest.fixture
def boot(tmp_path):
    """Run what the unit does after a start of instance `abc`, with `live` and the socket as they are."""

    def run(live: str, socket: str | None = None, link: str = "uwsgi.sock", part: str = "unit", pool: bool = False, **more) -> str | None:
        (tmp_path / "run/own").mkdir(parents=True)
        (tmp_path / "etc").mkdir()
        (tmp_path / "etc/live").symlink_to(live)
        for name in ("abc.sock", *(["abc.stream.sock"] if pool else [])):
            with socket_module.socket(socket_module.AF_UNIX) as listening:
                listening.bind(str(tmp_path / "run/own" / name))
        if pool:
            (tmp_path / "etc/abc.stream.ini").touch()
        if socket:
            (tmp_path / "run" / socket).touch()
            (tmp_path / "run" / link).symlink_to(socket)
        app = complete(run_dir=str(tmp_path / "run"), config_dir=str(tmp_path / "etc"), **more)
        for command in service(app, part)["ExecStartPost"]:
            subprocess.run(as_systemd_runs(command), check=True)
        path = tmp_path / "run" / link
        return path.readlink().name if path.is_symlink() else None

    return run


def test_after_a_boot_the_live_instance_makes_the_link(boot):
    assert boot(live="abc.ini") == "abc.sock"


def test_a_socket_gets_a_name_that_the_application_cannot_change(boot, tmp_path):
    boot(live="abc.ini")
    own, given = (tmp_path / "run" / name for name in ("own/abc.sock", "abc.sock"))
    assert (given.is_socket(), given.stat().st_ino) == (True, own.stat().st_ino)
    own.unlink()
    own.symlink_to(tmp_path)
    assert given.is_socket()


@pytest.mark.parametrize("kind", ["link", "file", "directory", "of somebody else"])
def test_what_is_no_socket_of_the_application_gets_no_name(tmp_path, kind):
    own = tmp_path / "run/own/abc.sock"
    own.parent.mkdir(parents=True)
    with socket_module.socket(socket_module.AF_UNIX) as listening:
        listening.bind(str(own if kind == "of somebody else" else tmp_path / "elsewhere.sock"))
    if kind == "link":
        own.symlink_to(tmp_path / "elsewhere.sock")
    elif kind == "file":
        own.touch()
    elif kind == "directory":
        own.mkdir()
    command = service(complete(run_dir=str(tmp_path / "run")), "unit")["ExecStartPost"][0]
    user = "daemon" if kind == "of somebody else" else getpass.getuser()
    done = subprocess.run(as_systemd_runs(command, user), check=False, stdout=subprocess.PIPE, text=True)
    assert done.returncode != 0
    if kind != "directory":  # ln(1) itself says that it is one
        assert done.stdout == f"{own} is no socket of {user}: the application has put something else there\n"
    assert not os.path.lexists(tmp_path / "run/abc.sock")


@pytest.mark.parametrize("part", ["unit", "stream_unit"])
def test_nothing_is_in_the_way_of_a_socket_when_an_instance_starts(tmp_path, part):
    app = complete(run_dir=str(tmp_path / "run"), **STREAMS)
    names = {"unit": ("abc.sock", "abc.stats"), "stream_unit": ("abc.stream.sock", "abc.stream.stats")}
    for name in [*names["unit"], *names["stream_unit"], "other.sock"]:
        (tmp_path / "run/own" / name / "in/the/way").mkdir(parents=True)
    (command,) = service(app, part)["ExecStartPre"]
    subprocess.run(as_systemd_runs(command), check=True)
    left = {path.name for path in (tmp_path / "run/own").iterdir()}
    assert left == {"abc.sock", "abc.stats", "abc.stream.sock", "abc.stream.stats", "other.sock"} - set(names[part])


def test_a_candidate_does_not_touch_the_link(boot):
    assert boot(live="other.ini", socket="other.sock") == "other.sock"


def test_an_old_instance_does_not_make_the_link_after_a_boot(boot):
    assert boot(live="other.ini") is None


def test_a_restarted_instance_leaves_the_link(boot):
    assert boot(live="abc.ini", socket="other.sock") == "other.sock"


def test_after_a_boot_the_pool_of_the_live_instance_makes_its_link(boot):
    assert boot(live="abc.ini", link="stream.sock", part="stream_unit", pool=True, **STREAMS) == "abc.stream.sock"


def test_an_old_pool_does_not(boot):
    assert boot(live="other.ini", link="stream.sock", part="stream_unit", pool=True, **STREAMS) is None


def test_an_instance_leaves_the_link_to_its_pool(boot):
    assert boot(live="abc.ini", link="stream.sock", pool=True, **STREAMS) is None


def test_an_instance_without_a_pool_that_was_gone_back_to_has_the_streams(boot):
    assert boot(live="abc.ini", link="stream.sock", **STREAMS) == "abc.sock"


@pytest.mark.parametrize("part", ["unit", "stream_unit"])
def test_root_runs_no_program_that_the_application_brings(tmp_path, part):
    app = complete(run_dir=str(tmp_path / "run"), config_dir=str(tmp_path / "etc"), **STREAMS)
    brought = tmp_path / "venv/bin"
    for place in (brought, tmp_path / "run/own", tmp_path / "etc"):
        place.mkdir(parents=True)
    (tmp_path / "etc/live").symlink_to("abc.ini")
    for name in SHADOWED:
        (brought / name).write_text(f"#!/bin/sh\n/usr/bin/touch {tmp_path}/{name}-was-run\n")
        (brought / name).chmod(0o755)
    own, environment = tmp_path / "run/own", {**os.environ, "PATH": f"{brought}:{os.environ['PATH']}", "BASH_ENV": f"{brought}/env"}
    commands = service(app, part)
    for command in commands["ExecStartPre"]:
        subprocess.run(as_systemd_runs(command), check=True, env=environment)
    for name in ("abc.sock", "abc.stream.sock"):
        with socket_module.socket(socket_module.AF_UNIX) as listening:
            listening.bind(str(own / name))
    for command in commands["ExecStartPost"]:
        subprocess.run(as_systemd_runs(command), check=True, env=environment)
    assert (tmp_path / "run" / ("abc.sock" if part == "unit" else "abc.stream.sock")).is_socket()
    assert [path.name for path in tmp_path.glob("*-was-run")] == []
