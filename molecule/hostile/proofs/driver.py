"""Drive a hostile application beside two healthy ones: runs of playbooks, programs in its sandbox, and what a host has afterwards."""

from __future__ import annotations

import base64
import json
import re
import time
import typing as t
from pathlib import Path

import yaml
from ansible_collections.flaskops.stack.tests.harness.controller import Controller, Going, Run
from ansible_collections.flaskops.stack.tests.harness.host import CHECKOUT, Failed, Host
from ansible_collections.flaskops.stack.tests.harness.load import Load
from ansible_collections.flaskops.stack.tests.harness.source import FLASK, Description, Source, changed

SCENARIO = Path(__file__).parents[1]
SHARED = CHECKOUT / "molecule" / "shared" / "files"
HOSTILE = "hostile"
HEALTHY = ("calm", "steady")
# A run takes less than this even on a busy machine, so a longer run is waiting for an application.
RUN_SECONDS = 600
# Requests a second to each of the healthy applications.
RATE = 10
# The directories whose files an application must not be able to change.
PLACES = (
    "/etc",
    "/usr/local",
    "/root",
    "/opt",
    "/var/spool",
    "/var/lib/systemd/linger",
    *(f"/srv/flask/{name}/shared" for name in HEALTHY),
)
# Descriptions say what belongs to applications, so runs compare it.
_NAMES = "((run-)?flask-)?(hostile|calm|steady)"
OF_APPLICATIONS = re.compile(rf"/{_NAMES}[-./@]|/{_NAMES} |/etc/flask |/multi-user\.target\.wants |/\.flaskops\.json ")
# Users come and go; whose they are is compared by themselves.
ACCOUNTS = re.compile(r"^/etc/(passwd|group|shadow|gshadow)-? ")

LIVE_APP: Description = {
    "name": HOSTILE,
    "wsgi": "app.py",
    "env": {},
    "secrets": {"TOKEN": "t0ken-of-the-hostile"},
    "health": {"path": "/", "timeout": 120},
    "drain_timeout": 3,
    "command_limits": {"timeout": 180},
    "uwsgi": {"processes": 1, "threads": 4, "options": {"worker-reload-mercy": 2}},
    "nginx": {"server_names": [HOSTILE], "routes": [{"path": "/"}, {"path": "/stream", "mode": "stream", "probe": ""}]},
}
_POST = """
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=300)
connection.request("POST", "/run", sys.stdin.read(), {"Host": "hostile"})
answer = connection.getresponse()
print(answer.status, answer.read().decode())
"""


def healthy() -> dict[str, Description]:
    """Return the descriptions of the healthy applications, by name."""
    scenario = yaml.safe_load((SCENARIO / "molecule.yml").read_text().replace("${MOLECULE_PROJECT_DIRECTORY}", str(CHECKOUT)))
    return scenario["provisioner"]["inventory"]["group_vars"]["flask_servers"]["healthy"]


class Guarded(t.NamedTuple):
    """The files that no attack may change, and the leavings of attacks, of which there must be none."""

    files: list[str]
    # Processes of the hostile user outside of its instances, processes of runs that have ended, and set-user-ID programs.
    left: list[str]


