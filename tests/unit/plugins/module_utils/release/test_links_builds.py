# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Builds of an application that means harm: what it leaves in its trees, and what its processes do meanwhile."""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app import commands
from ansible_collections.flaskops.stack.plugins.module_utils.app.layout import Release
from ansible_collections.flaskops.stack.plugins.module_utils.host import installers, trees
from ansible_collections.flaskops.stack.plugins.module_utils.host.cage import Cage
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError
from ansible_collections.flaskops.stack.plugins.module_utils.release import build as build_module
from ansible_collections.flaskops.stack.plugins.module_utils.release import store
from ansible_collections.flaskops.stack.plugins.module_utils.release.build import build
from ansible_collections.flaskops.stack.plugins.module_utils.release.store import inspect, read_constraints
from ansible_collections.flaskops.stack.tests.unit.building import (
    CODE,
    USER,
    description,
    everything_below,
    left,
    make_host,
    needs_root,
    packed,
    pip_calls,
)
from ansible_collections.flaskops.stack.tests.unit.hostile import in_time, meanwhile

pytestmark = needs_root
host = pytest.fixture(make_host, name="host")


@pytest.fixture
def precious(host) -> Path:
    """A file of root's that must stay as it is."""
    path = host.place / "precious"
    path.write_text("root's own")
    path.chmod(0o600)
    return path


def is_untouched(precious: Path) -> bool:
    status = precious.lstat()
    return (precious.read_text(), status.st_uid, stat.S_IMODE(status.st_mode)) == ("root's own", 0, 0o600)


def have_pip_run(host, code: str) -> None:
    """Have every call of pip do something, as a package with a .pth file or a setup.py does."""
    with (host.place / "pip/pip.py").open("a") as file:
        file.write(code)


# --- the virtualenv ----------------------------------------------------------------------------------------------------------

MARKS = (".flaskops-complete", "requirements.lock")


@pytest.mark.parametrize("name", [f".{mark}.partial" for mark in MARKS] + list(MARKS))
def test_a_link_in_the_virtualenv_leads_root_nowhere(host, precious, name):
    have_pip_run(host, f"Path(sys.prefix, {name!r}).exists() or os.symlink({str(precious)!r}, Path(sys.prefix, {name!r}))\n")
    build(description(host), packed(host.place))
    assert is_untouched(precious)
    assert read_constraints(str(host.place), "v1") == "flask==3.1.3\n"
    assert (host.place / "venvs/v1.lock").stat().st_uid == 0


def test_a_virtualenv_says_of_itself_in_vain_that_it_is_complete(host, precious):
    have_pip_run(
        host,
        f"os.symlink({str(precious)!r}, Path(sys.prefix, 'requirements.lock')); Path(sys.prefix, '.flaskops-complete').touch()\n"
        "sys.exit('torn')\n",
    )
    for _time in range(2):
        with pytest.raises(CommandError, match="torn"):
            build(description(host), packed(host.place))
        assert inspect({"root": str(host.place), "python": ""})["virtualenvs"] == []
        assert read_constraints(str(host.place), "v1") is None
    assert left(host) == []


def test_constraints_are_where_the_application_makes_no_names(host):
    """The application cannot exchange these files, which root would remove or have pip read."""
    have_pip_run(host, "'--constraint' in sys.argv and Path('seen').write_text(sys.argv[sys.argv.index('--constraint') + 1])\n")
    app = description(host, requirements="requirements.txt", constraints="flask==3.0.0\n")
    build(app, packed(host.place, {**CODE, "requirements.txt": "flask"}))
    assert Path((host.place / "releases/r1/seen").read_text()).parent == host.place / "venvs"
    assert sorted(path.name for path in (host.place / "venvs").iterdir()) == ["v1", "v1.json", "v1.lock"]


@pytest.mark.parametrize("lost", ["v1", "v1.lock"])
def test_half_of_a_virtualenv_is_none_and_is_built_anew(host, lost):
    build(description(host), packed(host.place))
    path = host.place / "venvs" / lost
    path.unlink() if lost == "v1.lock" else path.rename(host.place / "aside")
    assert inspect({"root": str(host.place), "python": ""})["virtualenvs"] == []
    assert build(description(host), None) == [f"{host.place}/venvs/v1"]
    assert inspect({"root": str(host.place), "python": ""})["virtualenvs"] == ["v1"]


