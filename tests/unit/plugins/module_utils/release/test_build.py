# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Releases and virtualenvs on a host, built by real commands of another user; pip alone is played."""

from __future__ import annotations

import errno
import grp
import io
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.as_user import CommandError
from ansible_collections.flaskops.stack.plugins.module_utils.interpreter import python_info
from ansible_collections.flaskops.stack.plugins.module_utils.release import build as build_module
from ansible_collections.flaskops.stack.plugins.module_utils.release import store, virtualenv
from ansible_collections.flaskops.stack.plugins.module_utils.release.build import build, build_all
from ansible_collections.flaskops.stack.plugins.module_utils.release.store import BuildError, inspect, read_lock, release_record

# Somebody else, with a group of the same name, as applications have.
USER = next((user.pw_name for user in pwd.getpwall() if user.pw_uid != 0 and user.pw_name == grp.getgrgid(user.pw_gid).gr_name), "")


def version_for_others(python: str) -> str:
    """Return the version of an interpreter if other users can run it."""
    show = "import sys; print(*sys.version_info[:2], sep='.', end='')"
    try:
        done = subprocess.run([python, "-c", show], check=False, capture_output=True, text=True, user=USER, group=USER, extra_groups=[])
    except OSError:
        return ""
    return done.stdout


# The interpreter of the tests may be in somebody's home.
FOUND = {python: version_for_others(python) for python in (sys._base_executable, "/usr/bin/python3") if os.geteuid() == 0}
PYTHON, VERSION = next(((python, version) for python, version in FOUND.items() if version), ("", ""))
needs_root = pytest.mark.skipif(not PYTHON, reason="root is needed, and an interpreter that other users can run")

# What `python -m pip` does: writes down how it was called and by whom, and installs a file for each argument that is no option.
PIP = """
import os, sys
from pathlib import Path
log = Path("LOG")
with log.open("a") as file:
    print(os.getuid(), os.getcwd(), *sys.argv[1:], file=file)
if "fail" in sys.argv[-1]:
    print("ERROR: No matching distribution found for", sys.argv[-1])
    sys.exit(1)
if "--constraint" in sys.argv:
    with log.open("a") as file:
        print("constraints:", Path(sys.argv[sys.argv.index("--constraint") + 1]).read_text().strip(), file=file)
if "freeze" in sys.argv:
    print("flask==3.1.3")
    print("-e /srv/somewhere")
    print("local @ file:///x")
if "--target" in sys.argv:
    Path("installed.py").write_text("x = 1")
elif "install" in sys.argv:
    Path(sys.prefix, "installed").touch()
    Path(sys.prefix, "installed").chmod(0o666)
"""


def make_host():
    """Directories of an application below one that every user can pass, and an interpreter whose virtualenvs have the played pip."""
    place = Path(tempfile.mkdtemp(prefix="flaskops-test-"))
    place.chmod(0o755)
    (place / "pip").mkdir()
    (place / "pip/pip.py").write_text(PIP.replace("LOG", f"{place}/shared/pip.log"))
    python = place / "python"
    python.write_text(
        textwrap.dedent(f"""\
        #!/bin/sh
        # What new_venv and `python -m venv DIRECTORY` make, in less time.
        case "$1 $2 $3" in "-I -m venv") how=venv;; "-I -c "*) how=-c;; *) exec {PYTHON} "$@";; esac
        place=$4
        test ! -e {place}/no-$how || exit 1
        packages="$place/lib/python{VERSION}/site-packages"
        mkdir -p "$place/bin" "$packages" && ln -s {PYTHON} "$place/bin/python" && echo "home = /usr/bin" > "$place/pyvenv.cfg"
        cp {place}/pip/pip.py "$packages"
        """)
    )
    python.chmod(0o755)
    for name in ("releases", "venvs", "shared"):
        (place / name).mkdir()
    if os.geteuid() == 0:
        shutil.chown(place / "shared", USER)
    yield SimpleNamespace(place=place, python=str(python), pip=place / "shared/pip.log")
    shutil.rmtree(place)


host = pytest.fixture(make_host, name="host")
shared_host = pytest.fixture(make_host, name="shared_host", scope="module")


CODE = {"app.py": "app = 1\n", "run.sh": "#!/bin/sh\n", "pkg/mod.py": "x = 1\n", "link": "-> app.py"}


