# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Releases that are built by real commands of another user; pip alone is played."""

from __future__ import annotations

import os
import pwd
import re
import stat
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.release.build import build
from ansible_collections.flaskops.stack.plugins.module_utils.release.store import (
    read_constraints,
    release_record,
)
from ansible_collections.flaskops.stack.tests.unit.building import (
    CODE,
    USER,
    description,
    everything_below,
    needs_root,
    packed,
    pip_calls,
)

HOOKS = [
    "pwd > where; echo $TOKEN > token; id -u > built-by; id -G > groups; env > env; cat > input",
    "command -v python > which; cat where >> again",
]


@pytest.fixture(scope="module")
def whole(shared_host):
    """A release of a source with every feature, shared by tests that only read it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_INDEX_URL", "https://pypi.example.com")
        patch.setenv("https_proxy", "http://proxy")
        patch.setenv("SSH_AUTH_SOCK", "/agent")
        patch.setenv("AWS_SECRET", "x")
        archive = packed(shared_host.place, {**CODE, "requirements.txt": "flask", "old.py": "print 1\n"})
        order = description(shared_host, HOOKS, requirements="requirements.txt")
        shared_host.made = build({**order, "build_environment": {"PIP_EXTRA_INDEX_URL": "https://me:t0ken@pypi.example.com"}}, archive)
    shared_host.release = shared_host.place / "releases/r1"
    return shared_host


@needs_root
def test_a_release_is_the_code_compiled_and_recorded(whole):
    release = whole.release
    assert whole.made == [str(whole.place / "venvs/v1"), str(release), str(whole.place / "next")]
    assert (release / "app.py").read_text() == "app = 1\n"
    assert (release / "link").readlink() == Path("app.py")
    assert os.access(release / "run.sh", os.X_OK)
    record = {"id": "r1", "virtualenv_id": "v1", "callable": "app", "revision": "abc", "imports": ""}
    assert release_record(str(whole.place), "r1")._asdict() == record
    assert (whole.place / "next").readlink() == Path("releases/r1")
    # Flags of PEP 552: the bytecode is hash-based and not checked against its source. `old.py`, which does not compile, has none.
    (compiled,) = (release / "__pycache__").iterdir()
    assert compiled.read_bytes()[4:8] == b"\x01\0\0\0"


@needs_root
def test_tracebacks_name_the_final_path_of_the_release(whole):
    (compiled,) = (whole.release / "__pycache__").iterdir()
    assert f"{whole.release}/app.py".encode() in compiled.read_bytes()


@needs_root
def test_builds_run_as_the_application_and_the_result_belongs_to_root(whole):
    user = str(pwd.getpwnam(USER).pw_uid)
    assert {line.split()[0] for line in whole.pip.read_text().splitlines() if not line.startswith("requirements: ")} == {user}
    assert (whole.release / "built-by").read_text().strip() == user
    for status in everything_below(whole.release) + everything_below(whole.place / "venvs/v1"):
        assert (status.st_uid, status.st_gid) == (0, 0)


@needs_root
def test_nothing_built_is_writable_by_others(whole):
    for status in everything_below(whole.release) + everything_below(whole.place / "venvs/v1"):
        assert stat.S_ISLNK(status.st_mode) or status.st_mode & 0o022 == 0


@needs_root
def test_requirements_are_installed_then_uwsgi(whole):
    assert pip_calls(whole) == ["install --requirement requirements.txt", "install --only-binary pyuwsgi pyuwsgi==2"]
    # pip runs in the code, so that paths in requirements are right.
    assert f"{whole.place}/releases/.r1" in whole.pip.read_text()


GEVENT = ["gevent==26.9.0", "zope.event==6.2", "Flask==1.0"]


@needs_root
def test_gevent_is_installed_beside_the_versions_of_the_requirements(host):
    build({**description(host), "gevent": GEVENT}, packed(host.place))
    calls = pip_calls(host)
    assert calls[0] == "install --only-binary pyuwsgi pyuwsgi==2"
    # Flask is not among them: the requirements have installed it, and their version stays.
    assert calls[1].startswith("install --constraint ")
    assert calls[1].endswith(".txt gevent==26.9.0 zope.event==6.2")
    assert "constraints: flask==3.1.3" in host.pip.read_text().splitlines()


@needs_root
def test_further_requirements_are_resolved_together_with_those_of_the_source(host):
    build(description(host, extra_requirements=["psycopg==3"], requirements="requirements.txt"), packed(host.place))
    assert pip_calls(host)[0] == "install --requirement requirements.txt psycopg==3"


@needs_root
def test_further_requirements_need_no_hashes_where_the_source_has_some(host):
    """pip wants all hashes or none in one call. Versions that have hashes stay."""
    build(description(host, extra_requirements=["psycopg==3"], requirements="requirements.txt", hashed=True), packed(host.place))
    first, _uwsgi, second = pip_calls(host)
    assert first == "install --requirement requirements.txt"
    assert second.startswith("install --constraint ")
    assert second.endswith(" psycopg==3")
    assert "constraints: flask==3.1.3" in host.pip.read_text().splitlines()


ORDER = {"constraints": [], "resolved": [], "locked": [], "loose": [], "project": ""}


def contents(host) -> list[str]:
    """Return what pip read from each file of requirements."""
    return [line.partition(": ")[2] for line in host.pip.read_text().splitlines() if line.startswith("requirements: ")]


@needs_root
def test_a_lock_is_installed_with_its_hashes_and_nothing_else(host):
    declared = {**ORDER, "locked": ["flask==3 --hash=sha256:aa"], "loose": ["./lib", "x @ git+https://y"]}
    build(description(host, extra_requirements=["psycopg==3"], declared=declared, hashed=True), packed(host.place))
    locked, loose, _uwsgi, further = pip_calls(host)
    assert locked.startswith("install --no-deps --require-hashes --requirement ")
    assert loose.startswith("install --no-deps --requirement ")
    assert further.startswith("install --constraint ")
    assert contents(host) == ["flask==3 --hash=sha256:aa", "./lib x @ git+https://y"]


@needs_root
def test_what_a_project_declares_is_resolved_and_the_project_goes_into_the_release(host):
    declared = {**ORDER, "resolved": ["flask>=3"], "constraints": ["click==8"], "project": "."}
    build(description(host, constraints="flask==3.1", extra_requirements=["psycopg==3"], declared=declared), packed(host.place))
    first, *_others, last = pip_calls(host)
    assert re.fullmatch(r"install --constraint \S+ --requirement \S+ --constraint \S+ psycopg==3", first)
    assert last == "install --no-deps --no-compile --target .project ."
    assert contents(host) == ["flask>=3"]


@needs_root
def test_a_project_goes_into_every_release_of_one_virtualenv(host):
    for release in ("r1", "r2"):
        build(description(host, declared={**ORDER, "resolved": ["flask"], "project": "."}, id=release), packed(host.place))
        assert pip_calls(host)[-1] == "install --no-deps --no-compile --target .project ."
        assert (host.place / f"releases/{release}/installed.py").exists()


@needs_root
def test_no_file_of_requirements_is_left_beside_the_virtualenvs(host):
    build(description(host, declared={**ORDER, "resolved": ["flask"], "loose": ["./lib"]}), packed(host.place))
    assert sorted(path.name for path in (host.place / "venvs").iterdir()) == ["v1", "v1.json", "v1.lock"]


@needs_root
def test_build_hooks_find_the_modules_and_the_scripts_of_the_release(host):
    build(description(host, ["echo $PATH:$PYTHONPATH > found"], imports="src"), packed(host.place))
    tree = f"{host.place}/releases/.r1"
    found = (host.place / "releases/r1/found").read_text().strip().split(":")
    assert found[:2] == [f"{host.place}/venvs/v1/bin", f"{tree}/src/bin"]
    assert found[-1] == f"{tree}/src"


@needs_root
def test_build_hooks_keep_a_cache_for_the_next_build(host):
    hooks = ['echo "$XDG_CACHE_HOME" > where', 'cp "$XDG_CACHE_HOME/seen" before || true', 'cat number > "$XDG_CACHE_HOME/seen"']
    for number in ("1", "2"):
        build(description(host, hooks, id=f"r{number}"), packed(host.place, {**CODE, "number": number}))
    cache = host.place / "build_cache"
    assert (host.place / "releases/r2/where").read_text() == f"{cache}\n"
    assert (host.place / "releases/r2/before").read_text() == "1"
    assert (cache.stat().st_uid, stat.S_IMODE(cache.stat().st_mode)) == (pwd.getpwnam(USER).pw_uid, 0o700)


@needs_root
def test_a_cache_of_another_user_is_not_taken(host):
    (host.place / "build_cache").mkdir()
    (host.place / "build_cache/seen").write_text("hostile")
    build(description(host, ['ls "$XDG_CACHE_HOME" > seen']), packed(host.place))
    assert (host.place / "releases/r1/seen").read_text() == ""


@needs_root
def test_a_build_without_hooks_makes_no_cache(host):
    build(description(host), packed(host.place))
    assert not (host.place / "build_cache").exists()


@needs_root
def test_resolved_versions_are_kept_as_constraints(whole):
    assert read_constraints(str(whole.place), "v1") == "flask==3.1.3\n"
    assert read_constraints(str(whole.place), "v2") is None


@needs_root
def test_hooks_run_in_the_code_with_the_environment_and_the_virtualenv(whole):
    assert (whole.release / "where").read_text() == f"{whole.place}/releases/.r1\n"
    assert (whole.release / "token").read_text() == "hunter2\n"
    assert (whole.release / "which").read_text() == f"{whole.place}/venvs/v1/bin/python\n"
    assert (whole.release / "again").read_text() == (whole.release / "where").read_text()


@needs_root
def test_a_build_has_what_installers_need_and_nothing_else(whole):
    lines = dict(line.split("=", 1) for line in (whole.release / "env").read_text().splitlines())
    # Variables for pip are for pip: the hooks have those that the controller gives them.
    assert Path(f"{whole.pip}.indexes").read_text() == "https://me:t0ken@pypi.example.com"
    assert "PIP_EXTRA_INDEX_URL" not in lines
    assert lines["PIP_INDEX_URL"] == "https://pypi.example.com"
    assert lines["https_proxy"] == "http://proxy"
    assert not lines["HOME"].startswith(f"{whole.place}/shared")
    assert lines["TMPDIR"] == lines["HOME"], "on the disk of the release, whatever /tmp is like"
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
    # Otherwise a bundler such as Flask-Assets would make a bundle again that is older than a file of it, in a release that nobody can write to.
    sent, made = [times[name] for name in ("app.py", "run.sh", "pkg/mod.py")], [times[name] for name in ("where", "again")]
    assert max(sent) < min(made)


@needs_root
def test_a_build_may_pack_sent_files_into_a_wheel(host):
    # A zip file has no time before 1980-01-01, wherever the host is.
    build(description(host, hooks=['test "$(stat -c %Y app.py)" -gt 315583200']), packed(host.place))
    assert (host.place / "releases/r1/app.py").exists()


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
def test_versions_that_another_host_resolved_are_installed(host):
    app = description(host, requirements="requirements.txt", constraints="flask==3.0.0\n")
    build(app, packed(host.place, {**CODE, "requirements.txt": "flask"}))
    assert "constraints: flask==3.0.0" in host.pip.read_text().splitlines()
    assert pip_calls(host)[0].startswith("install --constraint ")
    assert "--constraint" not in pip_calls(host)[-1], "uWSGI is pinned by itself"


@needs_root
def test_a_package_becomes_the_release_and_its_requirements_the_virtualenv(host):
    app = description(host, package="shop-1.0-py3-none-any.whl[fast]")
    build(app, packed(host.place, {"shop-1.0-py3-none-any.whl": "x"}))
    assert pip_calls(host) == [
        "install ./shop-1.0-py3-none-any.whl[fast]",
        "uninstall --yes shop",
        "install --only-binary pyuwsgi pyuwsgi==2",
        "install --no-deps --no-compile --target . ./shop-1.0-py3-none-any.whl",
    ]
    assert sorted(path.name for path in (host.place / "releases/r1").iterdir()) == ["__pycache__", "installed.py"]


@needs_root
def test_uwsgi_from_source_may_be_compiled(host):
    build({**description(host), "uwsgi": "uwsgi==2.0.31"}, packed(host.place))
    assert pip_calls(host) == ["install uwsgi==2.0.31"]


@needs_root
def test_a_second_build_makes_nothing(host):
    build(description(host), packed(host.place))
    before = {path: path.lstat().st_mtime_ns for path in host.place.rglob("*")}
    assert build(description(host), None) == []
    assert {path: path.lstat().st_mtime_ns for path in host.place.rglob("*")} == before


@needs_root
def test_an_equal_virtualenv_is_used_again(host):
    build(description(host), packed(host.place))
    assert pip_calls(host) == ["install --only-binary pyuwsgi pyuwsgi==2"], "without requirements there is only uWSGI"
    host.pip.unlink()
    assert build(description(host, id="r2"), packed(host.place)) == [str(host.place / "releases/r2"), str(host.place / "next")]
    assert not host.pip.exists()
