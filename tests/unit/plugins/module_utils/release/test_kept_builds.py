# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Virtualenvs beside a former one of the same application."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.cage import Cage, StepError
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError
from ansible_collections.flaskops.stack.plugins.module_utils.release.build import build
from ansible_collections.flaskops.stack.tests.harness.wheel import wheel
from ansible_collections.flaskops.stack.tests.unit.building import PYTHON, USER, VERSION, description, needs_root, packed, pip_calls
from ansible_collections.flaskops.stack.tests.unit.installed import install

SITE = f"lib/python{VERSION}/site-packages"


@pytest.fixture(autouse=True, scope="module")
def _no_index():
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PIP_")]:
            patch.delenv(name)
        patch.setenv("PIP_CONFIG_FILE", "/dev/null")
        yield


def former(host, *names: str) -> None:
    """Build a virtualenv, and put packages into it as if pip had installed them."""
    pins = {name: f"{name}==1" for name in names}
    build(description(host, pinned={"basis": "b", "required": pins, "beside": {}}), packed(host.place))
    for name in names:
        install(host.place / "venvs/v1", name, "1", {f"{name}.py": "x = 1\n"}, SITE)
    host.pip.write_text("")


def following(host, *names: str, **plan) -> dict:
    """Return the order of the next virtualenv."""
    pins = {name: f"{name}==1" for name in names}
    return description(host, id="r2", virtualenv_id="v2", pinned={"basis": "b", "required": pins, "beside": {}}, **plan)


@needs_root
def test_what_is_unchanged_is_taken_over_and_belongs_to_root(host):
    former(host, "hello")
    build(following(host, "hello"), packed(host.place))
    assert os.path.samefile(host.place / f"venvs/v1/{SITE}/hello.py", host.place / f"venvs/v2/{SITE}/hello.py")
    assert "hello==1\n" in (host.place / "venvs/v2.lock").read_text()
    assert pip_calls(host) == ["install --only-binary pyuwsgi pyuwsgi==2"]
    assert not [path for path in (host.place / "venvs/v2").rglob("*") if path.lstat().st_uid != 0]
    assert sorted(path.name for path in (host.place / "venvs").iterdir()) == ["v1", "v1.json", "v1.lock", "v2", "v2.json", "v2.lock"]


@needs_root
def test_pip_is_not_started_for_a_uwsgi_that_is_kept(host):
    former(host, "uwsgi")
    build({**following(host, "uwsgi"), "uwsgi": "uwsgi==1"}, packed(host.place))
    assert pip_calls(host) == []
    assert os.path.samefile(host.place / f"venvs/v1/{SITE}/uwsgi.py", host.place / f"venvs/v2/{SITE}/uwsgi.py")


@needs_root
def test_packages_beside_are_offered_after_the_requirements(host):
    """pip would keep a version that is there, where a requirement leaves it open."""
    former(host, "hello")
    order = following(host)
    order["release"]["pinned"]["beside"] = {"hello": "hello==1"}
    seen = []
    run_each = Cage.run_each
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cage, "run_each", lambda cage, commands, *rest: seen.append(commands) or run_each(cage, commands, *rest))
        build({**order, "gevent": ["hello==1", "more==2"]}, packed(host.place))
    offers = [[command[0] for command in commands] for commands in seen if any("pip" in command for command in commands)]
    assert [names.count("cp") for names in offers] == [0, 1]
    assert (host.place / f"venvs/v2/{SITE}/hello.py").exists()


@needs_root
@pytest.mark.parametrize("hashed", [False, True])
def test_versions_that_hashes_pin_are_not_resolved_apart(host, hashed):
    """pip takes no constraints without hashes beside them."""
    former(host, "hello", "pinned")
    seen = []
    run_each = Cage.run_each
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cage, "run_each", lambda cage, commands, *rest: seen.append(commands) or run_each(cage, commands, *rest))
        build(following(host, "pinned", requirements="requirements.txt", hashed=hashed), packed(host.place, {"requirements.txt": "x"}))
    assert sum("--dry-run" in command for command in seen[0]) == (0 if hashed else 1)
    assert (host.place / f"venvs/v2/{SITE}/pinned.py").exists() is hashed