def packed(place: Path, members: dict[str, str | None] = CODE, **attributes) -> str:
    """Write an archive as the controller ships it; a member without text is a directory."""
    target = place / "shipped.tar.gz"
    with tarfile.open(target, "w:gz") as tar:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            if text is None:
                info.type = tarfile.DIRTYPE
            elif text.startswith("-> "):
                info.type, info.linkname = tarfile.SYMTYPE, text.removeprefix("-> ")
            else:
                info.size, info.mode = len(text), 0o755 if name.endswith(".sh") else 0o644
            for name_, value in attributes.items():
                setattr(info, name_, value)
            tar.addfile(info, io.BytesIO((text or "").encode()))
    return str(target)


def description(host, hooks=(), lock=None, **plan) -> dict:
    made = {"id": "r1", "virtualenv": "v1", "requirements": None, "package": None, "callable": "app", "revision": "abc", **plan}
    common = {"name": "shop", "user": USER, "root": str(host.place), "python": host.python, "uwsgi": "pyuwsgi==2", "gevent": []}
    return {**common, "hooks": {"build": list(hooks)}, "environment": {"TOKEN": "hunter2"}, "lock": lock, "release": made}


def everything_below(path: Path) -> list[os.stat_result]:
    return [path.lstat(), *(inner.lstat() for inner in path.rglob("*"))]


def pip_calls(host) -> list[str]:
    """Return the arguments of each call of pip, without its standing options."""
    options = ("--disable-pip-version-check", "--no-input", "--quiet")
    lines = [line for line in host.pip.read_text().splitlines() if not line.startswith("constraints: ")]
    return [" ".join(word for word in line.split()[2:] if word not in options) for line in lines]


# --- what is there -----------------------------------------------------------------------------------------------------------


def test_a_new_host_has_nothing(host):
    assert inspect({"root": "/nowhere", "python": "python-of-no-host"}) == {
        "python": None,
        "releases": [],
        "virtualenvs": [],
        "next": "",
        "current": "",
    }


def test_what_is_finished_is_told(host):
    for name in ("releases/r1", "releases/.r2", "venvs/v1", "venvs/v2"):
        (host.place / name).mkdir()
    (host.place / "releases/r1.json").write_text("{}")
    (host.place / "venvs/v1.lock").touch()
    (host.place / "next").symlink_to("releases/r1")
    (host.place / "current").symlink_to("releases/r0")
    found = inspect({"root": str(host.place), "python": sys.executable})
    assert (found["releases"], found["virtualenvs"], found["next"], found["current"]) == (["r1"], ["v1"], "r1", "r0")


@needs_root
def test_an_interpreter_is_described():
    info = python_info(PYTHON)
    assert info["version"].startswith(f"{VERSION}.")
    assert info["tag"].startswith(f"cpython-{VERSION}-")
    assert python_info("/bin/false") is None


@needs_root
def test_an_interpreter_is_found_as_a_command(host, monkeypatch):
    (host.place / "python3").symlink_to(PYTHON)
    monkeypatch.setenv("PATH", str(host.place))
    assert python_info("python3")["tag"] == python_info(PYTHON)["tag"]


# --- what is built -----------------------------------------------------------------------------------------------------------

HOOKS = [
    "pwd > where; echo $TOKEN > token; id -u > built-by; id -G > groups; env > env; cat > input",
    "command -v python > which; cat where >> again",
]


