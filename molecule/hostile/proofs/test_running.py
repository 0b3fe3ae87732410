"""Attacks of a live application from its sandbox, and what root does there at the next deployment and rollback."""

from __future__ import annotations

import textwrap
import time

from ansible_collections.flaskops.stack.molecule.hostile.proofs.driver import HEALTHY, HOSTILE, Scene
from ansible_collections.flaskops.stack.molecule.hostile.proofs.test_building import OWN, PRIVATE, require_closed
from ansible_collections.flaskops.stack.tests.harness.host import until
from ansible_collections.flaskops.stack.tests.harness.source import changed

ROOT, RUN = f"/srv/flask/{HOSTILE}", f"/run/flask/{HOSTILE}"
# As small as /run is on a small server, with the room that systemd wants to have free for a reload.
SMALL = """
used=$(df --output=used -k /run | tail -1) names=$(df --output=iused /run | tail -1)
mount -o remount,size=$((used + 40960))k,nr_inodes=$((names + 3000)) /run
"""
# Each goes on until there is no room, and no further than a server with a larger /run would have it.
WITH_DATA = f"""
with open("{RUN}/own/data", "wb", buffering=0) as file:
    for _part in range(256):
        file.write(bytes(2**20))
"""
WITH_NAMES = f"""
for number in range(10_000):
    open(f"{RUN}/own/{{number}}.sock", "x").close()
"""
FULL = """
try:
{program}
except OSError as error:
    print(error.strerror)
"""
# It takes what becomes free at once, and holds files without a name, so that root can remove nothing of it.
FILLER = f"""
import os
held = []
while True:
    try:
        held.append(os.open("{RUN}/own/held", os.O_RDWR | os.O_CREAT | os.O_EXCL))
        os.unlink("{RUN}/own/held")
    except OSError:
        pass
"""
FOR_EVER = f"""
import subprocess, sys
program = {FILLER!r}
subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
"""
# As many processes as the unit may have, and lines to the journal as fast as it takes them.
BOMB = """
import os, time
end = time.monotonic() + 900
while time.monotonic() < end:
    try:
        os.fork()
    except OSError:
        time.sleep(1)
"""
FLOOD = """
import socket, time
end = time.monotonic() + 900
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
    log.connect("/run/systemd/journal/dev-log")
    while time.monotonic() < end:
        log.send(b"<14>" + b"flood " * 100)
"""
BOTH = f"""
import subprocess, sys
for program in ({BOMB!r}, {FLOOD!r}):
    subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
"""
TASKS = 256
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
# The directory of sockets has room for a thousand names.
for place, levels in (("{ROOT}/shared", 3000), ("{RUN}/own", 500)):
    for name in {LINKS!r}:
        os.symlink("/etc/" + name, place + "/" + name)
    for name in ("uwsgi.sock", "stream.sock", ".uwsgi.sock.partial", "stats", "x.stats"):
        os.makedirs(place + "/" + name + "/x", exist_ok=True)
    os.mkfifo(place + "/pipe")
    os.chdir(place)
    for _level in range(levels):
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


def require_room_for_systemd(scene: Scene) -> None:
    """Require that systemd reads its units anew and runs a command, for which it writes files to /run."""
    scene.host.run("systemctl", "daemon-reload")
    scene.host.run("systemd-run", "--quiet", "--wait", "true")


def test_a_directory_of_sockets_that_is_full(scene: Scene) -> None:
    """The only directory in /run that an application may write to is full, and nobody lacks room: not systemd, and not its own next release."""
    scene.host.shell(SMALL)
    try:
        for number, program in enumerate((WITH_DATA, WITH_NAMES)):
            said = scene.inside(FULL.format(program=textwrap.indent(program, "    ")))
            assert said == "No space left on device\n", f"the directory is not full: {said}"
            require_room_for_systemd(scene)
            page = scene.source.write(f"full-{number}")
            scene.deploy(scene.app)
            assert scene.host.page(HOSTILE)["page"] == page
    finally:
        scene.host.shell("mount -o remount,size=50%,nr_inodes=0 /run")


def test_a_directory_of_sockets_that_is_filled_for_ever(scene: Scene) -> None:
    """Its own next release is refused with the command that ends it, the others are deployed, and after that command it goes live."""
    scene.inside(FOR_EVER)
    own = f"{RUN}/own"
    assert until(lambda: scene.host.run("df", "--output=iavail", own).split()[-1] == "0", 300, 0.2), "the directory is not full"
    page = scene.source.write("after all")
    run = scene.run(scene.app)
    command = f"systemctl stop 'flask-{HOSTILE}@*' 'flask-{HOSTILE}.*'"
    scene.require_refused(
        run, f"{HOSTILE}: {own} has no room for the sockets of another instance", f"Stop it with `{command}`, and run again"
    )
    require_room_for_systemd(scene)
    scene.host.shell(command)
    scene.deploy(scene.app)
    assert scene.host.page(HOSTILE)["page"] == page


def test_a_fork_bomb_and_a_flood_of_the_log(scene: Scene) -> None:
    """The others are deployed and served meanwhile, and what they log is kept."""
    scene.deploy(changed(scene.app, uwsgi={"tasks_max": TASKS}))
    unit = f"flask-{HOSTILE}@{scene.live()}.service"
    scene.inside(BOTH)
    full = until(lambda: scene.host.run("systemctl", "show", "--property=TasksCurrent", "--value", unit).strip() == str(TASKS), 300, 0.5)
    assert full, "the application did not fork"
    began = scene.host.run("date", "+%s").strip()
    try:
        scene.run(changed(scene.app, uwsgi={"tasks_max": TASKS})).require_success()
        scene.require_switched()
        for name in HEALTHY:
            logged = scene.host.run("journalctl", "--quiet", f"--since=@{began}", f"--unit=flask-{name}@{scene.live(name)}.service")
            assert "uWSGI" in logged, f"the journal has lost what {name} said when it started: {logged}"
        flood = int(scene.host.shell(f"journalctl --quiet --since=@{began} --unit={unit} | grep --count 'flood flood'"))
        assert flood > 1000, f"the application did not flood the journal: {flood} lines"
    finally:
        scene.host.run("systemctl", "restart", unit)


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
    assert time.monotonic() - began < 300
    text = scene.host.run("cat", "/root/precious")
    scene.host.shell(f"rm -rf /root/precious {cache}")
    assert text == f"precious\nKEY: http{HOSTILE}/\n", f"a file of root's is now {text!r}"
