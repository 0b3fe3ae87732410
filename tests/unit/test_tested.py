# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The tables of what is tested follow from what CI and the scenarios run, and these agree with each other."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml
from ansible_collections.flaskops.stack.tools import scenarios, tested

ROOT = tested.ROOT


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the files that the tables are read from, for a change."""
    for name in (".config/molecule", ".github/workflows", "molecule", "requirements"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def change(path: Path, before: str, after: str) -> None:
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after, 1))


def test_scenarios_have_hosts_of_known_releases_alone():
    assert set().union(*tested.suites().values()) == set(tested.RELEASES)
    assert set(tested.suites()) == {name for name in scenarios.available() if scenarios.set_of(name) != "request"}
    assert tested.often() == {name for name in scenarios.available() if scenarios.set_of(name) == "test"}


@pytest.mark.parametrize("path", sorted(ROOT.glob("roles/*/meta/main.yml")), ids=lambda path: path.parents[1].name)
def test_roles_name_the_releases_that_are_tested(path):
    (platform,) = yaml.safe_load(path.read_text())["galaxy_info"]["platforms"]
    assert (platform["name"], platform["versions"]) == ("Debian", list(tested.RELEASES))


def test_images_are_built_for_the_releases_that_are_tested():
    (built,) = re.findall(r"\|\| suites=\(([a-z ]+)\)$", (ROOT / "tests/target/build.sh").read_text(), re.MULTILINE)
    assert built.split() == list(tested.RELEASES)


def test_every_workflow_runs_scenarios_with_one_python():
    found = {}
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        for name, job in yaml.safe_load(path.read_text())["jobs"].items():
            commands = " ".join(step.get("run", "") for step in job["steps"])
            if "make molecule" in commands or "make test-all" in commands:
                found[name] = tested.pythons(job)
    assert len(found) == 3
    assert list(found.values()) == [["3.11"]] * 3


def test_every_ansible_core_of_the_tables_is_one_that_users_may_have():
    cores = {core for core, _python, _what in tested.controller_rows()}
    runtime = (ROOT / "meta/runtime.yml").read_text()
    assert cores == set(re.findall(r"\b2\.\d\d\b", runtime))


def test_every_lock_of_a_core_is_run_inside_a_host():
    inside = {core for core, _python, what in tested.controller_rows() if "controllers" in what}
    assert inside == {path.stem.removeprefix("core-") for path in (ROOT / "requirements").glob("core-*.txt")}


def test_a_row_has_what_the_lock_has_for_its_python():
    assert tested.core_of("3.11") == "2.19"
    assert tested.core_of("3.13") == "2.21"


def test_a_lock_without_a_core_is_told(copy):
    (copy / "requirements/dev.txt").write_text("ansible-core==2.19.14 ; python_full_version < '3.12' \\\n")
    assert tested.core_of("3.11", copy) == "2.19"
    with pytest.raises(LookupError, match=r"no ansible-core for Python 3\.13"):
        tested.core_of("3.13", copy)


def test_a_host_less_is_a_scenario_less(copy):
    before = {row[0]: row[3] for row in tested.server_rows(copy)}
    (copy / "molecule/tls/molecule.yml").write_text("---\nplatforms: [{name: tls-trixie, image: 'flaskops-target:trixie'}]\n")
    after = {row[0]: row[3] for row in tested.server_rows(copy)}
    first = int(before["Debian 12 (bookworm)"].split()[0])
    assert after["Debian 12 (bookworm)"].startswith(f"{first - 1} of ")
    assert after["Debian 13 (trixie)"] == before["Debian 13 (trixie)"]


def test_a_python_less_is_a_row_less(copy):
    before = list(tested.controller_rows(copy))
    change(copy / ".github/workflows/ci.yml", '["3.11", "3.12", "3.13"]', '["3.11", "3.13"]')
    assert [row for row in before if row not in list(tested.controller_rows(copy))] == [("2.21", "3.12", "unit tests")]


def test_a_playbook_less_is_told_no_more(copy):
    assert "`rollback`" in list(tested.controller_rows(copy))[-1][2]
    change(copy / "molecule/controllers/verify.yml", "{playbook: rollback,", "{playbook: status,")
    assert "`rollback`" not in list(tested.controller_rows(copy))[-1][2]