class Scene:
    """The host, the applications on it, and the controller."""

    def __init__(self, host: Host, directory: Path) -> None:
        self.host, self.directory = host, directory
        self.source = Source(directory, CHECKOUT / "tests/apps/hostile")
        self.source.root.joinpath("requirements.txt").write_text(f"{FLASK}\n./local\n")
        self.app = changed(LIVE_APP, source=self.source.path)
        self.healthy = healthy()
        self.secrets = [app["secrets"]["DATABASE"] for app in self.healthy.values()]
        self.mode = int(time.time())
        self.controller = Controller(directory, {"defaults": {"stdout_callback": "ansible.posix.json"}})
        self.loads = {name: Load([host], name, RATE, f"/run/load-{name}-{self.mode}.jsonl") for name in HEALTHY}

    def begin(self, *hostile: Description, playbook: str = "site", **variables: t.Any) -> Going:
        """Start a run for hostile applications together with the healthy ones, which get another mode with every run."""
        self.mode += 1
        calm = [changed(app, env={"LEDGER_MODE": str(self.mode)}) for app in self.healthy.values()]
        described = {"flask_app_cache_dir": str(self.directory / "cache"), "flask_apps": [*hostile, *calm]}
        inventory = self.controller.inventory("inventory", {self.host.name: self.controller.by_engine(self.host)}, described)
        options = ["--extra-vars", json.dumps(variables)] if variables else []
        return self.controller.begin(inventory, CHECKOUT / "playbooks" / f"{playbook}.yml", *options)

    def end(self, going: Going) -> Run:
        """Wait for the end of a run, which no application may delay, and require that it names no secret and shows no internals."""
        run = going.wait(RUN_SECONDS)
        assert run.seconds < RUN_SECONDS, f"the run did not end within {RUN_SECONDS} s: {run.output[-2000:]}{run.errors[-2000:]}"
        shown = run.output + run.errors
        told = [secret for secret in [*self.secrets, LIVE_APP["secrets"]["TOKEN"]] if secret in shown]
        assert not told, f"the output has the secrets {told}"
        assert "Traceback" not in shown, f"the output has no plain message: {shown[-3000:]}"
        return run

    def run(self, *hostile: Description, playbook: str = "site", **variables: t.Any) -> Run:
        """Run a playbook; see `begin` and `end`."""
        return self.end(self.begin(*hostile, playbook=playbook, **variables))

    def deploy(self, *hostile: Description) -> Run:
        """Deploy what must become live in spite of what it does."""
        run = self.run(*hostile).require_success()
        self.require_switched()
        return run

    def require_switched(self) -> None:
        """Require that the healthy applications serve what the last run has deployed."""
        for name in HEALTHY:
            mode = self.host.page(name)["mode"]
            assert mode == str(self.mode), f"{name} serves the mode {mode} and not {self.mode}, which the last run has deployed"

    def require_refused(self, run: Run, *texts: str) -> None:
        """Require that a run has failed with one message that has all the texts, and has deployed the healthy applications."""
        run.require_failure(self.host, *texts)
        self.require_switched()

    def inside(self, program: str) -> str:
        """Run a Python program in the sandbox of the hostile application and return what it prints."""
        script = f"import io, sys\nsys.stdin = io.StringIO({program!r})\n{_POST}"
        status, _blank, body = self.host.run("python3", "-", given=script).partition(" ")
        assert status == "200", f"the hostile application answers {status}: {body[:500]}"
        answer = json.loads(body)
        assert answer["code"] == 0, f"the program ended with {answer['code']}: {answer['output']}"
        stolen = [secret for secret in self.secrets if secret in answer["output"]]
        assert not stolen, f"the hostile application has read the secrets {stolen}"
        return str(answer["output"])

    def error_inside(self, *statements: str) -> dict[str, str]:
        """Return the name of the error that each statement ends with in the sandbox, empty where it works."""
        program = (
            "import errno, fcntl, glob, json, os, shutil, signal, socket, subprocess\n"
            f"found = {{}}\nfor statement in {list(statements)!r}:\n"
            "    try:\n        exec(statement)\n        found[statement] = ''\n"
            "    except OSError as error:\n        found[statement] = errno.errorcode[error.errno]\n"
            "print(json.dumps(found))\n"
        )
        return json.loads(self.inside(program))

    def live(self, name: str = HOSTILE) -> str:
        """Return the id of the live instance of an application."""
        return self.host.run("readlink", f"/run/flask/{name}/uwsgi.sock").strip().removesuffix(".sock")

    def guarded(self) -> Guarded:
        """Return what root and the healthy applications have, and what is left of attacks."""
        digest = self.host.run("python3", "-", *PLACES, given=(SHARED / "digest.py").read_text()).splitlines()
        accounts = self.host.shell("cat /etc/passwd /etc/group /etc/shadow").splitlines()
        files = [line for line in digest if not OF_APPLICATIONS.search(line) and not ACCOUNTS.match(line)]
        left = self.host.run("python3", "-", given=(SCENARIO / "files" / "left.py").read_text()).splitlines()
        return Guarded(sorted([*files, *(line for line in accounts if HOSTILE not in line)]), left)

    def secret_places(self) -> str:
        """Return where a secret of the healthy applications can be read, empty where that is in their own files only."""
        finder = (SHARED / "find_secret.py").read_text()
        found = ""
        for secret in self.secrets:
            try:
                self.host.run("python3", "-", base64.b64encode(secret.encode()).decode(), given=finder)
            except Failed as error:
                found += str(error)
        return found
