#!/usr/bin/env python3
"""Make .cache/wheelhouse: wheels of all that test hosts install, for the Python of each Debian release. Returns at once where it has them.

molecule/shared/create.yml gives it to the hosts, so that they do not ask the package index again and again. A scenario with `real_index`
among its variables goes without it, so that the index stays tried.
"""

from __future__ import annotations

import fcntl
import hashlib
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WHEELHOUSE = ROOT / ".cache" / "wheelhouse"

# The import below finds the collection by this path, so it cannot stand at the top.
sys.path.insert(0, str(ROOT))
from plugins.plugin_utils.uwsgi.packages import DEFAULT_UWSGI, GEVENT, OLDEST_UWSGI  # noqa: E402

# Debian 12 and 13.
PYTHONS = ("3.11", "3.13")
# The oldest uWSGI there is support for has no wheel for a later Python.
MORE = {"3.11": ["pyuwsgi==" + ".".join(map(str, OLDEST_UWSGI))]}
# Requirements that any host can be given.
PIN = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+")
# The glibc of Debian 12, and what runs on it.
GLIBC = range(5, 37)


def machine() -> str:
    """Return the processor's kind as names of wheels have it."""
    return {"arm64": "aarch64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())


def wanted() -> dict[str, list[list[str]]]:
    """Return what to download for each Python: lists of requirements, each resolved on its own."""
    files = sorted([*ROOT.glob("tests/apps/*/requirements.txt"), *ROOT.glob("inventory/apps/*/requirements.txt")])
    texts = dict.fromkeys(file.read_text() for file in files)
    # Others, with hashes or directories, are those of scenarios that ask the index.
    lists = [text.split() for text in texts if all(PIN.fullmatch(line) for line in text.splitlines())]
    lists[0] += [DEFAULT_UWSGI, *GEVENT]
    return {python: [*lists, *([name] for name in MORE.get(python, []))] for python in PYTHONS}


def download(python: str, requirements: list[str], target: Path) -> None:
    """Download wheels that a Debian release's Python can install."""
    tags = [f"manylinux_2_{minor}_{machine()}" for minor in reversed(GLIBC)] + [f"manylinux2014_{machine()}"]
    abis = [f"cp{python.replace('.', '')}", "abi3", "none"]
    command = [
        sys.executable,
        "-m",
        "pip",
        "--quiet",
        "--disable-pip-version-check",
        "download",
        "--dest",
        str(target),
        "--only-binary=:all:",
    ]
    command += [f"--python-version={python}", "--implementation=cp", *(f"--abi={abi}" for abi in abis)]
    subprocess.run([*command, *(f"--platform={tag}" for tag in tags), *requirements], check=True)


def make() -> None:
    """Download everything to a directory beside the wheelhouse, which then takes its place."""
    lists = wanted()
    inputs = hashlib.sha256(f"{lists} {machine()} {Path(__file__).read_text()}".encode()).hexdigest()
    stamp = WHEELHOUSE / ".stamp"
    if stamp.exists() and stamp.read_text() == inputs:
        return
    began = time.monotonic()
    fresh = WHEELHOUSE.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for python, requirements in lists.items():
        for some in requirements:
            download(python, some, fresh)
    (fresh / ".stamp").write_text(inputs)
    shutil.rmtree(WHEELHOUSE, ignore_errors=True)
    fresh.rename(WHEELHOUSE)
    print(f"wheelhouse: {len(list(WHEELHOUSE.glob('*.whl')))} wheels in {time.monotonic() - began:.0f} s.")


def main() -> int:
    WHEELHOUSE.parent.mkdir(exist_ok=True)
    # Scenarios begin side by side.
    with (WHEELHOUSE.parent / "wheelhouse.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            make()
        except subprocess.CalledProcessError as error:
            print(
                f"wheelhouse: {' '.join(error.cmd[-1:])} could not be downloaded, see above: is the package index reached?", file=sys.stderr
            )
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