@needs_root
@pytest.mark.parametrize(
    ("name", "calls"),
    [
        pytest.param("breaks", 2, id="pip fails"),
        pytest.param("clashes", 2, id="another package has such a file"),
    ],
)
def test_what_goes_wrong_with_kept_packages_goes_right_without(host, name, calls):
    former(host, name)
    build(following(host, name), packed(host.place))
    assert pip_calls(host) == ["install --only-binary pyuwsgi pyuwsgi==2"] * calls
    assert not (host.place / f"venvs/v2/{SITE}/{name}-1.dist-info").exists()
    assert (host.place / "venvs/v2.lock").exists()


@needs_root
def test_a_failure_has_the_message_that_it_has_without_a_former_virtualenv(host):
    messages = []
    for makes in (lambda: None, lambda: former(host, "hello")):
        makes()
        with pytest.raises(CommandError) as caught:
            build(following(host, "hello", requirements="fail.txt"), packed(host.place, {"fail.txt": "x"}))
        messages.append(str(caught.value))
        shutil.rmtree(host.place / "shared/pip", ignore_errors=True)
    assert messages[0] == messages[1]
    assert "No matching distribution found for fail.txt" in messages[0]
    assert not (host.place / "venvs/v2").exists()


@needs_root
@pytest.mark.parametrize("name", ["breaksunreached", "breaksunbuilt"])
def test_a_failure_that_has_nothing_to_do_with_kept_packages_comes_once(host, name):
    former(host, name)
    with pytest.raises(CommandError, match="broken by what is there"):
        build(following(host, name), packed(host.place))
    assert len(pip_calls(host)) == 1
    assert sorted(path.name for path in (host.place / "venvs").iterdir()) == ["v1", "v1.json", "v1.lock"]


@needs_root
def test_a_limit_counts_once(host, monkeypatch):
    former(host, "hello")
    tries = []

    def exceeded(_cage, commands, *_rest):
        tries.append(commands)
        raise StepError("has not ended within 60 s", 1, [], ended_itself=False)

    monkeypatch.setattr(Cage, "run_each", exceeded)
    with pytest.raises(StepError):
        build(following(host, "hello"), packed(host.place))
    assert len(tries) == 1


class Site(SimpleNamespace):
    """A host with the real pip, which installs wheels of a directory."""

    def build(self, name: str, *more: str, hello: str, refresh: str = "b") -> Path:
        """Build the virtualenv of a source with locked and other requirements, and return it."""
        wheels = [path for path in self.wheels.iterdir() if path.name.split("-")[:2] in (["hello", hello], ["locked", "1"])]
        hashes = {path.name.split("-")[0]: hashlib.sha256(path.read_bytes()).hexdigest() for path in wheels}
        locked = [f"{package}=={version} --hash=sha256:{hashes[package]}" for package, version in (("hello", hello), ("locked", "1"))]
        pinned = {"hello": f"hello=={hello} {hashes['hello']}", "locked": f"locked==1 {hashes['locked']}", "pyuwsgi": "pyuwsgi==2"}
        declared = {"constraints": [], "resolved": ["newest>=1", "steady>=1", *more], "locked": locked, "loose": [], "project": ""}
        order = description(self, id=f"r{name}", virtualenv_id=name, declared=declared)
        order["gevent"] = ["beside==1"]
        order["release"]["pinned"] = {"basis": refresh, "required": pinned, "beside": {"beside": "beside==1"}}
        build(order, packed(self.place))
        return self.place / "venvs" / name


