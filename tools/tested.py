"""The tables under "What is tested" in README.md, from the files of CI and of the scenarios themselves.

No file of ours has the Python and the nginx of a release of Debian, so they stand here, and the scenario `default` compares them with its hosts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from packaging.markers import Marker

ROOT = Path(__file__).resolve().parent.parent
Row = tuple[str, ...]


class Debian(NamedTuple):
    """A release that scenarios have hosts of."""

    number: str
    python: str
    nginx: str


RELEASES = {"bookworm": Debian("12", "3.11", "1.22"), "trixie": Debian("13", "3.13", "1.26")}


def load(path: Path) -> Any:
    """Return a file of YAML."""
    return yaml.safe_load(path.read_text()) or {}


def suites(root: Path = ROOT) -> dict[str, set[str]]:
    """Return, by scenario, the releases of Debian that it has hosts of. A scenario on request tests no commit, so it is left out."""
    common, asked = images(load(root / ".config/molecule/config.yml")), scenarios_with("SCENARIO_SET: request", root)
    paths = sorted(root.glob("molecule/*/molecule.yml"))
    return {path.parent.name: images(load(path)) or common for path in paths if path.parent.name not in asked}


def images(settings: dict[str, Any]) -> set[str]:
    """Return the releases of the platforms in settings of Molecule."""
    return {platform["image"].removeprefix("flaskops-target:") for platform in settings.get("platforms", [])}


def often(root: Path = ROOT) -> set[str]:
    """Return the scenarios that run with every commit."""
    return set(scenarios_with("SCENARIO_SET: test", root))


def scenarios_with(text: str, root: Path = ROOT) -> list[str]:
    """Return the scenarios whose settings have a text."""
    return [path.parent.name for path in sorted(root.glob("molecule/*/molecule.yml")) if text in path.read_text()]


def core_of(python: str, root: Path = ROOT) -> str:
    """Return the ansible-core that the lock of the tools has for a Python.

    :raises LookupError: if it has none
    """
    for version, marker in re.findall(
        r"^ansible-core==(\d+\.\d+)\.\d+(?: ; (.*?))? ?\\$", (root / "requirements/dev.txt").read_text(), re.MULTILINE
    ):
        if not marker or Marker(marker).evaluate({"python_full_version": f"{python}.0", "python_version": python}):
            return version
    raise LookupError(f"requirements/dev.txt has no ansible-core for Python {python}")


def jobs(root: Path = ROOT) -> dict[str, Any]:
    """Return the jobs of CI."""
    return load(root / ".github/workflows/ci.yml")["jobs"]


def pythons(job: dict[str, Any]) -> list[str]:
    """Return the versions of Python that a job of CI runs with."""
    (setup,) = [step["with"] for step in job["steps"] if step.get("uses", "").startswith("actions/setup-python@")]
    return job["strategy"]["matrix"]["python"] if "${{" in setup["python-version"] else [setup["python-version"]]


def playbooks_inside(root: Path = ROOT) -> list[str]:
    """Return the playbooks that the scenario `controllers` runs with the ansible-core of its hosts, in the order of their first run."""
    plays = [play for name in ("converge", "verify") for play in load(root / f"molecule/controllers/{name}.yml")]
    return list(dict.fromkeys(run["playbook"] for play in plays for task in play["tasks"] for run in task.get("vars", {}).get("runs", [])))


def server_rows(root: Path = ROOT) -> Iterator[Row]:
    """Yield a row for each release of Debian."""
    found, with_commits = suites(root), often(root)
    for name, debian in RELEASES.items():
        here = {scenario for scenario, releases in found.items() if name in releases}
        counts = f"{len(here)} of {len(found)}, {len(here & with_commits)} of them with every commit"
        yield f"Debian {debian.number} ({name})", debian.python, debian.nginx, counts


def controller_rows(root: Path = ROOT) -> Iterator[Row]:
    """Yield a row for each ansible-core on each Python: what CI runs from the lock of the tools, then what runs inside of hosts."""
    unit, scenario = (pythons(jobs(root)[name]) for name in ("unit", "scenario"))
    for python in sorted({*unit, *scenario}, key=lambda version: tuple(map(int, version.split(".")))):
        what = [*(["unit tests"] if python in unit else []), *(["every scenario"] if python in scenario else [])]
        yield core_of(python, root), python, ", ".join(what)
    playbooks = ", ".join(f"`{name}`" for name in playbooks_inside(root))
    for platform in load(root / "molecule/controllers/molecule.yml")["platforms"]:
        core, _dash, suite = platform["name"].partition("-core-")[2].partition("-")
        yield core, RELEASES[suite].python, f"{playbooks} of the built collection over SSH, none deprecated (scenario `controllers`)"
