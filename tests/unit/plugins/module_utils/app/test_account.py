# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Users and directories of applications, as sysusers.d and tmpfiles.d declare them."""

from __future__ import annotations

import getpass
import grp
import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app import account, layout
from ansible_collections.flaskops.stack.plugins.module_utils.app.account import Directory, apply, declarations, directories, ensure, pending
from ansible_collections.flaskops.stack.plugins.module_utils.host import systemd
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError
from ansible_collections.flaskops.stack.tests.unit.render import complete


@pytest.fixture
def app(tmp_path, monkeypatch):
    """An application of the user who runs the tests, on a host of its own."""
    monkeypatch.setattr(layout, "SYSUSERS_DIR", str(tmp_path / "etc/sysusers.d"))
    monkeypatch.setattr(layout, "TMPFILES_DIR", str(tmp_path / "etc/tmpfiles.d"))
    monkeypatch.setattr(layout, "UNIT_DIR", str(tmp_path / "etc/systemd"))
    for name in ("daemon_reload", "start_now"):
        monkeypatch.setattr(systemd, name, lambda *_units: None)
    me = getpass.getuser()
    group = grp.getgrgid(pwd.getpwnam(me).pw_gid).gr_name
    places = {"root": f"{tmp_path}/srv/shop", "config_dir": f"{tmp_path}/etc/shop", "run_dir": f"{tmp_path}/run/shop"}
    return {"name": "shop", "user": me, "web_group": group, "prebuilt": [], "own_dirs": [], **places}


def test_what_is_declared_for_the_smallest_description():
    declared = declarations(complete())
    assert declared["/etc/sysusers.d/flask-shop.conf"].splitlines()[1:] == [
        'u flask-shop - "Flask application shop" /srv/flask/shop/shared /usr/sbin/nologin'
    ]
    lines = declared["/etc/tmpfiles.d/flask-shop.conf"].splitlines()[1:]
    assert set(lines) >= {
        *(f"d {parent} 0755 root root -" for parent in ("/srv/flask", "/etc/flask", "/run/flask")),
        "d /srv/flask/shop 0751 root flask-shop -",
        "d /srv/flask/shop/releases 0750 root flask-shop -",
        "d /srv/flask/shop/venvs 0750 root flask-shop -",
        "d /srv/flask/shop/shared 0750 flask-shop flask-shop -",
        "d /srv/flask/shop/public 0750 root www-data -",
        "d /etc/flask/shop 0750 root flask-shop -",
        "d /run/flask/shop 0751 root www-data -",
        "d /run/flask/shop/own 2750 flask-shop www-data -",
    }


def test_code_and_configuration_are_not_the_applications_to_write():
    own = {place.path for place in directories(complete()) if place.user == "flask-shop"}
    assert own == {"/srv/flask/shop/shared", "/run/flask/shop/own"}
    assert all(place.mode & 0o022 == 0 for place in directories(complete())), "nor anybody's but the owner's"


def test_directories_in_var_are_the_applications():
    declared = complete(state_dirs=["shop"], log_dirs=["shop/web"])
    assert declared["own_dirs"] == ["/var/lib/shop", "/var/log/shop/web"]
    lines = declarations(declared)["/etc/tmpfiles.d/flask-shop.conf"].splitlines()
    assert "d /var/lib/shop 0750 flask-shop flask-shop -" in lines
    assert "d /var/log/shop/web 0750 flask-shop flask-shop -" in lines


@pytest.mark.parametrize("ours", [True, False])
def test_a_directory_in_var_that_is_somebody_elses_is_refused(app, tmp_path, monkeypatch, ours):
    monkeypatch.setattr(account.user, "is_of", lambda *_about: ours)
    monkeypatch.setattr(layout, "_OWN_DIRECTORIES", {"state_dirs": str(tmp_path)})
    app["own_dirs"] = [str(tmp_path / "state")]
    assert ensure([app], check=True).paths
    (tmp_path / "state").mkdir()
    made = ensure([app], check=True)
    assert bool(made.paths) is ours
    said = made.failures.get("shop", "")
    assert (
        said.startswith(f"shop.state_dirs: {tmp_path}/state belongs to somebody else; name a directory that is not there yet") is not ours
    )


@pytest.mark.parametrize("kind", ["root's", "not there", "somebody else's", "a link"])
def test_a_directory_in_var_below_one_of_somebody_else_is_refused(app, tmp_path, monkeypatch, kind):
    monkeypatch.setattr(layout, "_OWN_DIRECTORIES", {"state_dirs": str(tmp_path)})
    monkeypatch.setattr(account, "_ROOT", os.getuid() + (kind == "somebody else's"))
    app["own_dirs"] = [str(tmp_path / "mysql/deep/shop")]
    if kind == "a link":
        (tmp_path / "mysql").symlink_to(tmp_path)
    elif kind != "not there":
        (tmp_path / "mysql").mkdir()
    said = ensure([app], check=True).failures.get("shop", "")
    wanted = f"shop.state_dirs: {tmp_path}/mysql/deep/shop is in {tmp_path}/mysql, which belongs to somebody else; name another directory."
    assert said == (wanted if kind in ("somebody else's", "a link") else "")


