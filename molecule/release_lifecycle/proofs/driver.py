"""Drive the applications of the scenario through releases: sources, runs of playbooks, and what the hosts have afterwards."""

from __future__ import annotations

import base64
import contextlib
import copy
import dataclasses
import functools
import hashlib
import io
import itertools
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
import typing as t
import zipfile
from collections.abc import Iterator
from pathlib import Path

import yaml

HERE = Path(__file__).parent
SCENARIO = HERE.parent
CHECKOUT = SCENARIO.parents[1]
APP, NEIGHBOUR = "ledger", "neighbour"
WHEELS = "/opt/wheels"
# No run takes so long, however slow the machine is.
RUN_SECONDS = 600

Description = dict[str, t.Any]
State = dict[str, t.Any]


def group_vars() -> dict[str, t.Any]:
    """Return the variables of the scenario's hosts."""
    scenario = yaml.safe_load((SCENARIO / "molecule.yml").read_text().replace("${MOLECULE_PROJECT_DIRECTORY}", str(CHECKOUT)))
    return scenario["provisioner"]["inventory"]["group_vars"]["flask_servers"]


def changed(description: Description, **changes: t.Any) -> Description:
    """Return a description with other values; ``None`` takes a key away, and of a dict only what is written changes."""
    result = copy.deepcopy(description)
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict) and key != "source":
            result[key] = changed(result[key], **value)
        else:
            result[key] = value
    return result


def wheel(directory: Path, name: str, version: str, files: t.Mapping[str, str], requires: t.Iterable[str] = ()) -> Path:
    """Write a wheel (PEP 427) and return its path."""
    info = f"{name}-{version}.dist-info"
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {item}" for item in requires)]
    members = {
        **files,
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: proofs\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }

    def line(path: str, text: str) -> str:
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        return f"{path},sha256={digest},{len(text.encode())}\n"

    members[f"{info}/RECORD"] = "".join(line(path, text) for path, text in members.items()) + f"{info}/RECORD,,\n"
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for path, text in members.items():
            archive.writestr(path, text)
    return target


class Source:
    """The application's code in a directory of its own, which proofs write to; no page has the same name in two sessions."""

    _counter = itertools.count(1)
    _session = f"{int(time.time()):x}"

    def __init__(self, directory: Path, code: Path) -> None:
        self.directory = directory
        self.root = directory / f"code-{next(self._counter)}"
        self.wheels = directory / "wheels"
        self.wheels.mkdir(exist_ok=True)
        shutil.copytree(code, self.root, ignore=shutil.ignore_patterns("__pycache__", ".git"))

    def copy(self) -> Source:
        """Return the same code in another place."""
        return Source(self.directory, self.root)

    @property
    def path(self) -> Description:
        return {"path": str(self.root)}

    def write(self, page: str, body: str = "") -> str:
        """Give the code another page, with more code or without; return the page's name."""
        name = f"{page} {self._session}.{next(self._counter)}"
        (self.root / "page.py").write_text(f'NAME = "{name}"\n\n\ndef health():\n    return "well"\n\n\n{body}')
        return name

    def require(self, *lines: str) -> None:
        """Write what the code requires beside Flask."""
        (self.root / "requirements.txt").write_text("".join(f"{line}\n" for line in ["Flask==3.1.3", *lines]))

    def git(self) -> Description:
        """Commit the code and return the source of the commit's branch."""
        identity = ["-c", "user.name=proofs", "-c", "user.email=proofs@example.com"]
        commands = [["init", "--quiet", "--initial-branch=main"], ["add", "--all"], [*identity, "commit", "--quiet", "--message=proof"]]
        for command in commands:
            subprocess.run(["git", "-C", str(self.root), *command], check=True)
        return {"git": str(self.root), "version": "main"}

    def archive(self) -> Description:
        """Pack the code, with a directory at the top as forges do, and return the source of the archive."""
        target = self.directory / f"ledger-{next(self._counter)}.tar.gz"
        with tarfile.open(target, "w:gz") as tar:
            for file in sorted(path for path in self.root.iterdir() if path.is_file()):
                content = file.read_bytes()
                member = tarfile.TarInfo(f"ledger-main/{file.name}")
                member.size, member.mtime = len(content), int(time.time())
                tar.addfile(member, io.BytesIO(content))
        return {"archive": str(target), "sha256": hashlib.sha256(target.read_bytes()).hexdigest()}

    def package(self) -> Description:
        """Publish the code on the controller's package index and return the source of the package."""
        version = f"1.{next(self._counter)}"
        files = {file.name: file.read_text() for file in self.root.glob("*.py")}
        wheel(self.wheels, "ledger", version, files, ["Flask==3.1.3"])
        return {"package": f"ledger=={version}"}

    def elsewhere(self) -> Description:
        """Return the source of the same code in another place, with other times and other modes."""
        copied = self.copy()
        for file in copied.root.iterdir():
            os.utime(file, (0, 0))
            file.chmod(0o600)
        return copied.path


