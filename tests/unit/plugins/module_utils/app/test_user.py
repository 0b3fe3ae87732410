# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The removal of an application's user, and the number of the next one."""

from __future__ import annotations

import os
import pwd
import subprocess
from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app import user
from ansible_collections.flaskops.stack.plugins.module_utils.host.processes import end_all_of, processes_of

# Nobody on the machine that runs the tests has this number.
STRANGER = 54322


@pytest.fixture
def host(monkeypatch, tmp_path):
    """A host with two users, of which one is ours; `commands` are those that were run."""
    users = {
        "flask-shop": SimpleNamespace(pw_name="flask-shop", pw_uid=998, pw_gecos="Flask application shop"),
        "backup": SimpleNamespace(pw_name="backup", pw_uid=997, pw_gecos="Nightly backups"),
    }
    commands: list[list[str]] = []
    ended: list[int] = []
    monkeypatch.setattr(pwd, "getpwnam", lambda name: users[name])
    monkeypatch.setattr(pwd, "getpwall", lambda: list(users.values()))
    monkeypatch.setattr(user, "run", lambda command, **_more: commands.append(command))
    monkeypatch.setattr(user, "end_all_of", ended.append)
    monkeypatch.setattr(user, "_RETIRED", str(tmp_path / "retired-users"))
    return SimpleNamespace(users=users, commands=commands, ended=ended)


def test_a_user_of_ours_is_removed_after_its_processes(host):
    user.remove("flask-shop", "shop")
    assert (host.ended, host.commands) == ([998], [["userdel", "flask-shop"]])


@pytest.mark.parametrize("name", ["backup", "nobody-there"])
def test_a_user_of_somebody_else_stays(host, name):
    user.remove(name, "shop")
    assert (host.ended, host.commands) == ([], [])


def test_no_application_gets_the_number_of_a_removed_user(host):
    user.add_with_new_number("flask-blog", "blog", "/srv/flask/blog/shared")
    assert host.commands == [], "no number was ever given up"
    user.remove("flask-shop", "shop")
    del host.users["flask-shop"]
    host.users["other"] = SimpleNamespace(pw_name="other", pw_uid=999, pw_gecos="")
    user.add_with_new_number("flask-blog", "blog", "/srv/flask/blog/shared")
    (program, inline, line) = host.commands[-1]
    assert (program, inline) == ("systemd-sysusers", "--inline")
    name, number = line.split()[1:3]
    assert name == "flask-blog"
    assert int(number) < 997
    assert line.endswith('"Flask application blog" /srv/flask/blog/shared /usr/sbin/nologin')


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts processes of others")
def test_all_processes_of_a_user_are_ended():
    script = "trap '' TERM INT HUP; sleep 60 & sleep 60"
    options = {"user": STRANGER, "group": STRANGER, "extra_groups": [], "start_new_session": True}
    with subprocess.Popen(["sh", "-c", script], **options) as process, subprocess.Popen(["sleep", "60"]) as other:
        assert process.pid in processes_of(STRANGER)
        end_all_of(STRANGER)
        assert processes_of(STRANGER) == []
        assert process.wait() == -9
        assert other.poll() is None, "a process of another user"
        other.kill()
