"""The scripts for going over and back, run by a real shell below a directory of the test."""

from __future__ import annotations

import getpass
import grp
import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.adoption import shell_scripts
from ansible_collections.flaskops.stack.plugins.plugin_utils.adoption.describe import Adopted

from .hand_made import Host
from .test_adopt import FILES


@pytest.fixture
def host(tmp_path, monkeypatch) -> tuple[Path, Path, Path]:
    """Make a host below a directory, and return its directory and both scripts. Programs of the system only write down that they were called."""
    root = tmp_path / "host"
    for name in ("systemctl", "nginx"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\necho {name} "$@" >>{tmp_path}/called\n')
        program.chmod(0o755)
    for path, text in {"var/www/shop/data.db": "before", "var/www/shop/data.db-wal": "log", "var/www/shop/uploads/a": "a"}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "etc/nginx/sites-enabled").mkdir(parents=True)
    (root / "etc/nginx/sites-enabled/shop").write_text("site")
    found = Host(FILES, data=["data.db", "uploads/"]).adopted(tmp_path / "place")
    (app,) = found.apps
    monkeypatch.setattr(Adopted, "user", getpass.getuser())
    scripts = []
    for name, make in (("over", shell_scripts.over), ("back", shell_scripts.back)):
        text = make([app], set())
        for place in ("/var/backups", "/var/www", "/srv/flask", "/etc/nginx"):
            text = text.replace(place, f"{root}{place}")
        group = grp.getgrgid(os.getgid()).gr_name
        text = text.replace(f"{getpass.getuser()}:{getpass.getuser()}", f"{getpass.getuser()}:{group}")
        script = tmp_path / f"{name}.sh"
        script.write_text(text)
        scripts.append(script)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    return root, scripts[0], scripts[1]


def run(script: Path) -> None:
    subprocess.run(["/bin/sh", str(script)], check=True)


def files(place: Path) -> dict[str, str]:
    return {str(path.relative_to(place)): path.read_text() for path in sorted(place.rglob("*")) if path.is_file()}


def test_over_takes_data_and_configuration_along_and_leaves_the_old_code(host, tmp_path):
    root, over, _back = host
    run(over)
    assert files(root / "srv/flask/shop/shared") == {"data.db": "before", "data.db-wal": "log", "uploads/a": "a"}
    assert files(root / "var/www/shop") == {"data.db": "before", "data.db-wal": "log", "uploads/a": "a"}
    assert not (root / "etc/nginx/sites-enabled/shop").exists()
    assert (tmp_path / "called").read_text() == "systemctl disable --now shop.service\n"


def test_a_second_run_does_not_put_old_data_over_new(host):
    root, over, _back = host
    run(over)
    (root / "srv/flask/shop/shared/data.db").write_text("after")
    run(over)
    assert (root / "srv/flask/shop/shared/data.db").read_text() == "after"


def test_the_way_back_has_the_data_that_was_written_since(host, tmp_path):
    root, over, back = host
    run(over)
    (root / "srv/flask/shop/shared/data.db").write_text("after")
    (root / "srv/flask/shop/shared/data.db-wal").unlink()
    (root / "srv/flask/shop/shared/uploads/b").write_text("b")
    run(back)
    assert files(root / "var/www/shop") == {"data.db": "after", "uploads/a": "a", "uploads/b": "b"}
    assert (root / "etc/nginx/sites-enabled/shop").read_text() == "site"
    called = (tmp_path / "called").read_text().splitlines()
    assert called[1:] == ["systemctl enable --now shop.service", "nginx -t", "systemctl reload nginx"]
    run(over)
    assert (root / "srv/flask/shop/shared/data.db").read_text() == "after"


def test_a_link_in_the_place_of_data_is_not_written_through(host):
    root, over, _back = host
    (root / "srv/flask/shop/shared").mkdir(parents=True)
    (root / "victim").write_text("untouched")
    (root / "srv/flask/shop/shared/data.db").symlink_to(root / "victim")
    run(over)
    assert (root / "victim").read_text() == "untouched"
    assert (root / "srv/flask/shop/shared/data.db").read_text() == "before"