@dataclasses.dataclass(frozen=True)
class Sample:
    """A request of the load and its answer."""

    due: float
    seconds: float
    status: int
    body: str

    @functools.cached_property
    def page(self) -> str:
        """The page's name, empty where the answer is none of the application."""
        try:
            return str(json.loads(self.body)["page"])
        except (ValueError, KeyError, TypeError):
            return ""


class Host:
    """A host of the scenario."""

    def __init__(self, name: str, container: str) -> None:
        self.name, self.container = name, container

    def __repr__(self) -> str:
        return self.name

    def run(self, *command: str, given: str | bytes = "", check: bool = True) -> str:
        """Run a command inside and return what it prints."""
        raw = given.encode() if isinstance(given, str) else given
        done = subprocess.run(["docker", "exec", "-i", self.container, *command], check=False, input=raw, capture_output=True)
        out, errors = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        assert not check or done.returncode == 0, f"{self.name}: {' '.join(command)} ended with {done.returncode}: {out}{errors}"
        return out

    def background(self, script: str, *arguments: str) -> None:
        """Start a script of this directory inside and leave it to itself."""
        path = f"/usr/local/lib/{script}"
        self.run("sh", "-c", f"cat > {path}", given=(HERE / script).read_text())
        subprocess.run(["docker", "exec", "--detach", self.container, "python3", path, *arguments], check=True, stdout=subprocess.DEVNULL)

    def look(self, name: str = APP) -> State:
        """Return what the host has of an application; ``look.py`` says what that is."""
        return json.loads(self.run("python3", "-", name, given=(HERE / "look.py").read_text()))

    def get(self, site: str = APP) -> tuple[int, str]:
        """Ask nginx for the page of a site; status 0 is no answer."""
        script = (
            "import http.client\n"
            "connection = http.client.HTTPConnection('127.0.0.1', 80, timeout=20)\n"
            "try:\n"
            f"    connection.request('GET', '/', headers={{'Host': {site!r}}})\n"
            "    answer = connection.getresponse()\n"
            "    print(answer.status, answer.read().decode())\n"
            "except (OSError, http.client.HTTPException) as error:\n"
            "    print(0, repr(error))\n"
        )
        status, _blank, body = self.run("python3", "-", given=script).partition(" ")
        return int(status), body.strip()

    def page(self, site: str = APP) -> State:
        status, body = self.get(site=site)
        assert status == 200, f"{self.name}: the site answers {status}: {body}"
        return json.loads(body)

    def lines(self, path: str) -> list[t.Any]:
        """Return the lines of JSON of a file; the last one may still be written."""
        text = self.run("cat", path, check=False)
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


