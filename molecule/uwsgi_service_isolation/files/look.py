"""Print what there is to attack of applications: python3 - 'JSON list of names'. In JSON, by name."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys


def look(name: str) -> dict[str, str | int]:
    instance = os.readlink(f"/run/flask/{name}/uwsgi.sock").removesuffix(".sock")
    unit = f"flask-{name}@{instance}.service"
    shown = subprocess.run(["systemctl", "show", "--property=MainPID", "--value", unit], check=True, stdout=subprocess.PIPE, text=True)
    release = os.path.realpath(f"/srv/flask/{name}/current")
    with open(f"{release}.json") as record:
        virtualenv_id = json.load(record)["virtualenv_id"]
    return {
        "instance": instance,
        "unit": unit,
        "release": release,
        "virtualenv": f"/srv/flask/{name}/venvs/{virtualenv_id}",
        "pid": int(shown.stdout),
        "uid": pwd.getpwnam(f"flask-{name}").pw_uid,
    }


found = {name: look(name) for name in json.loads(sys.argv[1])}
address = subprocess.run(["hostname", "-I"], check=True, stdout=subprocess.PIPE, text=True).stdout.split()[0]
print(json.dumps({**found, "address": address}))
