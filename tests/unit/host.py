# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host in a directory: systemd, the clock and the sockets are played, files and links are real."""

from __future__ import annotations

import copy
import fnmatch
import getpass
import json
import os
import shutil
import stat
import typing as t
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app import layout
from ansible_collections.flaskops.stack.plugins.module_utils.host import systemd, trees
from ansible_collections.flaskops.stack.plugins.module_utils.host.times import NoTimeError
from ansible_collections.flaskops.stack.plugins.module_utils.instance import gate, schedules, settling, trial
from ansible_collections.flaskops.stack.plugins.module_utils.instance import workers as instance_workers
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import Instance
from ansible_collections.flaskops.stack.plugins.module_utils.instance.uwsgi_client import Answer
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.host import host_app
from ansible_collections.flaskops.stack.tests.unit.render import complete

# The attributes with the state of a host that is not in its directory.
STATE = ("now", "units", "events", "asked", "log", "late_log", "unread_log", "_answers", "_starts", "_kill_in")


def _copy_tree(source: Path, target: Path) -> None:
    """Copy a tree with its links and sockets."""

    def copy_file(old: str, new: str) -> None:
        if stat.S_ISSOCK(os.lstat(old).st_mode):
            os.mknod(new, os.lstat(old).st_mode)
            shutil.copystat(old, new)
        else:
            shutil.copy2(old, new)

    shutil.copytree(source, target, symlinks=True, copy_function=copy_file)


class Killed(BaseException):
    """The run ends here, without a chance to clean up."""