def test_constraints_go_with_their_virtualenv(host, monkeypatch):
    build(description(host), packed(host.place))
    (host.place / "venvs/v0.lock").touch()
    store.sweep(str(host.place))
    assert sorted(path.name for path in (host.place / "venvs").iterdir()) == ["v1", "v1.json", "v1.lock"]
    with monkeypatch.context() as dead:
        dead.setattr(build_module.os, "rename", lambda *_names: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            store.remove_virtualenv(str(host.place), "v1")
    assert inspect({"root": str(host.place), "python": ""})["virtualenvs"] == [], "what is being removed is not whole"
    store.remove_virtualenv(str(host.place), "v1")
    assert list((host.place / "venvs").iterdir()) == []


# --- trees that change hands -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["releases/{}r1", "venvs/v1"])
def test_what_is_made_while_a_tree_changes_hands_is_roots_in_the_end(host, monkeypatch, place):
    """Also a file in a new directory, and the modes of what is there."""
    tree, numbers = host.place / place.format("."), iter(range(600))

    def make() -> None:
        name = f"late-{next(numbers, 'last')}"
        for directory in (tree, tree / "pkg", tree / "late-0"):
            with contextlib.suppress(OSError):
                (directory / name).mkdir()
                (directory / name).chmod(0o777)
                (directory / name / "file").touch()
                (directory / name / "file").chmod(0o666)

    hooks = ["mkdir late-0 && chmod 777 late-0 ."]
    meanwhile(monkeypatch, pwd.getpwnam(USER).pw_uid, make)
    build(description(host, hooks), packed(host.place, {**CODE, "pkg/mod.py": "x = 1"}))
    found = everything_below(host.place / place.format(""))
    assert len(found) > 20, "something was made"
    assert [status for status in found if status.st_uid != 0 or (not stat.S_ISLNK(status.st_mode) and status.st_mode & 0o7022)] == []


@pytest.mark.parametrize("kind", ["release", "virtualenv"])
def test_no_bit_gives_rights_to_others(host, kind):
    hooks = ["chmod 6777 run.sh pkg; chmod 1777 ."] if kind == "release" else []
    if kind == "virtualenv":
        have_pip_run(host, "Path(sys.prefix, 'bin').chmod(0o7777); Path(sys.prefix, 'x').touch(); Path(sys.prefix, 'x').chmod(0o6777)\n")
    build(description(host, hooks), packed(host.place))
    for status in everything_below(host.place / "releases/r1") + everything_below(host.place / "venvs/v1"):
        assert stat.S_ISLNK(status.st_mode) or status.st_mode & 0o7022 == 0
        assert (status.st_uid, status.st_gid) == (0, 0)


@pytest.mark.parametrize("place", ["releases/.r1/stolen", "venvs/v1/stolen"])
def test_a_hard_link_to_somebody_elses_file_is_refused(host, precious, monkeypatch, place):
    """Kernels without fs.protected_hardlinks let everybody make one."""
    real = Cage.run_each

    def run(*args):
        with contextlib.suppress(OSError):
            os.link(precious, host.place / place)
        return real(*args)

    monkeypatch.setattr(Cage, "run_each", run)
    with pytest.raises(OSError, match=f"^'stolen' is a file of root and not of {USER}, who built the rest: a hard link"):
        build(description(host), packed(host.place))
    assert is_untouched(precious)
    assert left(host) == []


@pytest.mark.parametrize(
    "hook", ["mkfifo pkg/odd", "cd pkg; python -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"odd\")'"], ids=["pipe", "socket"]
)
def test_pipes_and_sockets_of_a_hook_are_refused_and_keep_nobody_waiting(host, hook):
    with pytest.raises(OSError, match="^'pkg/odd' is a named pipe, a socket or a device. Have the build remove it"):
        in_time(lambda: build(description(host, [hook]), packed(host.place)), 20)
    assert left(host) == []


@pytest.mark.parametrize("place", ["releases/r1", "venvs/v1"])
def test_a_file_that_is_still_open_is_not_that_of_the_release(host, place):
    """A process of the user may have passed an open file on, as to the running application, which would write to it later."""
    passed_on = host.place / "shared/passed-on"
    if place == "venvs/v1":
        have_pip_run(host, f"os.path.exists({str(passed_on)!r}) or os.link(os.path.join(sys.prefix, 'pyvenv.cfg'), {str(passed_on)!r})\n")
        name = "pyvenv.cfg"
        build(description(host), packed(host.place))
    else:
        name = "run.sh"
        build(description(host, [f"ln run.sh {passed_on}"]), packed(host.place))
    before = (host.place / place / name).read_text()
    passed_on.write_text("evil")
    assert (host.place / place / name).read_text() == before


def test_a_file_that_is_one_large_hole_is_refused_and_not_read(host):
    says = (
        "^'pkg/hole' has 1,099,511,627,776 bytes, and the files of a release may have 8,589,934,592 together. Keep large data in shared/$"
    )
    with pytest.raises(OSError, match=says):
        in_time(lambda: build(description(host, ["truncate -s 1T pkg/hole"]), packed(host.place)), 20)
    assert left(host) == []


def test_files_count_together(host, monkeypatch):
    """Many large holes take as long to read as one."""
    monkeypatch.setattr(trees, "MOST_BYTES", 90_000)
    with pytest.raises(OSError, match="^'hole-9' has 10,000 bytes, and the files of a release may have 90,000 together"):
        build(description(host, ["for n in 1 2 3 4 5 6 7 8 9; do truncate -s 10000 hole-$n; done"]), packed(host.place))


def test_directories_inside_each_other_without_end_are_told(host):
    with pytest.raises(OSError, match="^below 'd/d/d/d' there are more than 128 directories inside each other"):
        build(description(host, ["mkdir -p $(yes d | head -200 | tr '\\n' /)"]), packed(host.place))
    assert left(host) == []


def test_a_tree_that_is_too_deep_for_others_is_removed(host):
    """It is deeper than a path may be long, and than Python has recursion or a process has descriptors."""
    deep = "python -c 'import os; [(os.mkdir(name), os.chdir(name)) for name in 3000 * [\"d\"]]'"
    for hooks in ([f"cd ~; {deep}; false"], [deep]):
        with pytest.raises((OSError, CommandError), match="build hook|directories inside each other"):
            build(description(host, hooks), packed(host.place))
        assert left(host) == []
    build(description(host), packed(host.place))


def test_what_is_left_of_a_deep_tree_goes_with_the_next_build(host):
    before = os.getcwd()
    (host.place / "releases/.r0").mkdir()
    os.chdir(host.place / "releases/.r0")
    for _level in range(3000):
        os.mkdir("d")
        os.chdir("d")
    os.chdir(before)
    build(description(host), packed(host.place))
    assert not (host.place / "releases/.r0").exists()


# --- what steers a build -----------------------------------------------------------------------------------------------------


def test_home_is_empty_and_goes_with_the_build(host):
    """No installer outside of the sandbox reads files that the running application writes to shared/."""
    (host.place / "shared/.config/pip").mkdir(parents=True)
    (host.place / "shared/.config/pip/pip.conf").write_text("[global]\nindex-url = http://evil.example\n")
    have_pip_run(host, "Path(sys.prefix, 'home').write_text(os.environ['HOME'] + ' ' + ' '.join(os.listdir(os.environ['HOME'])))\n")
    hooks = ["ls -A ~ > listed; echo $HOME > home; echo x > ~/.npmrc; id -u > $HOME/own; stat -c %U:%a ~ > owner"]
    build(description(host, hooks), packed(host.place))
    home = (host.place / "releases/r1/home").read_text().strip()
    assert not home.startswith(f"{host.place}/shared")
    assert (host.place / "venvs/v1/home").read_text() == f"{home} "
    assert (host.place / "releases/r1/listed").read_text() == ""
    assert (host.place / "releases/r1/owner").read_text() == f"{USER}:700\n"
    assert not os.path.lexists(home)
    assert left(host) == ["releases/r1", "releases/r1.json", "venvs/v1", "venvs/v1.json", "venvs/v1.lock", "next"]


def test_builds_have_room_where_releases_are_unless_the_description_has_a_place(host):
    have_pip_run(host, "Path(sys.prefix, 'tmp').write_text(os.environ['TMPDIR'])\n")
    build(description(host, ['echo "$TMPDIR" > where']), packed(host.place))
    place = (host.place / "releases/r1/where").read_text().strip()
    assert place.startswith(f"{host.place}/releases/.home-")
    assert (host.place / "venvs/v1/tmp").read_text() == place
    assert not os.path.lexists(place)
    build({**description(host, ['echo "$TMPDIR" > where'], id="r2"), "environment": {"TMPDIR": "/var/tmp"}}, packed(host.place))
    assert (host.place / "releases/r2/where").read_text() == "/var/tmp\n"


@pytest.mark.parametrize("hook", ["false", "kill -9 $PPID"])
def test_home_goes_with_a_build_that_fails_or_is_killed(host, hook):
    code = (
        "from ansible_collections.flaskops.stack.tests.unit.plugins.module_utils import test_release_build as t\n"
        "import types, pathlib\n"
        f"host = types.SimpleNamespace(place=pathlib.Path({str(host.place)!r}), python={host.python!r})\n"
        f"t.build(t.description(host, [{hook!r}]), {packed(host.place)!r})\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, env=environment)
    assert done.returncode != 0
    store.sweep(str(host.place))
    assert list((host.place / "releases").iterdir()) == []


def environment_with(monkeypatch, tmp_path: Path, *configurations: str, **variables: str) -> dict[str, str]:
    """Return what a build gets on a host with these configurations of pip, of which the last one wins."""
    paths = [tmp_path / name for name in ("xdg.conf", "pip.conf")]
    for name in configurations:
        (tmp_path / name).write_text("[global]\n")
    monkeypatch.setattr(installers, "PIP_CONFIGURATIONS", [str(path) for path in paths])
    for name in ("PIP_CONFIG_FILE", *variables):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return installers.environment("/home")


def test_the_hosts_own_configuration_of_pip_counts(monkeypatch, tmp_path):
    """Where PIP_CONFIG_FILE is a file, pip reads the global ones and none of the user; /dev/null keeps it from reading any."""
    assert environment_with(monkeypatch, tmp_path)["PIP_CONFIG_FILE"] == "/dev/null"
    assert environment_with(monkeypatch, tmp_path, "xdg.conf")["PIP_CONFIG_FILE"] == f"{tmp_path}/xdg.conf"
    assert environment_with(monkeypatch, tmp_path, "pip.conf")["PIP_CONFIG_FILE"] == f"{tmp_path}/pip.conf"
    named = environment_with(monkeypatch, tmp_path, PIP_CONFIG_FILE="/opt/pip.conf", PIP_INDEX_URL="https://pypi.example.com")
    assert (named["PIP_CONFIG_FILE"], named["PIP_INDEX_URL"]) == ("/opt/pip.conf", "https://pypi.example.com")


@pytest.mark.parametrize("how", ["owner", "mode", "link", "directory"])
def test_a_configuration_of_pip_that_others_may_write_is_refused(monkeypatch, tmp_path, how):
    path = tmp_path / "pip.conf"
    real = tmp_path / "theirs" / "real.conf"
    real.parent.mkdir()
    real.write_text("[global]\n")
    os.chown(real, pwd.getpwnam(USER).pw_uid, -1)
    if how == "link":
        path.symlink_to(real)
    else:
        path.write_text("[global]\n")
        path.chmod(0o664 if how == "mode" else 0o644)
        os.chown(path, pwd.getpwnam(USER).pw_uid if how == "owner" else 0, -1)
    if how == "directory":
        tmp_path.chmod(0o770)
    culprit = {"link": real, "directory": tmp_path}.get(how, path)
    with pytest.raises(
        CommandError, match=f"^pip's configuration {path} decides what is installed, but others than root may change {culprit};"
    ):
        environment_with(monkeypatch, tmp_path)


def test_a_configuration_of_pip_that_leads_nowhere_is_told(monkeypatch, tmp_path):
    (tmp_path / "pip.conf").symlink_to("nowhere")
    with pytest.raises(CommandError, match=r"pip.conf cannot be read \(No such file or directory\); mend or remove it"):
        environment_with(monkeypatch, tmp_path)


SHADOWS = ("pip", "compileall", "platform", "venv", "json", "runpy", "encodings", "sitecustomize", "usercustomize")


@pytest.mark.parametrize("wheel", [False, True])
def test_no_module_of_the_source_passes_for_one_of_root_s_choice(host, wheel):
    """`python -m pip` looks for pip in the directory that it works in."""
    code = f"open({str(host.place / 'shared/owned')!r}, 'a').write(__name__ + chr(10))\n"
    members = {f"{name}.py": code for name in SHADOWS if name not in ("encodings",)}
    members |= {f"{name}/__init__.py": code for name in ("encodings",)}
    app = description(host, requirements="requirements.txt")
    if wheel:
        app["uwsgi"] = "pyuwsgi==fail"
        with pytest.raises(CommandError, match="there is no wheel of pyuwsgi==fail for Python"):
            build(app, packed(host.place, {**members, "requirements.txt": "flask"}))
    else:
        (host.place / "no--c").touch()  # the interpreter's own venv is asked then
        build(app, packed(host.place, {**members, "requirements.txt": "flask"}))
        assert pip_calls(host)[0] == "install --requirement requirements.txt"
    assert not (host.place / "shared/owned").exists()


def test_hooks_of_the_running_application_have_its_home_and_no_packages_of_it(host, monkeypatch):
    """Migrations work on the data of the application, which knows it by its HOME."""
    seen: list[dict[str, str]] = []
    monkeypatch.setattr(Cage, "run_each", lambda _cage, _commands, _directory, env: seen.append(dict(env)) or "")
    app = {**description(host), "hooks": {"migrate": ["true"], "after_switch": ["true"]}}
    for kind in ("migrate", "after_switch"):
        (host.place / "venvs/v1/bin").mkdir(parents=True, exist_ok=True)
        release = Release("r1", str(host.place), str(host.place / "venvs/v1"), "", "")
        commands.run_hooks(kind, app, commands.cage(app, kind), release, str(host.place / "shared"))
    assert [env["HOME"] for env in seen] == [f"{host.place}/shared"] * 2
    assert [env["PYTHONNOUSERSITE"] for env in seen] == ["1"] * 2
    assert all(env["PIP_CONFIG_FILE"] in ("/dev/null", *installers.PIP_CONFIGURATIONS) for env in seen)