def fails(script: Path, says: str) -> None:
    done = subprocess.run(["/bin/sh", str(script)], check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert says in done.stderr


def test_a_link_that_has_taken_the_place_of_a_directory_leads_nowhere(host):
    """Its owner may have made it since the host was read, and root copies by names."""
    root, over, back = host
    (root / "secrets/uploads").mkdir(parents=True)
    (root / "secrets/uploads/key").write_text("root's own")
    (root / "secrets/data.db").write_text("root's own")
    (root / "var/www/shop").rename(root / "var/www/aside")
    (root / "var/www/shop").symlink_to(root / "secrets")
    fails(over, "/var/www/shop leads elsewhere by a link; copy the data in it by hand")
    assert files(root / "srv/flask/shop/shared") == {}
    (root / "var/www/shop").unlink()
    (root / "var/www/aside").rename(root / "var/www/shop")
    run(over)
    (root / "var/www/shop").rename(root / "var/www/aside")
    (root / "var/www/shop").symlink_to(root / "secrets")
    fails(back, "/var/www/shop leads elsewhere by a link")
    assert files(root / "secrets") == {"data.db": "root's own", "uploads/key": "root's own"}


def test_a_link_below_shared_leads_nowhere(host):
    root, over, _back = host
    (root / "victim").mkdir()
    (root / "srv/flask/shop").mkdir(parents=True)
    (root / "srv/flask/shop/shared").symlink_to(root / "victim")
    fails(over, "/srv/flask/shop/shared leads elsewhere by a link")
    assert files(root / "victim") == {}


def test_a_link_that_has_taken_the_place_of_the_new_directory_leads_nowhere(host, tmp_path):
    """The owner of the directory around it may do that at any moment, and lead to a directory of root's alone."""
    root, over, _back = host
    victim = root / "victim"
    victim.mkdir(mode=0o700)
    (victim / "data.db").write_text("root's own")
    mktemp = tmp_path / "bin/mktemp"
    mktemp.write_text(f'#!/bin/sh\nnew=$(/usr/bin/mktemp "$@")\nrmdir "$new"\nln -s {victim} "$new"\necho "$new"\n')
    mktemp.chmod(0o755)
    fails(over, "data.db is being changed by somebody else; run again")
    assert files(victim) == {"data.db": "root's own"}


def test_a_link_of_root_above_is_followed(host):
    root, over, _back = host
    (root / "big").mkdir()
    (root / "srv").symlink_to(root / "big")
    run(over)
    assert (root / "big/flask/shop/shared/data.db").read_text() == "before"


def test_what_a_new_instance_has_written_before_is_kept(host):
    root, over, _back = host
    (root / "srv/flask/shop/shared/uploads").mkdir(parents=True)
    (root / "srv/flask/shop/shared/uploads/new").write_text("new")
    (root / "srv/flask/shop/shared/data.db").write_text("new")
    run(over)
    assert files(root / "srv/flask/shop/shared") == {"data.db": "before", "data.db-wal": "log", "uploads/a": "a"}
    kept = files(root / "var/backups/flaskops-adopted")
    assert sorted(text for path, text in kept.items() if "nginx" not in path) == ["", "new", "new"]
    assert not list(root.rglob(".flaskops.*"))


@pytest.mark.parametrize(("returns", "place"), [(False, "srv/flask/shop/shared/uploads"), (True, "var/www/shop/uploads")])
def test_links_and_modes_of_data_are_as_before(host, returns, place):
    root, over, back = host
    (root / "var/www/shop/uploads/link").symlink_to("a")
    (root / "var/www/shop/uploads/a").chmod(0o640)
    run(over)
    if returns:
        run(back)
    assert (root / place / "link").readlink() == Path("a")
    assert (root / place / "a").stat().st_mode & 0o777 == 0o640