class Host:
    """One host. Its events are in `events`; how instances behave is set by `behave`."""

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place, self.now = place, 1000.0
        self.units: dict[str, dict[str, str]] = {}
        self.events: list[str] = []
        self.asked: list[tuple[str, str, str]] = []
        self.log = ["Traceback", "ImportError: no module"]
        # Log lines without an invocation id, which journald has read after the end of the unit.
        self.late_log: list[str] = []
        # Log lines that journald has been sent and has not read yet.
        self.unread_log: list[str] = []
        # Log lines of systemd itself.
        self.systemds: list[str] = []
        self._answers: dict[str, list[Answer | OSError]] = {}
        self._starts: dict[str, dict[str, str]] = {}
        self._kill_in = -1
        # Units of whose runs the journal knows.
        self.ran: set[str] = set()
        # Each unit with the ids of its invocations, also of those that are over.
        self._invocations: set[tuple[str, str]] = set()
        # Workers that hold a job when they are asked to stop.
        self.holding: set[str] = set()
        self.unit_dir = place / "systemd"
        self._kept = place.with_name(f"{place.name}.kept")
        self._kept_state: dict[str, t.Any] = {}
        self.take_over(monkeypatch)

    def take_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have the code meet this host from now on."""
        for module in (layout, systemd):
            monkeypatch.setattr(module, "UNIT_DIR", str(self.unit_dir))
        for name in ("SYSUSERS_DIR", "TIMER_STAMPS", "TMPFILES_DIR"):
            monkeypatch.setattr(layout, name, str(self.place / name))
        for name in (
            "daemon_reload",
            "show",
            "being_stopped",
            "running",
            "start",
            "stop",
            "stop_soon",
            "has_run",
            "reset_failed",
            "enable",
            "disable",
            "stop_later",
            "stop_when_started",
            "run_later",
            "journal",
            "sync_journal",
            "words_about",
        ):
            monkeypatch.setattr(systemd, name, getattr(self, f"_{name}"))
        monkeypatch.setattr(schedules, "never_comes", self._never_comes)
        monkeypatch.setattr(gate, "request", self._request)
        monkeypatch.setattr(gate, "lines_of_nobody", lambda _unit, _since: self.late_log)
        monkeypatch.setattr(trial, "PROGRAM", str(self.place / "var/trial.pyz"))
        clock = SimpleNamespace(monotonic=lambda: self.now, time=lambda: 1e9 + self.now, sleep=self._sleep)
        for module in (gate, settling, instance_workers):
            monkeypatch.setattr(module, "time", clock)
        # Tests need not survive a power failure, so they do not wait for the disk.
        monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
        for name in ("replace", "rename", "unlink"):
            monkeypatch.setattr(os, name, self._killable(getattr(os, name)))
        monkeypatch.setattr(trees, "remove", self._killable(trees.remove))

    # --- what tests say ---------------------------------------------------------------------------------------------------

    def app(self, name: str = "shop", **changes: t.Any) -> dict[str, t.Any]:
        """Return what the host gets of a description, with every directory of its own on this host."""
        places = {key: f"{self.place}/{key}/{name}" for key in ("root", "config_dir", "run_dir")}
        made = {**host_app(complete(name=name, **changes)), **places, "user": getpass.getuser()}
        for directory in (
            made["config_dir"],
            f"{made['run_dir']}/own",
            f"{made['root']}/releases",
            f"{made['root']}/venvs",
            f"{made['root']}/public",
            self.unit_dir,
        ):
            os.makedirs(directory, exist_ok=True)
        return made

    def candidate(
        self,
        id_: str,
        release: str = "r1",
        name: str = "shop",
        unit: str = "unit 1",
        pool: bool = False,
        workers: dict[str, str] | None = None,
        timers: dict[str, dict[str, str]] | None = None,
        **changes: t.Any,
    ) -> Instance:
        """Return an instance of a release that was built just now; `release` may be empty for prebuilt code.

        :param pool: whether it has a pool for streams
        :param workers: the units of its workers, by name and number
        :param timers: the units of its timers, by name
        """
        app = self.app(name, **changes)
        built = {
            "id": release,
            "path": f"{app['root']}/releases/{release}",
            "virtualenv_path": f"{app['root']}/venvs/v-{release}",
            "revision": f"rev {release}",
        }
        if release:
            self.build(app, release)
        files = {"ini": f"[uwsgi]\nchdir = {built['path']}\n# {id_}\n", "env": 'A="b"\n', "secrets": 'TOKEN="hunter2"\n'}
        made = {**app, "id": id_, "release": {**built, "callable": ""}, "files": files, "unit": unit, "drop_in": f"drop-in {id_}"}
        if pool:
            files["stream"] = f"[uwsgi]\nchdir = {built['path']}\n# streams of {id_}\n"
            made |= {"stream_unit": f"streams {unit}", "stream_drop_in": f"drop-in of streams {id_}"}
        beside = {"workers": workers, "timers": timers}
        return Instance({**made, **{kind: texts for kind, texts in beside.items() if texts}})

    def build(self, app: dict[str, t.Any], release: str) -> None:
        """Put a release with its virtualenv there, as the role flask_app does."""
        root = Path(app["root"])
        for directory in (root / "releases" / release, root / "venvs" / f"v-{release}"):
            (directory / "web").mkdir(parents=True, exist_ok=True)
            (directory / "web/style.css").write_text(release)
            age = 1_000_000_000 + int(self.now)
            os.utime(directory, (age, age))
        record = {"id": release, "virtualenv_id": f"v-{release}", "callable": "", "revision": f"rev {release}"}
        (root / "releases" / f"{release}.json").write_text(json.dumps(record))
        (root / "next").unlink(missing_ok=True)
        (root / "next").symlink_to(f"releases/{release}")
        self.now += 1

    def behave(self, unit: str, *answers: int | str | tuple[int, str] | OSError, **state: str) -> None:
        """Say what a unit becomes when it is started (default: active), and what it answers, the last answer for ever."""
        if state:
            self._starts[unit] = state
        if answers:
            whole = [
                answer if isinstance(answer, OSError) else Answer(*(answer if isinstance(answer, tuple) else (answer, "")))
                for answer in answers
            ]
            self._answers[unit] = whole

    def is_running(self, unit: str) -> bool:
        return self.units.get(unit, {}).get("ActiveState") == "active"

    def enabled(self) -> set[str]:
        """Return the units that start at boot."""
        wants = self.unit_dir / "multi-user.target.wants"
        return {entry.name for entry in wants.iterdir()} if wants.is_dir() else set()

    def timers(self) -> set[str]:
        """Return the drain timers."""
        return {unit for unit, state in self.units.items() if "stops" in state and unit.endswith(".timer")}

    def elapse(self) -> None:
        """Let every drain time pass."""
        for timer in sorted(self.timers()):
            self._stop(self.units.pop(timer)["stops"].split())

    def end_jobs(self) -> None:
        """Let the jobs end that workers wait for which are to start again; then the workers are stopped that wait for the start of these."""
        for unit in [unit for unit, state in self.units.items() if "awaits" in state]:
            waits = self.units.pop(unit)
            self.units.update({awaited: {"ActiveState": "active", "SubState": "running"} for awaited in waits["awaits"].split()})
            self._stop_soon(waits["stops"].split())

    def tree(self, *skipped: str) -> dict[str, str]:
        """Return everything on the disk: text, or `-> target` of a link; without what has one of `skipped` in its path."""
        found = {}
        for path in sorted(self.place.rglob("*")):
            name = str(path.relative_to(self.place))
            if not any(part in name for part in skipped) and (path.is_symlink() or path.is_file()):
                found[name] = f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
        return found

    def kill_in(self, steps: int) -> None:
        """Have the run die before the n-th call from now that changes something."""
        self._kill_in = steps

    def keep(self) -> None:
        """Keep this host as it is, so that `revive` can bring it back."""
        _copy_tree(self.place, self._kept)
        self._kept_state = copy.deepcopy({name: getattr(self, name) for name in STATE})

    def revive(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make this host what it was when it was kept, and have the code meet it."""
        shutil.rmtree(self.place)
        _copy_tree(self._kept, self.place)
        vars(self).update(copy.deepcopy(self._kept_state))
        self.take_over(monkeypatch)

    # --- what the code meets ----------------------------------------------------------------------------------------------

    def _killable(self, call: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        def killable(*args: t.Any, **more: t.Any) -> t.Any:
            self._step()
            return call(*args, **more)

        return killable

    def _step(self) -> None:
        if self._kill_in == 0:
            raise Killed
        self._kill_in -= 1

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def _sleep(self, seconds: float) -> None:
        """Sleep as a test may have replaced it."""
        self.sleep(seconds)

    def _daemon_reload(self) -> None:
        self._step()
        self.events.append("reload")

    def _show(self, units: t.Sequence[str]) -> dict[str, dict[str, str]]:
        unknown = {"ActiveState": "inactive", "SubState": "dead", "NRestarts": "0", "ExecMainStatus": "0", "InvocationID": ""}
        return {unit: {**unknown, **self.units.get(unit, {})} for unit in units}

    def _being_stopped(self, units: t.Sequence[str]) -> set[str]:
        if units:
            self.events.append(f"ask for jobs of {' '.join(sorted(units))}")
        return {unit for unit in units if self.units[unit].get("job") == "stop"}

    def _running(self, pattern: str) -> list[str]:
        return [unit for unit in self.units if fnmatch.fnmatch(unit, pattern) and self.is_running(unit)]

    def _start(self, units: t.Sequence[str]) -> None:
        for unit in units:
            self._step()
            self.events.append(f"start {unit}")
            if not self.is_running(unit):
                self.units[unit] = {
                    "ActiveState": "active",
                    "SubState": "running",
                    "InvocationID": f"run of {unit}",
                    **self._starts.get(unit, {}),
                }
                self._invocations.add((unit, self.units[unit]["InvocationID"]))
                self._make_socket(unit)

    def _make_socket(self, unit: str) -> None:
        """Make the socket of a unit of uWSGI, as it does when it begins."""
        name, _at, id_ = unit.removeprefix("flask-").removesuffix(".service").partition("@")
        app, _dot, pool = name.partition(".")
        directory = self.place / "run_dir" / app
        if self.is_running(unit) and pool in ("", "stream") and directory.is_dir():
            socket = directory / f"{id_}{'.stream' if pool else ''}.sock"
            socket.unlink(missing_ok=True)
            os.mknod(socket, stat.S_IFSOCK | 0o600)
            socket.chmod(0o660)

    def _stop(self, units: t.Sequence[str], _seconds: float = 20) -> None:
        for unit in units:
            self._step()
            self.events.append(f"stop {unit}")
            if unit.endswith(".timer"):
                self.units.pop(unit, None)
            elif self.units.get(unit, {}).get("ActiveState") not in (None, "failed"):  # what failed stays so
                self.units[unit] = {"ActiveState": "inactive", "SubState": "dead"}

    def _never_comes(self, expression: str) -> bool:
        if expression.startswith("every"):
            raise NoTimeError("Failed to parse")
        return expression.startswith("*-02-30")

    def _has_run(self, unit: str) -> bool:
        return unit in self.ran

    def _stop_soon(self, units: t.Sequence[str]) -> None:
        """Send the stop signal: a worker that is to finish a job first becomes what `holding` says."""
        for unit in units:
            self._step()
            if self.units.get(unit, {}).get("ActiveState") in ("active", "activating"):
                self.events.append(f"stop soon {unit}")
                ends = {"ActiveState": "inactive", "SubState": "dead"}
                stops = {"ActiveState": "deactivating", "SubState": "stop-sigterm", "job": "stop"}
                self.units[unit] = stops if unit in self.holding else ends

    def _reset_failed(self, units: t.Sequence[str]) -> None:
        for unit in units:
            if self.units.get(unit, {}).get("ActiveState") == "failed":
                self.units[unit] = {"ActiveState": "inactive", "SubState": "dead"}
            self.units.get(unit, {}).pop("NRestarts", None)

    def _enable(self, unit: str) -> None:
        self._step()
        self.events.append(f"enable {unit}")
        wants = self.unit_dir / "multi-user.target.wants"
        wants.mkdir(parents=True, exist_ok=True)
        if not (wants / unit).is_symlink():
            (wants / unit).symlink_to("template")

    def _disable(self, unit: str) -> None:
        self._step()
        self.events.append(f"disable {unit}")
        (self.unit_dir / "multi-user.target.wants" / unit).unlink(missing_ok=True)

    def _stop_later(self, units: t.Sequence[str], seconds: int, timer: str) -> None:
        self._step()
        self.events.append(f"stop {' '.join(units)} in {seconds}")
        assert f"{timer}.timer" not in self.units, "systemd refuses a transient unit that is there"
        self.units[f"{timer}.timer"] = {"ActiveState": "active", "stops": " ".join(units)}

    def _stop_when_started(self, units: t.Sequence[str], awaited: t.Sequence[str], unit: str) -> None:
        self._step()
        assert not self.is_running(unit), "systemd refuses a transient unit that is there"
        self.units[unit] = {"ActiveState": "active", "SubState": "running", "stops": " ".join(units), "awaits": " ".join(awaited)}

    def _run_later(self, command: t.Sequence[str], seconds: int, unit: str, *options: str) -> None:
        self._step()
        assert os.path.isfile(command[2]), "systemd starts a program that is there"
        for name in (f"{unit}.timer", f"{unit}.service"):
            assert self.units.get(name, {}).get("ActiveState", "inactive") == "inactive", "systemd refuses a transient unit that is there"
        self.units[f"{unit}.timer"] = {"ActiveState": "active", "stops": "", "runs": " ".join(command[3:]), "seconds": str(seconds)}

    def _journal(self, unit: str, lines: int = 25, invocation: str = "", since: float = 0) -> list[str]:
        assert bool(invocation) != bool(since), "an invocation, or all lines of the unit since a time"
        assert not invocation or (unit, invocation) in self._invocations
        return self.log if invocation else [*self.log, *self.late_log]

    def _sync_journal(self) -> None:
        self.log, self.unread_log = [*self.log, *self.unread_log], []

    def _words_about(self, invocation: str) -> list[str]:
        return self.systemds if invocation else []

    def _request(
        self, path: str, url: str, host: str, timeout: float, headers: t.Mapping[str, str] | None = None, script_name: str = ""
    ) -> Answer:
        self.asked.append((path, url, host))
        id_, _dot, pool = Path(path).stem.partition(".")
        unit = f"flask-{Path(path).parent.name}{'.' if pool else ''}{pool}@{id_}.service"
        assert unit in self.units
        answers = self._answers.get(unit, [Answer(200, "")])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.now += 0.01
        if isinstance(answer, OSError):
            raise answer
        return answer
