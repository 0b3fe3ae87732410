"""Print what a host has of an application as JSON: python3 - NAME. Run inside a host."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import subprocess
import sys
from typing import Any

NAME = sys.argv[1]
# The instances, their pools for streams, and what will stop them.
UNITS_OF_IT = (f"flask-{NAME}@*", f"flask-{NAME}.stream@*", f"flask-{NAME}-drain-*")
ROOT, CONFIG, RUN, UNITS = f"/srv/flask/{NAME}", f"/etc/flask/{NAME}", f"/run/flask/{NAME}", "/etc/systemd/system"


def names(directory: str) -> list[str]:
    return sorted(os.listdir(directory)) if os.path.isdir(directory) else []


def link(path: str) -> str:
    """Return the last part of what a link says without its suffix, empty if there is none."""
    return os.path.basename(os.readlink(path)).split(".")[0] if os.path.islink(path) else ""


def lines(path: str) -> list[Any]:
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def content(path: str) -> str:
    """Return what a file or link is, with its owner and mode."""
    status = os.lstat(path)
    if os.path.islink(path):
        what = f"-> {os.readlink(path)}"
    elif os.path.isfile(path):
        with open(path, "rb") as file:
            what = hashlib.sha256(file.read()).hexdigest()[:16]
    else:
        what = ""
    return f"{status.st_mode:o} {status.st_uid}:{status.st_gid} {what}"


def below(directory: str) -> dict[str, str]:
    return {os.path.join(where, name): "" for where, subdirs, files in os.walk(directory) for name in [*subdirs, *files]}


def units() -> dict[str, dict[str, str]]:
    """Return state and main process of every unit of the application that systemd knows, running or not."""
    listed = subprocess.run(
        ["systemctl", "list-units", "--all", "--plain", "--no-legend", *UNITS_OF_IT],
        check=True,
        capture_output=True,
        text=True,
    )
    found = [line.split()[0] for line in listed.stdout.splitlines()]
    if not found:
        return {}
    asked = "--property=Id,ActiveState,MainPID,NRestarts"
    shown = subprocess.run(["systemctl", "show", asked, *found], check=True, capture_output=True, text=True).stdout
    blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown.strip().split("\n\n")]
    return {block.pop("Id"): block for block in blocks}


unit_files = [path for pattern in UNITS_OF_IT for where in (UNITS, f"{UNITS}/*.wants") for path in glob.glob(f"{where}/{pattern}")]
unit_files += [path for place in unit_files if os.path.isdir(place) for path in below(place)]
config = list(below(CONFIG))
rejected = lines(f"{ROOT}/rejected.json")
live = link(f"{RUN}/uwsgi.sock")
running = units()
release = lines(f"{ROOT}/releases/{link(f'{ROOT}/current')}.json")
virtualenv_id = release[0]["virtualenv_id"] if release else ""
print(
    json.dumps(
        {
            "live": live,
            "previous": link(f"{CONFIG}/previous"),
            "switched": os.lstat(f"{RUN}/uwsgi.sock").st_mtime if live else 0,
            "current": link(f"{ROOT}/current"),
            "next": link(f"{ROOT}/next"),
            "virtualenv_id": virtualenv_id,
            "root": names(ROOT),
            "releases": [name for name in names(f"{ROOT}/releases") if not name.endswith(".json")],
            "virtualenvs": [name for name in names(f"{ROOT}/venvs") if not name.endswith((".lock", ".json"))],
            "instances": sorted(
                os.path.basename(path)[:-4] for path in config if path.endswith(".ini") and not path.endswith(".stream.ini")
            ),
            "sockets": names(RUN),
            "files": {path: content(path) for path in sorted(config + unit_files)},
            "units": running,
            "unit": running.get(f"flask-{NAME}@{live}.service", {}),
            "history": lines(f"{ROOT}/history.jsonl"),
            "rejected": rejected[0] if rejected else {},
            "hooks": lines(f"{ROOT}/shared/hooks.jsonl"),
        }
    )
)