def test_the_number_of_an_application_is_that_of_a_user_that_we_made(monkeypatch):
    me = pwd.getpwuid(os.getuid())
    assert not account.user.is_of(me.pw_name, "shop", me.pw_uid), "a user of somebody else"
    assert not account.user.is_of("flask-nobody-has-this", "shop", 0)
    monkeypatch.setattr(account.user, "description", lambda _name: me.pw_gecos)
    assert account.user.is_of(me.pw_name, "shop", me.pw_uid)
    assert not account.user.is_of(me.pw_name, "shop", me.pw_uid + 1)


def test_parents_come_first():
    paths = [place.path for place in directories(complete())]
    for index, path in enumerate(paths):
        assert not [later for later in paths[index + 1 :] if path.startswith(f"{later}/")]


@pytest.mark.parametrize(("key", "path"), [("root", "/home/deploy/shop"), ("run_dir", "/tmp/shop"), ("config_dir", "/root/shop")])
def test_directories_of_others_stay_theirs(key, path):
    declared = {place.path for place in directories(complete(**{key: path}))}
    assert os.path.dirname(path) not in declared


@pytest.mark.skipif(not shutil.which("systemd-sysusers"), reason="systemd-sysusers is not installed")
@pytest.mark.parametrize("name", ["shop", "a" * 25, "a-b_c"])
def test_systemd_takes_the_users(tmp_path, name):
    app = complete(name=name)
    (tmp_path / "etc").mkdir()
    file = tmp_path / "x.conf"
    file.write_text(declarations(app)[f"/etc/sysusers.d/flask-{name}.conf"])
    done = subprocess.run(["systemd-sysusers", f"--root={tmp_path}", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in (tmp_path / "etc/passwd").read_text().splitlines() if line.startswith("flask-")]
    user, _password, _uid, _gid, _name, home, shell = line.split(":")
    assert (user, home, shell) == (f"flask-{name}", f"/srv/flask/{name}/shared", "/usr/sbin/nologin")


def make(app) -> None:
    for place in directories(app):
        os.makedirs(place.path, exist_ok=True)
    for place in directories(app):
        os.chmod(place.path, place.mode)


def test_everything_is_pending_at_first(app):
    files, wrong = pending([app])
    assert files == declarations(app)
    assert set(wrong) == {place.path for place in directories(app)}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make the directories that belong to root")
def test_nothing_is_pending_when_it_is_there(app):
    make(app)
    apply(pending([app])[0], [app], lambda command: None)
    assert pending([app]) == ({}, [])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make the directories that belong to root")
@pytest.mark.parametrize("change", ["mode", "owner", "file", "link", "gone"])
def test_a_directory_that_was_changed_by_hand_is_pending(app, change):
    make(app)
    shared = f"{app['root']}/shared"
    if change == "mode":
        os.chmod(shared, 0o777)
    elif change == "owner":
        os.chown(shared, 12345, -1)
    else:
        os.rmdir(shared)
        if change == "file":
            open(shared, "w").close()
        elif change == "link":
            os.symlink("/tmp", shared)
    assert pending([app])[1] == [shared]


def test_a_declaration_that_was_changed_by_hand_is_pending(app):
    apply(declarations(app), [app], lambda command: None)
    path = f"{layout.TMPFILES_DIR}/flask-shop.conf"
    with open(path, "a") as file:
        file.write("d /srv/more\n")
    assert pending([app])[0] == {path: declarations(app)[path]}


def test_an_unknown_user_is_pending(app):
    make(app)
    _files, wrong = pending([{**app, "user": "nobody-of-this-name"}])
    assert f"{app['root']}/shared" in wrong


def test_systemd_is_called_once_for_all_applications(app, monkeypatch):
    commands: list[list[str]] = []
    monkeypatch.setattr(systemd, "start_now", lambda units: commands.append(["mount", *units]))
    apps = [app, {**app, "name": "blog", "run_dir": f"{app['run_dir']}-blog"}]
    files = {path: text for each in apps for path, text in declarations(each).items()}
    apply(files, apps, commands.append)
    sysusers, tmpfiles = layout.SYSUSERS_DIR, layout.TMPFILES_DIR
    assert commands == [
        ["systemd-sysusers", f"{sysusers}/flask-shop.conf", f"{sysusers}/flask-blog.conf"],
        ["mount", *(layout.Layout(each).mount_unit for each in apps)],
        ["systemd-tmpfiles", "--create", f"{tmpfiles}/flask-shop.conf", f"{tmpfiles}/flask-blog.conf"],
    ]
    for path, text in files.items():
        with open(path) as file:
            assert file.read() == text
        assert os.stat(path).st_mode & 0o777 == 0o644


def test_a_directory_is_declared_in_the_format_of_tmpfiles():
    assert Directory("/srv/x", 0o2750, "a", "b").line() == "d /srv/x 2750 a b -\n"


@pytest.mark.parametrize("check", [False, True])
def test_accounts_that_are_missing_are_made_or_predicted(app, monkeypatch, check):
    commands: list[list[str]] = []
    monkeypatch.setattr(account, "run", commands.append)
    done = ensure([app], check)
    assert set(done.paths) == {*declarations(app), *(place.path for place in directories(app))}
    assert [(part["before"], part["after"]) for part in done.diff] == [("", text) for _path, text in sorted(declarations(app).items())]
    assert [command[0] for command in commands] == ([] if check else ["systemd-sysusers", "systemd-tmpfiles"])
    assert os.path.exists(f"{layout.SYSUSERS_DIR}/flask-shop.conf") is not check


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make the directories that belong to root")
def test_a_host_that_has_all_accounts_is_not_touched(app, monkeypatch):
    make(app)
    apply(declarations(app), [app], lambda command: None)
    monkeypatch.setattr(account, "run", lambda command: pytest.fail(str(command)))
    assert ensure([app], check=False) == ([], [], {})


@pytest.mark.parametrize(
    ("name", "prebuilt", "refused"),
    [("db.sqlite", [], True), ("shared", [], False), ("code", ["{root}/code/live"], False), ("releases", [], False)],
)
@pytest.mark.parametrize("check", [True, False])
def test_a_root_with_files_of_somebody_else_is_refused(app, monkeypatch, name, prebuilt, refused, check):
    app["prebuilt"] = [path.replace("{root}", app["root"]) for path in prebuilt]
    (Path(app["root"]) / name).mkdir(parents=True)
    monkeypatch.setattr(account, "apply", lambda *_arguments: None)
    says = f"shop.root: {app['root']} has files of somebody else, such as {app['root']}/{name}; name a directory that is not there yet."
    assert ensure([app], check).failures == ({"shop": says} if refused else {})


@pytest.fixture
def blog(app):
    """A second application on the same host."""
    return {**app, "name": "blog", **{key: app[key].replace("/shop", "/blog") for key in ("root", "config_dir", "run_dir")}}


def test_a_root_of_somebody_else_keeps_no_other_account_from_being_made(app, blog, monkeypatch):
    (Path(blog["root"]) / "photos").mkdir(parents=True)
    made: list[str] = []
    monkeypatch.setattr(account, "apply", lambda files, apps, _run: made.extend(app["name"] for app in apps))
    done = ensure([app, blog], check=False)
    assert (made, list(done.failures)) == (["shop"], ["blog"])
    assert not any("blog" in path for path in done.paths), "what was not made is not told as made"


def test_an_account_that_systemd_refuses_keeps_no_other_from_being_made(app, blog, monkeypatch):
    commands: list[list[str]] = []

    def run(command):
        commands.append(command)
        if any("blog" in word for word in command):
            raise CommandError("'systemd-sysusers' ended with 1: flask-blog is a bad name")

    monkeypatch.setattr(account, "run", run)
    done = ensure([app, blog], check=False)
    says = "blog: its user and its directories cannot be made: 'systemd-sysusers' ended with 1: flask-blog is a bad name"
    assert done.failures == {"blog": says}
    assert [command[0] for command in commands if not any("blog" in word for word in command)] == ["systemd-sysusers", "systemd-tmpfiles"]
    assert not any("blog" in path for path in done.paths)


@pytest.mark.parametrize("check", [False, True])
def test_a_declaration_that_cannot_be_read_costs_its_own_application_alone(app, blog, monkeypatch, check):
    path = f"{layout.TMPFILES_DIR}/flask-blog.conf"
    Path(path).parent.mkdir(parents=True)
    Path(path).touch()
    os.truncate(path, 2**27)
    monkeypatch.setattr(account, "apply", lambda *_arguments: None)
    done = ensure([app, blog], check)
    assert list(done.failures) == ["blog"]
    assert done.failures["blog"].startswith("blog: what the host has of its user and its directories cannot be read: ")
    assert path in done.failures["blog"]
    assert f"{layout.TMPFILES_DIR}/flask-shop.conf" in done.paths
    lacking, failures = account.look([app, blog])
    assert failures == done.failures
    assert lacking == done.paths