@pytest.fixture(scope="module")
def whole(shared_host):
    """A release with everything there is, to be looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_INDEX_URL", "https://pypi.example.com")
        patch.setenv("https_proxy", "http://proxy")
        patch.setenv("SSH_AUTH_SOCK", "/agent")
        patch.setenv("AWS_SECRET", "x")
        archive = packed(shared_host.place, {**CODE, "requirements.txt": "flask", "old.py": "print 1\n"})
        shared_host.made = build(description(shared_host, HOOKS, requirements="requirements.txt"), archive)
    shared_host.release = shared_host.place / "releases/r1"
    return shared_host


@needs_root
def test_a_release_is_the_code_compiled_and_recorded(whole):
    release = whole.release
    assert whole.made == [str(whole.place / "venvs/v1"), str(release), str(whole.place / "next")]
    assert (release / "app.py").read_text() == "app = 1\n"
    assert (release / "link").readlink() == Path("app.py")
    assert os.access(release / "run.sh", os.X_OK)
    assert release_record(str(whole.place), "r1") == {"id": "r1", "virtualenv": "v1", "callable": "app", "revision": "abc"}
    assert (whole.place / "next").readlink() == Path("releases/r1")
    # PEP 552: hash-based, and not checked against the source. Code of another Python is no reason to stop.
    (compiled,) = (release / "__pycache__").iterdir()
    assert compiled.read_bytes()[4:8] == b"\x01\0\0\0"


@needs_root
def test_tracebacks_name_the_place_of_the_release(whole):
    (compiled,) = (whole.release / "__pycache__").iterdir()
    assert f"{whole.release}/app.py".encode() in compiled.read_bytes()


@needs_root
def test_nothing_is_built_as_root_and_nothing_is_left_to_the_application(whole):
    user = str(pwd.getpwnam(USER).pw_uid)
    assert {line.split()[0] for line in whole.pip.read_text().splitlines()} == {user}
    assert (whole.release / "built-by").read_text().strip() == user
    for status in everything_below(whole.release) + everything_below(whole.place / "venvs/v1"):
        assert (status.st_uid, status.st_gid) == (0, 0)


@needs_root
def test_nothing_built_is_writable_by_others(whole):
    for status in everything_below(whole.release) + everything_below(whole.place / "venvs/v1"):
        assert stat.S_ISLNK(status.st_mode) or status.st_mode & 0o022 == 0


@needs_root
def test_requirements_are_installed_then_uwsgi(whole):
    assert pip_calls(whole) == ["install --requirement requirements.txt", "freeze", "install --only-binary pyuwsgi pyuwsgi==2"]
    # pip runs in the code, so that paths in requirements are right.
    assert f"{whole.place}/releases/.r1" in whole.pip.read_text()


GEVENT = ["gevent==26.9.0", "zope.event==6.2", "Flask==1.0"]


@needs_root
def test_gevent_comes_beside_what_the_requirements_have_chosen(host):
    build({**description(host), "gevent": GEVENT}, packed(host.place))
    calls = pip_calls(host)
    assert calls[:2] == ["freeze", "install --only-binary pyuwsgi pyuwsgi==2"]
    # Flask is there already; the requirements' own version of anything stays.
    assert calls[2].startswith("install --constraint ")
    assert calls[2].endswith(".txt gevent==26.9.0 zope.event==6.2")
    assert "constraints: flask==3.1.3" in host.pip.read_text().splitlines()


@pytest.mark.parametrize(
    ("frozen", "wanted"),
    [
        ("", GEVENT),
        ("gevent==24.2.1\nzope_event==5.0\nflask==3", []),
        ("zope-event==6.2", ["gevent==26.9.0", "Flask==1.0"]),
        ("gevent @ file:///wheels/gevent.whl", ["zope.event==6.2", "Flask==1.0"]),
    ],
)
def test_what_an_application_brings_itself_stays(frozen, wanted):
    assert virtualenv._not_in(frozen, GEVENT) == wanted


@needs_root
def test_what_was_resolved_is_kept_as_constraints(whole):
    assert read_lock(str(whole.place), "v1") == "flask==3.1.3\n"
    assert read_lock(str(whole.place), "v2") is None


@needs_root
def test_hooks_run_in_the_code_with_the_environment_and_the_virtualenv(whole):
    assert (whole.release / "where").read_text() == f"{whole.place}/releases/.r1\n"
    assert (whole.release / "token").read_text() == "hunter2\n"
    assert (whole.release / "which").read_text() == f"{whole.place}/venvs/v1/bin/python\n"
    assert (whole.release / "again").read_text() == (whole.release / "where").read_text()


@needs_root
def test_a_build_has_what_installers_need_and_nothing_else(whole):
    lines = dict(line.split("=", 1) for line in (whole.release / "env").read_text().splitlines())
    assert lines["PIP_INDEX_URL"] == "https://pypi.example.com"
    assert lines["https_proxy"] == "http://proxy"
    assert not lines["HOME"].startswith(f"{whole.place}/shared")
    assert not {"SSH_AUTH_SOCK", "AWS_SECRET"} & set(lines)


@needs_root
def test_a_build_has_no_groups_of_root_and_no_input(whole):
    assert (whole.release / "groups").read_text().split() == [str(pwd.getpwnam(USER).pw_gid)]
    assert (whole.release / "input").read_text() == ""


@needs_root
def test_times_of_files_follow_from_their_content(whole):
    # Flask and nginx make entity tags of time and size.
    times = {name: int((whole.release / name).stat().st_mtime) for name in ("app.py", "run.sh", "pkg/mod.py", "where", "again")}
    assert times["where"] == times["again"], "equal content"
    assert len(set(times.values())) == 4
    assert all(time < 1_600_000_000 for time in times.values()), "never in the future"


@needs_root
def test_a_strict_umask_does_not_hide_the_release(host):
    before = os.umask(0o027)
    try:
        build(description(host), packed(host.place))
    finally:
        os.umask(before)
    for place in ("releases/r1", "releases/r1/pkg", "venvs/v1"):
        assert (host.place / place).stat().st_mode & 0o555 == 0o555, place


@needs_root
def test_what_another_host_resolved_is_installed(host):
    app = description(host, requirements="requirements.txt", lock="flask==3.0.0\n")
    build(app, packed(host.place, {**CODE, "requirements.txt": "flask"}))
    assert "constraints: flask==3.0.0" in host.pip.read_text().splitlines()
    assert pip_calls(host)[0].startswith("install --constraint ")
    assert "--constraint" not in pip_calls(host)[-1], "uWSGI is pinned by itself"


@needs_root
def test_a_package_is_the_release_and_what_it_needs_the_virtualenv(host):
    app = description(host, package="shop-1.0-py3-none-any.whl[fast]")
    build(app, packed(host.place, {"shop-1.0-py3-none-any.whl": "x"}))
    assert pip_calls(host) == [
        "install ./shop-1.0-py3-none-any.whl[fast]",
        "uninstall --yes shop",
        "freeze",
        "install --only-binary pyuwsgi pyuwsgi==2",
        "install --no-deps --no-compile --target . ./shop-1.0-py3-none-any.whl",
    ]
    assert sorted(path.name for path in (host.place / "releases/r1").iterdir()) == ["__pycache__", "installed.py"]


@needs_root
def test_uwsgi_from_source_may_be_compiled(host):
    build({**description(host), "uwsgi": "uwsgi==2.0.31"}, packed(host.place))
    assert pip_calls(host) == ["freeze", "install uwsgi==2.0.31"]


@needs_root
def test_a_second_build_makes_nothing(host):
    build(description(host), packed(host.place))
    before = {path: path.lstat().st_mtime_ns for path in host.place.rglob("*")}
    assert build(description(host), None) == []
    assert {path: path.lstat().st_mtime_ns for path in host.place.rglob("*")} == before


@needs_root
def test_an_equal_virtualenv_is_used_again(host):
    build(description(host), packed(host.place))
    assert pip_calls(host) == ["freeze", "install --only-binary pyuwsgi pyuwsgi==2"], "without requirements there is only uWSGI"
    host.pip.unlink()
    assert build(description(host, id="r2"), packed(host.place)) == [str(host.place / "releases/r2"), str(host.place / "next")]
    assert not host.pip.exists()


# --- what is not -------------------------------------------------------------------------------------------------------------


@needs_root
def test_a_wheel_that_is_missing_is_told_with_what_to_do(host):
    with pytest.raises(CommandError) as caught:
        build({**description(host), "uwsgi": "pyuwsgi==fail"}, packed(host.place))
    first, *words = str(caught.value).splitlines()
    assert first.startswith(f"there is no wheel of pyuwsgi==fail for Python {VERSION}.")
    assert f" on {os.uname().machine}. Set uwsgi.package to uwsgi==2.0.31, which is compiled on the host, " in first
    assert "ERROR: No matching distribution found for pyuwsgi==fail" in words


@needs_root
def test_uwsgi_that_cannot_be_had_for_another_reason_is_told_as_it_is(host):
    with pytest.raises(CommandError, match=r"^'.* install uwsgi==fail' ended with 1"):
        build({**description(host), "uwsgi": "uwsgi==fail"}, packed(host.place))


def left(host) -> list[str]:
    return sorted(str(path.relative_to(host.place)) for name in ("releases", "venvs") for path in (host.place / name).iterdir()) + (
        ["next"] if os.path.lexists(host.place / "next") else []
    )


@needs_root
@pytest.mark.parametrize(
    ("app", "says"),
    [
        (
            {"requirements": "fail.txt"},
            r"(?s)-I -m pip .*install --requirement fail.txt' ended with 1:\nERROR: No matching distribution found for fail.txt",
        ),
        ({"hooks": ["echo one; exit 3"]}, r"the build hook '/bin/sh -c echo one; exit 3' ended with 3:\none"),
        ({"hooks": ["true", "no-such-command"]}, r"the build hook '/bin/sh -c no-such-command' ended with 127"),
    ],
)
def test_a_build_that_fails_leaves_nothing_and_says_why(host, app, says):
    with pytest.raises(CommandError, match=says):
        build(description(host, **app), packed(host.place, {**CODE, "fail.txt": "x"}))
    assert left(host) == []


@needs_root
def test_an_interpreter_that_only_makes_virtualenvs_its_own_way(host):
    (host.place / "no--c").touch()
    build(description(host), packed(host.place))
    assert left(host) == ["releases/r1", "releases/r1.json", "venvs/v1", "venvs/v1.lock", "next"]


@needs_root
def test_an_interpreter_that_makes_no_virtualenvs_says_so(host):
    for name in ("no--c", "no-venv"):
        (host.place / name).touch()
    with pytest.raises(CommandError, match=r"^'.*/python -I -m venv .*/venvs/v1' ended with 1"):
        build(description(host), packed(host.place))
    assert left(host) == []


@needs_root
def test_many_are_built_beside_one_that_cannot_be(host):
    apps = []
    for name in ("shop", "blog", "news"):
        root = host.place / name
        for directory in ("releases", "venvs", "shared"):
            (root / directory).mkdir(parents=True)
        shutil.chown(root / "shared", USER)
        hooks = ["echo torn; exit 3"] if name == "blog" else []
        apps.append({**description(host, hooks=hooks), "name": name, "root": str(root)})
    built = build_all(apps, {app["name"]: packed(host.place) for app in apps})
    assert [len(outcome.made) for outcome in built] == [3, 0, 3]
    assert [bool(outcome.problem) for outcome in built] == [False, True, False]
    assert "torn" in built[1].problem
    assert not (host.place / "blog/next").exists()


@needs_root
def test_a_build_that_fails_leaves_the_virtualenv_of_others(host):
    build(description(host), packed(host.place))
    with pytest.raises(CommandError):
        build(description(host, hooks=["false"], id="r2"), packed(host.place))
    assert left(host) == ["releases/r1", "releases/r1.json", "venvs/v1", "venvs/v1.lock", "next"]
    assert (host.place / "next").readlink() == Path("releases/r1")


@needs_root
@pytest.mark.parametrize("step", [0, 4, 7])
def test_a_build_that_is_interrupted_leaves_nothing(host, monkeypatch, step):
    steps = iter(range(100))
    real = subprocess.run

    def run(*args, **more):
        if next(steps) == step:
            raise KeyboardInterrupt
        return real(*args, **more)

    archive = packed(host.place, {"shop-1.0-py3-none-any.whl": "x"})
    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(KeyboardInterrupt):
        build(description(host, package="shop-1.0-py3-none-any.whl", hooks=["true"]), archive)
    assert left(host) == []


@needs_root
def test_what_a_killed_build_left_is_built_anew(host):
    for name in ("releases/.r1", "venvs/v1"):
        (host.place / name).mkdir()
        (host.place / name / "left").touch()
    build(description(host), packed(host.place))
    assert not (host.place / "releases/r1/left").exists()
    assert not (host.place / "venvs/v1/left").exists()


@needs_root
def test_what_a_killed_build_of_another_release_left_goes(host):
    for name in ("releases/.r0", "venvs/.v0"):
        (host.place / name).mkdir()
    for name in ("releases/.r0.json.partial", ".history.jsonl.partial"):
        (host.place / name).touch()
    (host.place / ".next.partial").symlink_to("releases/r0")
    (host.place / ".env").write_text("NOTE=somebody's own\n")
    build(description(host), packed(host.place))
    assert [path.name for path in host.place.rglob(".*")] == [".env"]


@needs_root
@pytest.mark.parametrize("kind", ["releases/r1", "venvs/v1"])
def test_what_is_being_removed_passes_for_nothing_whole(host, monkeypatch, kind):
    build(description(host), packed(host.place))
    remove = {"releases/r1": store.remove_release, "venvs/v1": store.remove_virtualenv}[kind]
    with monkeypatch.context() as dead:
        dead.setattr(build_module, "remove", lambda _tree: None)
        remove(str(host.place), kind.partition("/")[2])
    assert not (host.place / kind).exists()
    store.sweep(str(host.place))
    assert [path.name for path in (host.place / kind).parent.iterdir()] == []


@needs_root
def test_a_tree_that_cannot_be_renamed_is_removed_where_it_is(host, monkeypatch):
    """Overlayfs answers EXDEV for a directory of a lower layer, as in a host that is made of an image."""
    build(description(host), packed(host.place))
    monkeypatch.setattr(build_module.os, "rename", lambda *_names: (_ for _ in ()).throw(OSError(errno.EXDEV, "Invalid cross-device link")))
    store.remove_release(str(host.place), "r1")
    assert list((host.place / "releases").iterdir()) == []
    store.remove_release(str(host.place), "r1")


@needs_root
def test_what_is_called_complete_is_on_the_disk(host, monkeypatch):
    """A power cut may take what is not written yet, but then also the name that says it is there."""
    written = []

    def sync(path):
        release, venv = host.place / "releases/r1", host.place / "venvs/v1"
        written.append((Path(path).name, venv.with_name("v1.lock").exists(), release.exists()))

    for module in (build_module, virtualenv):
        monkeypatch.setattr(module, "sync_filesystem", sync)
    monkeypatch.setattr(build_module, "fsync", lambda path: written.append((Path(path).name, True, True)))
    build(description(host), packed(host.place))
    assert written == [("v1", False, False), (".r1", True, False), ("releases", True, True)]


@needs_root
def test_a_full_disk_is_told(host, monkeypatch):
    monkeypatch.setattr(build_module, "_unpack", lambda *_args: (_ for _ in ()).throw(OSError(28, "No space left on device", "x.py")))
    (built,) = build_all([description(host)], {"shop": packed(host.place)})
    assert built.problem == "[Errno 28] No space left on device: 'x.py'"
    assert left(host) == []


def test_a_release_that_was_not_shipped_cannot_be_built(host):
    with pytest.raises(BuildError, match="neither on the host nor shipped"):
        build(description(host), None)


HOSTILE = [
    {"../evil": "x"},
    {"/tmp/evil": "x"},
    {"a/../../evil": "x"},
    {"link": "-> /etc/passwd"},
    {"link": "-> ../../x"},
    {"pkg/link": "-> ../../x"},
    {"directory": None},
]


@needs_root
@pytest.mark.parametrize("members", HOSTILE, ids=lambda members: "+".join(members))
def test_what_leads_out_of_the_release_is_refused(host, members):
    with pytest.raises(BuildError, match="what would lead out of the release: "):
        build(description(host), packed(host.place, {**CODE, **members}))
    assert left(host) == []


@needs_root
@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.LNKTYPE])
def test_what_is_no_file_is_refused(host, kind):
    with pytest.raises(BuildError):
        build(description(host), packed(host.place, {"x": ""}, type=kind, linkname="/etc/passwd"))


@needs_root
@pytest.mark.parametrize(
    "members",
    [
        # A link of the archive leads up, and the names after it are inside only as text.
        {"p/q/r": "-> ../..", "p/q/r/../../evil": "x"},
        {"p/q/r": "-> ../..", "s": "-> p/q/r/../../x", "s/evil": "x"},
        {"d": "-> p/q", "d/evil": "x"},
    ],
    ids=["through a link", "a link through a link", "into a linked directory"],
)
def test_no_member_is_written_through_a_link(host, members):
    (host.place / "x").mkdir()
    (host.place / "releases/x").mkdir()
    with pytest.raises(BuildError):
        build(description(host), packed(host.place, members))
    assert list(host.place.rglob("evil")) == []


@needs_root
def test_links_inside_are_links_inside(host):
    members = {"a/b": "-> ../app.py", "a/c": "-> b", "d": "-> a", "app.py": "x"}
    build(description(host), packed(host.place, members))
    assert (host.place / "releases/r1/d/c").read_text() == "x"


@needs_root
def test_an_archive_that_was_damaged_on_the_way_leaves_nothing(host):
    archive = Path(packed(host.place, {"big": os.urandom(50_000).hex()}))
    archive.write_bytes(archive.read_bytes()[:20_000])
    with pytest.raises((BuildError, CommandError)):
        build(description(host), str(archive))
    assert left(host) == []


@pytest.mark.parametrize(
    ("file", "name"),
    [("shop-1.0-py3-none-any.whl", "shop"), ("my_shop-1.0-py3-none-any.whl[x]", "my_shop"), ("shop-1.0.tar.gz", "shop")],
)
def test_the_name_in_a_file_name(file, name):
    assert virtualenv._distribution(file) == name