@dataclasses.dataclass(frozen=True)
class Run:
    """What became of a run of a playbook, by host."""

    began: float
    ended: float
    messages: dict[str, str]
    changed: dict[str, list[str]]
    made: dict[str, list[str]]
    removed: dict[str, list[str]]
    # The tasks that sent something to the host, one for each round trip.
    trips: dict[str, list[str]]
    said: str
    output: str

    def require_success(self) -> Run:
        assert self.output, f"the run failed: {self.said}"
        assert not self.messages, f"the run failed: {self.messages}"
        return self

    def require_failure(self, host: Host, *texts: str) -> None:
        message = self.messages.get(host.name)
        assert message, f"{host}: the run should have failed with a message with {texts}, but it did not; {self.said}"
        missing = [text for text in texts if text not in message]
        assert not missing, f"{host}: the message has no {missing}: {message}"

    def require_nothing_changed(self, because: str) -> None:
        assert not any(self.changed.values()), f"{because}, but these tasks changed something: {self.changed}"


def parse(stdout: str, stderr: str, began: float, sent: str = "") -> Run:
    """Return what Ansible's JSON callback printed, and what the callback round_trips wrote."""
    start = stdout.find("{\n")
    try:
        document = json.loads(stdout[start:]) if start >= 0 else {}
    except ValueError:
        document = {}
    messages: dict[str, str] = {}
    changes: dict[str, list[str]] = {}
    made: dict[str, list[str]] = {}
    removed: dict[str, list[str]] = {}
    warned: list[str] = []
    for play in document.get("plays", []):
        for task in play["tasks"]:
            for host, result in task["hosts"].items():
                changes.setdefault(host, [])
                if result.get("failed") or result.get("unreachable"):
                    messages[host] = str(result.get("msg"))
                if result.get("changed"):
                    changes[host].append(task["task"]["name"])
                warned += [f"{host}: {warning}" for warning in result.get("warnings") or []]
                made.setdefault(host, []).extend(result.get("made") or [])
                removed.setdefault(host, []).extend(result.get("removed") or [])
    trips: dict[str, list[str]] = {}
    for line in map(json.loads, sent.splitlines()):
        trips.setdefault(line["host"], []).append(line["task"].rpartition(" : ")[2])
    said = "\n".join(part for part in (*warned, stderr.strip(), "" if document else stdout.strip()) if part)
    return Run(began, time.time(), messages, changes, made, removed, trips, said, json.dumps(document) if document else "")