def publish(wheels: Path, name: str, version: str) -> None:
    scripts = "".join(f"{script} = {name}:main\n" for script in (name, name.removeprefix("py")))
    script = {f"{name}-{version}.dist-info/entry_points.txt": f"[console_scripts]\n{scripts}"}
    wheel(wheels, name, version, {f"{name}.py": f"def main():\n    print('{name} {version}')\n", **script})


@pytest.fixture(scope="module")
def site():
    place = Path(tempfile.mkdtemp(prefix="flaskops-test-"))
    place.chmod(0o755)
    for name in ("releases", "venvs", "shared", "wheels"):
        (place / name).mkdir()
    shutil.chown(place / "shared", USER)
    for name, version in (
        ("hello", "1"),
        ("hello", "2"),
        ("locked", "1"),
        ("newest", "1"),
        ("steady", "1"),
        ("dropped", "1"),
        ("beside", "1"),
        ("pyuwsgi", "2"),
    ):
        publish(place / "wheels", name, version)
    site = Site(place=place, wheels=place / "wheels", python=PYTHON)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(site.wheels))
        site.first = site.build("v1", "dropped", hello="1")
        publish(site.wheels, "newest", "2")
        site.second = site.build("v2", hello="2")
        site.anew = site.build("v3", hello="2", refresh="again")
        site.kept = shared_names(site.second)
        shutil.rmtree(site.first)
        yield site
    shutil.rmtree(place)


def contents(venv: Path) -> dict[str, object]:
    """Return what is in a virtualenv, whatever its place and whatever the order of lists."""
    found: dict[str, object] = {}
    for path in sorted(venv.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(venv))] = path.readlink()
        elif path.is_file() and path.suffix != ".pyc":
            text = path.read_bytes().replace(str(venv).encode(), b"VENV").replace(f"({venv.name})".encode(), b"(VENV)")
            rows = sorted(re.sub(rb"sha256=[^,]*|[0-9]+$", b"", line.strip()) for line in text.splitlines())
            found[str(path.relative_to(venv))] = rows if path.name == "RECORD" else text
        else:
            found[str(path.relative_to(venv))] = path.stat().st_mode
    return found


def shared_names(venv: Path) -> set[str]:
    """Return the packages whose files another virtualenv has as well."""
    return {path.stem for path in (venv / SITE).glob("*.py") if path.stat().st_nlink > 1}


@needs_root
def test_pip_makes_the_same_virtualenv_as_without_a_former_one(site):
    assert contents(site.second) == contents(site.anew)


@needs_root
def test_what_is_not_pinned_is_the_newest_and_what_is_pinned_is_kept(site):
    said = {name: subprocess.run([site.second / "bin" / name], check=True, capture_output=True, text=True).stdout for name in NAMES}
    assert said == {name: f"{name} {version}\n" for name, version in NAMES.items()}
    checked = subprocess.run([site.second / "bin/python", "-m", "pip", "check"], check=False, capture_output=True, text=True)
    assert checked.stdout == "No broken requirements found.\n"


NAMES = {"hello": "2", "locked": "1", "newest": "2", "steady": "1", "beside": "1", "pyuwsgi": "2"}


@needs_root
def test_files_are_those_of_the_former_virtualenv_unless_another_version_was_resolved(site):
    assert site.kept == {"locked", "steady", "beside", "pyuwsgi"}


@needs_root
def test_uwsgi_is_that_of_the_description_whatever_a_requirement_brings(site):
    publish(site.wheels, "pyuwsgi", "1")
    venv = site.build("v4", "pyuwsgi<2", hello="2")
    said = subprocess.run([venv / "bin/pyuwsgi"], check=True, capture_output=True, text=True).stdout
    shutil.rmtree(venv)
    assert said == "pyuwsgi 2\n"


@needs_root
def test_a_former_virtualenv_can_go(site):
    """Its files stay as long as one virtualenv has them."""
    assert not site.first.exists()
    assert (site.second / SITE / "locked.py").read_text().startswith("def main")
    assert shared_names(site.second) == set()
