# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Units of workers as systemd reads them, and which of them a host has."""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.plugins.plugin_utils.orders import instances
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi.worker_units import command_line, numbered, quoted
from ansible_collections.flaskops.stack.tests.unit import render
from ansible_collections.flaskops.stack.tests.unit.parse import unit
from ansible_collections.flaskops.stack.tests.unit.render import complete, instance

QUEUE = {"name": "queue", "command": "rq worker"}
CLEAN = {"name": "clean", "command": "flask clean", "schedule": "*-*-* 03:00", "timeout": 90}


def service(worker, **changes) -> dict[str, str]:
    app = complete(workers=[{**QUEUE, **worker}], **changes)
    return dict(unit(instance(app)["workers"]["queue.1"])["Service"])


@pytest.fixture
def on_first(monkeypatch):
    """Return a function that renders an instance for a host which is the first of its application, or another."""

    def rendered(first: bool, app):
        monkeypatch.setattr(instances, "has_single_workers", lambda *_: first)
        monkeypatch.setattr(render, "_SHIPPED", {})
        return instance(app)

    return rendered


def test_a_worker_runs_as_the_application_does():
    app = complete(workers=[QUEUE], sandbox={"network": "local"})
    made = instance(app)
    own = {name for name, _value in unit(made["unit"])["Service"]} | {name for name, _value in unit(made["drop_in"])["Service"]}
    found = unit(made["workers"]["queue.1"])["Service"]
    # systemd has these for uWSGI alone.
    assert own - {name for name, _value in found} == {"ExecStartPre", "ExecStartPost", "TimeoutStartSec"}
    assert ("IPAddressDeny", "any") in found
    assert ("Environment", "FLASKOPS_ROLE=worker") in found
    assert ("EnvironmentFile", "/etc/flask/shop/%i.secrets") in found


def test_keys_of_a_worker_become_directives():
    keys = {"stop_signal": "SIGINT", "stop_timeout": 7, "memory_max": "64M", "tasks_max": 33}
    found = service(keys)
    assert [found[name] for name in ("KillSignal", "TimeoutStopSec", "MemoryMax", "TasksMax")] == ["SIGINT", "7", "64M", "33"]
    assert "MemoryMax" not in service({})


@pytest.mark.parametrize("kind", ["workers", "timers"])
def test_the_services_of_the_host_stop_after_a_worker_and_start_before_a_timer(kind):
    made = instance(complete(workers=[QUEUE], timers=[CLEAN]))
    text = made["workers"]["queue.1"] if kind == "workers" else made["timers"]["clean"]["service"]
    after = " ".join(value for name, value in unit(text)["Unit"] if name == "After").split()
    assert {"network.target", "postgresql.service", "redis-server.service", "rabbitmq-server.service"} <= set(after)


def test_a_worker_that_stands_alone_holds_a_lock():
    assert service({"overlap": False})["ExecStart"].startswith("/usr/bin/flock --no-fork /run/flask/shop/own/%p.lock /bin/sh -c ")
    assert "flock" not in service({})["ExecStart"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("%h", '"%%h"'),
        ("$HOME ${A}", '"$$HOME $${A}"'),
        ('say "hello"', r'"say \"hello\""'),
        (r"back\n", r'"back\\n"'),
        ("it's ; | &  <", '"it\'s ; | &  <"'),
        ("two\nlines\tand\x7f", r'"two\x0alines\x09and\x7f"'),
    ],
)
def test_systemd_reads_a_command_as_it_was_written(text, line):
    """systemd.service(5), "Command lines": what doubles and what a backslash keeps."""
    assert quoted(text) == line


def test_the_variables_of_a_worker_go_before_those_of_the_application(tmp_path):
    line = command_line("printenv MODE", {"MODE": 'a "b"'})
    assert line == '/usr/bin/env "MODE=a \\"b\\"" /bin/sh -c "exec printenv MODE"'
    ran = subprocess.run(line, shell=True, capture_output=True, text=True, check=True, env={"MODE": "other", "PATH": "/usr/bin:/bin"})
    assert ran.stdout == 'a "b"\n'


def test_a_host_has_as_many_as_are_described_and_single_ones_only_if_it_is_the_first():
    app = {"workers": [{"name": "queue", "count": 2, "hosts": "all"}, {"name": "beat", "count": 1, "hosts": "one"}]}
    assert numbered(app, {"all": True, "one": True}) == ["queue.1", "queue.2", "beat.1"]
    assert numbered(app, {"all": True, "one": False}) == ["queue.1", "queue.2"]


def test_an_instance_has_the_same_id_on_the_hosts_that_lack_a_single_worker(on_first):
    single = complete(workers=[{**QUEUE, "hosts": "one"}])
    here, there = (on_first(first, single) for first in (True, False))
    assert here["id"] == there["id"]
    assert list(here["workers"]) == ["queue.1"]
    assert "workers" not in there


@pytest.mark.parametrize("change", [{"count": 2}, {"command": "rq worker high"}, {"overlap": False}, {"hosts": "one"}, {"env": {"A": "b"}}])
def test_a_change_of_a_worker_is_another_instance(on_first, change):
    assert instance(complete(workers=[QUEUE]))["id"] != on_first(True, complete(workers=[{**QUEUE, **change}]))["id"]


def test_a_timer_starts_a_command_in_the_release_and_never_two_at_once():
    texts = instance(complete(timers=[{**CLEAN, "catch_up": True}]))["timers"]["clean"]
    assert dict(unit(texts["timer"])["Timer"]) == {"OnCalendar": "*-*-* 03:00", "AccuracySec": "1s", "Persistent": "true"}
    found = unit(texts["service"])["Service"]
    assert ("Environment", "FLASKOPS_ROLE=timer") in found
    assert ("TimeoutStartSec", "90") in found
    lock = "/run/flask/shop/own/clean.lock"
    start = f'/usr/bin/flock --no-fork --nonblock --conflict-exit-code 0 {lock} /bin/sh -c "exec flask clean"'
    assert ("ExecStart", start) in found
    # A timer may elapse each second, and systemd would refuse more than five starts in ten seconds.
    assert ("StartLimitIntervalSec", "0") in unit(texts["service"])["Unit"]


def test_a_worker_and_a_timer_of_one_name_are_refused():
    with pytest.raises(AppError, match=r"shop\.timers\[0\]\.name is 'clean', as in workers\[0\]; give each its own name\."):
        complete(workers=[{**QUEUE, "name": "clean"}], timers=[CLEAN])
