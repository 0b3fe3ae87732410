"""Attacks of a live application from its sandbox, and what root does there at the next deployment and rollback."""

from __future__ import annotations

import time

from ansible_collections.flaskops.stack.molecule.hostile.proofs.driver import HOSTILE, Scene
from ansible_collections.flaskops.stack.molecule.hostile.proofs.test_building import OWN, PRIVATE, require_closed
from ansible_collections.flaskops.stack.tests.harness.source import changed

ROOT, RUN = f"/srv/flask/{HOSTILE}", f"/run/flask/{HOSTILE}"
LINKS = ("releases", "current", "next", "public", "venvs", "history.jsonl", "lock", "hostile.conf")


def test_names_that_root_and_nginx_go_by(scene: Scene) -> None:
    """It changes none of them, and cannot hold a lock that a run takes."""
    statements = [
        f"os.symlink('../calm/uwsgi.sock', '{RUN}/other.sock')",
        f"os.unlink('{RUN}/uwsgi.sock')",
        f"os.rename('{RUN}/uwsgi.sock', '{RUN}/other')",
        f"os.rename('{RUN}/own', '{RUN}/other')",
        f"os.mkdir('{RUN}/.uwsgi.sock.partial')",
        f"os.rename('{ROOT}/shared', '{ROOT}/other')",
        f"os.symlink('/etc', '{ROOT}/public/previous')",
        f"os.unlink('/etc/flask/{HOSTILE}/live')",
        "fcntl.flock(open('/run/flaskops/lock'), fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "open('/run/lock/flaskops.lock', 'w')",
        "os.listdir('/run/flask/calm')",
        "os.listdir('/srv/flask/calm')",
        "socket.socket(socket.AF_UNIX).connect('/run/flask/calm/uwsgi.sock')",
        "socket.socket(socket.AF_UNIX).connect('/run/flaskops-nginx/backend.sock')",
        "socket.socket(socket.AF_UNIX).connect('/run/systemd/private')",
    ]
    errors = scene.error_inside(*statements)
    worked = [statement for statement, error in errors.items() if error not in ("EACCES", "EPERM", "EROFS", "EBUSY")]
    assert not worked, f"worked, or there was nothing to attack: {worked} of {errors}"
    answers = {to: scene.host.get(HOSTILE, f"/accel?{to}") for to in ("/etc/passwd", "//calm/", "http://calm/", "/../../etc/passwd")}
    assert all("root:" not in body and '"page":"first"' not in body for _status, body in answers.values()), answers


def test_the_running_application_reaches_no_more_than_its_hooks(scene: Scene) -> None:
    """Every place that must be closed is tried from inside of an instance too."""
    scene.host.run("touch", "/run/go-running")
    scene.inside(f"import os, subprocess, sys\nsubprocess.run([sys.executable, 'attack.py', 'running'], check=True, cwd='{ROOT}/current')")
    require_closed(scene, "running", f"{ROOT}/shared/report-running.json", PRIVATE | OWN)


def test_what_lies_in_its_own_directories(scene: Scene) -> None:
    """Links, pipes, directories in the way and deep trees keep no deployment, status, rollback and pruning from working."""
    scene.inside(f"""
import os
for place in ("{ROOT}/shared", "{RUN}/own"):
    for name in {LINKS!r}:
        os.symlink("/etc/" + name, place + "/" + name)
    for name in ("uwsgi.sock", "stream.sock", ".uwsgi.sock.partial", "stats", "x.stats"):
        os.makedirs(place + "/" + name + "/x", exist_ok=True)
    os.mkfifo(place + "/pipe")
    os.chdir(place)
    for _level in range(3000):
        os.mkdir("d")
        os.chdir("d")
for path in os.listdir("{RUN}/own"):
    if path.endswith(".stats") and path[:4] != "x.st":
        os.unlink("{RUN}/own/" + path)
        os.makedirs("{RUN}/own/" + path + "/in/the/way")
""")
    before = scene.live(), scene.host.page(HOSTILE)["page"]
    scene.source.write("third")
    scene.deploy(changed(scene.app, keep_releases=2))
    assert scene.host.page(HOSTILE)["page"].startswith("third")
    scene.run(scene.app, playbook="status").require_success()
    scene.run(scene.app, playbook="rollback", app=HOSTILE).require_success()
    assert (scene.live(), scene.host.page(HOSTILE)["page"]) == before


def test_links_among_stored_answers(scene: Scene) -> None:
    """An attacker with nginx's user puts links among the stored answers, and their removal changes no file of root's."""
    cache = f"/var/cache/nginx/{HOSTILE}"
    scene.host.shell(f"""
printf 'precious\\nKEY: http{HOSTILE}/\\n' > /root/precious
chmod 600 /root/precious
install -d -o www-data -g www-data {cache}/a
for target in /root/precious /etc/shadow; do
  runuser -u www-data -- ln -s $target {cache}/a/$(echo $target | md5sum | cut -c1-32)
done
runuser -u www-data -- mkfifo {cache}/a/0123456789abcdef0123456789abcdef
""")
    began = time.monotonic()
    scene.run(scene.app, playbook="purge_cache", app=HOSTILE).require_success()
    assert time.monotonic() - began < 60
    text = scene.host.run("cat", "/root/precious")
    scene.host.shell(f"rm -rf /root/precious {cache}")
    assert text == f"precious\nKEY: http{HOSTILE}/\n", f"a file of root's is now {text!r}"