class Site:
    """The hosts, and the description of the application that is deployed to them."""

    def __init__(self, hosts: list[Host], directory: Path) -> None:
        self.hosts, self.directory = hosts, directory
        self.variables = group_vars()
        self.first, self.neighbour = (next(app for app in self.variables["flask_apps"] if app["name"] == name) for name in (APP, NEIGHBOUR))
        self.source = Source(directory, CHECKOUT / "tests/apps/ledger")
        # What is deployed now.
        self.app = changed(self.first, source=self.source.path)
        self.cache = directory / "cache"
        self.configuration = directory / "ansible.cfg"
        self.configuration.write_text(
            "[defaults]\nstdout_callback = ansible.posix.json\ninject_facts_as_vars = false\n"
            f"fact_caching = ansible.builtin.jsonfile\nfact_caching_connection = {directory}/facts\n"
            "[connection]\npipelining = true\n"
        )
        self.host_variables: dict[str, dict[str, t.Any]] = {host.name: {} for host in hosts}

    def run(self, playbook: str = "deploy", described: Description | None = None, limit: Host | None = None, **variables: t.Any) -> Run:
        """Run a playbook and return what became of it.

        :param described: the application, if it is not as it was deployed last
        :param variables: what a user would give with --extra-vars
        """
        shipped = CHECKOUT / "playbooks" / f"{playbook}.yml"
        inventory = self.directory / "inventory.json"
        inventory.write_text(json.dumps(self._inventory(described or self.app)))
        sent = self.directory / "round_trips.jsonl"
        sent.write_text("")
        environment = {
            # Those of Ansible are Molecule's and meant for its own runs.
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_") or name == "ANSIBLE_COLLECTIONS_PATH"},
            "ANSIBLE_CONFIG": str(self.configuration),
            "ANSIBLE_CALLBACK_PLUGINS": str(CHECKOUT / "tests/callback"),
            "ANSIBLE_CALLBACKS_ENABLED": "round_trips",
            "ROUND_TRIPS": str(sent),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.source.wheels),
        }
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "--inventory", str(inventory)]
        command += ["--limit", limit.name] if limit else []
        command += ["--extra-vars", json.dumps(variables)] if variables else []
        began = time.time()
        path = shipped if shipped.exists() else SCENARIO / f"{playbook}.yml"
        done = subprocess.run(
            [*command, str(path)], check=False, cwd=self.directory, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS
        )
        for secret in (described or self.app)["secrets"].values():
            assert secret not in done.stdout + done.stderr, f"the output of {playbook} has the secret {secret}"
        return parse(done.stdout, done.stderr, began, sent.read_text())

    def deploy(self, app: Description, **variables: t.Any) -> Run:
        """Deploy what must be good, and take it for the description from now on."""
        run = self.run("deploy", app, **variables).require_success()
        self.app = app
        return run

    def _inventory(self, app: Description) -> dict[str, t.Any]:
        hosts = {
            host.name: {
                "ansible_connection": "community.docker.docker",
                "ansible_host": host.container,
                "ansible_python_interpreter": "/usr/bin/python3",
                **self.host_variables[host.name],
            }
            for host in self.hosts
        }
        variables = {**self.variables, "flask_app_cache_dir": str(self.cache), "flask_apps": [app, self.neighbour]}
        return {"flask_servers": {"hosts": hosts, "vars": variables}}

    def publish(self, name: str, version: str, files: t.Mapping[str, str], *hosts: Host) -> None:
        """Put a package where pip on the hosts looks."""
        file = wheel(self.directory / "published", name, version, files)
        for host in hosts or self.hosts:
            host.run("sh", "-c", f"cat > {WHEELS}/{file.name}", given=file.read_bytes())

    def look(self, name: str = APP) -> dict[str, State]:
        return {host.name: host.look(name) for host in self.hosts}

    @contextlib.contextmanager
    def load(self, rate: float = 25) -> Iterator[Load]:
        """Ask all hosts all the time."""
        load = Load(self.hosts, f"/run/load-{time.time_ns()}.jsonl")
        for host in self.hosts:
            host.background("load.py", APP, str(rate), load.file)
        try:
            time.sleep(1)
            yield load
        finally:
            for host in self.hosts:
                host.run("touch", f"{load.file}.stop")


class Load:
    """Requests that are made all the time."""

    def __init__(self, hosts: list[Host], file: str) -> None:
        self.hosts, self.file = hosts, file
        # Until then nothing else went on.
        self.rested = 0.0
        # When a host switched, by its name.
        self.switches: dict[str, list[float]] = {}

    def samples(self, host: Host, since: float = 0, until: float = float("inf")) -> list[Sample]:
        """Return the requests that were due in a time, in the order of their answers."""
        found = [Sample(*line) for line in host.lines(self.file)]
        return [sample for sample in found if since <= sample.due < until]

    def require_no_loss(self, host: Host, since: float, until: float, pages: t.Collection[str]) -> None:
        """Require that every request got the answer of one of the releases that may answer."""
        samples = self.samples(host, since, until)
        assert len(samples) >= (until - since) * 5, f"{host}: the load made {len(samples)} requests in {until - since:.0f} s only"
        bad = [sample for sample in samples if sample.status != 200]
        assert not bad, f"{host}: {len(bad)} of {len(samples)} requests failed: {bad[:3]}"
        others = {sample.page for sample in samples} - set(pages)
        assert not others, f"{host}: {others} answered, where only {pages} may"


def percentile(samples: t.Sequence[Sample], percent: float) -> float:
    """Return the milliseconds that so many percent of the requests took at most."""
    ordered = sorted(sample.seconds for sample in samples)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000 if ordered else float("nan")
