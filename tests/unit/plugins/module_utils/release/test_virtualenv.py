# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A virtualenv with pip, made without running pip."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.cage import Cage
from ansible_collections.flaskops.stack.plugins.module_utils.release import installation, virtualenv, workshop
from ansible_collections.flaskops.stack.plugins.module_utils.release.installed import Distribution

PYTHON = sys._base_executable


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("made") / "venv"
    subprocess.run(virtualenv.venv_command(PYTHON, str(place)), check=True)
    return place


def test_it_has_the_packages_that_ensurepip_installs(made):
    packages = subprocess.run([made / "bin/pip", "list", "--format=freeze"], check=True, capture_output=True, text=True).stdout
    names = [line.partition("==")[0] for line in packages.splitlines()]
    assert names == (["pip"] if sys.version_info >= (3, 12) else ["pip", "setuptools"])
    scripts = {path.name for path in (made / "bin").glob("pip*")}
    assert scripts == {"pip", "pip3", f"pip{sys.version_info[0]}.{sys.version_info[1]}"}
    assert (made / "bin/pip").read_text().startswith(f"#!{made}/bin/python3\n")


def test_it_has_the_packages_of_the_distribution_where_they_are_asked_for(tmp_path):
    for options in ([], ["--system-site-packages"]):
        subprocess.run(virtualenv.venv_command(sys.executable, str(tmp_path / "venv"), *options), check=True)
        said = f"include-system-site-packages = {'true' if options else 'false'}"
        assert said in (tmp_path / "venv/pyvenv.cfg").read_text().splitlines()


def test_pip_has_a_record_of_each_of_its_files(made):
    code = (
        "import importlib.metadata as m, os; d = m.distribution('pip'); missing = [f for f in d.files if not os.path.exists(d.locate_file(f))];"
        " print(missing, d.read_text('INSTALLER'))"
    )
    said = subprocess.run([made / "bin/python", "-I", "-c", code], check=True, capture_output=True, text=True).stdout
    assert said.split() == ["[]", "pip"]


def test_without_bundled_wheels_ensurepip_installs_pip(tmp_path):
    """Our program then calls the interpreter's own `venv`, which is replaced here by one that prints its arguments."""
    (tmp_path / "venv.py").write_text("import sys\n\ndef main(args):\n    print(args)\n")
    (tmp_path / "ensurepip.py").write_text("def version():\n    return '0.0'\n")
    _python, _isolated, _c, code, _place = virtualenv.venv_command(PYTHON, "")
    said = subprocess.run([PYTHON, "-c", code, "/place"], check=True, capture_output=True, text=True, cwd=tmp_path).stdout
    assert said == "['/place']\n"


GEVENT = ["gevent==26.9.0", "zope.event==6.2", "Flask==1.0"]


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ("", GEVENT),
        ("gevent zope_event flask", []),
        ("zope-event", ["gevent==26.9.0", "Flask==1.0"]),
    ],
)
def test_versions_that_the_application_has_chosen_stay(names, wanted):
    assert installation.not_in([Distribution(name, "1", direct=False) for name in names.split()], GEVENT) == wanted


@pytest.mark.parametrize(
    ("file", "name"),
    [("shop-1.0-py3-none-any.whl", "shop"), ("my_shop-1.0-py3-none-any.whl[x]", "my_shop"), ("shop-1.0.tar.gz", "shop")],
)
def test_the_name_of_a_distribution_is_read_from_its_file_name(file, name):
    assert installation._distribution(file) == name


def test_builds_speak_english_and_read_files_as_utf8(monkeypatch):
    monkeypatch.setenv("LANGUAGE", "de")
    monkeypatch.setenv("LC_ALL", "de_DE")
    seen = []
    monkeypatch.setattr(Cage, "run_each", lambda _cage, _commands, _directory, env: seen.append((env["LC_ALL"], env["LANGUAGE"])))
    workshop.Workshop(Cage("flask-shop.build", "shop", (), 60, "80%"), "/home", "/", {}).run(["true"])
    assert seen == [("C.UTF-8", "")]
