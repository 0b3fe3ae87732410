"""Attacks of a source, of its packages and of its hooks while root builds a release of them."""

from __future__ import annotations

import json
import re
import time

from ansible_collections.flaskops.stack.molecule.hostile.proofs.driver import HOSTILE, LIVE_APP, RUN_SECONDS, Scene
from ansible_collections.flaskops.stack.tests.harness.controller import Going
from ansible_collections.flaskops.stack.tests.harness.host import until
from ansible_collections.flaskops.stack.tests.harness.source import changed

ROOT = f"/srv/flask/{HOSTILE}"
# The most that systemd-analyze may say of a unit that runs code of others.
EXPOSURE = 1.5
# The units of hooks and how the hooks are called.
KINDS = {"build": "build", "migrate": "migrate", "after-switch": "after_switch"}
# A unit has these directories for itself, so what it writes there is gone with it.
PRIVATE = {"write to /tmp", "write to /var/tmp", "write to /dev/shm", "a message queue"}
OWN = {f"write to {ROOT}/shared", f"write to /run/flask/{HOSTILE}/own"}
# A refusal is one of these errors; another error says that there was nothing to attack.
REFUSALS = {"EACCES", "EPERM", "EROFS", "ENOSYS", "ENOENT"}
# A line break and a terminal's order, no UTF-8, and as long as a name can be.
ODD_NAMES = [b"-\xff", b"a\n\x1b]0;x\x07", b"x" * 255]
# Prints these and their extended attributes.
ODD = """
import json, os
os.chdir("{place}")
print(json.dumps([[ascii(name), os.listxattr(name)] for name in sorted(os.listdir(b"."), key=len)]))
"""
ATTACKS = {kind: [f"python attack.py {kind}"] for kind in KINDS.values()}


def analyse(scene: Scene, going: Going, kind: str) -> float:
    """Wait until the unit of a hook runs, have it go on, and return how exposed systemd finds it."""
    found: list[str] = []

    def is_there() -> bool:
        pattern = f"flask-{HOSTILE}.{kind}-*.service"
        listed = scene.host.run("systemctl", "list-units", "--plain", "--no-legend", pattern).split()
        if not listed or "attack.py" not in scene.host.run("systemctl", "show", "--property=ExecStart", listed[0]):
            return False
        found[:] = [scene.host.run("systemd-analyze", "security", "--no-pager", listed[0])]
        return True

    try:
        until(lambda: is_there() or going.is_over, RUN_SECONDS, 0.1)
        assert found, f"no unit of {kind} was seen: {scene.end(going).messages}"
    finally:
        scene.host.run("touch", f"/run/go-{KINDS[kind]}")
    return float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", found[0])[1])


def test_a_build_and_its_hooks_reach_nothing(scene: Scene) -> None:
    """They find every place closed, leave no process and no right, and decide nothing that is not theirs to decide."""
    scene.source.write("first")
    scene.host.shell("rm -f /run/go-*")
    going = scene.begin(changed(scene.app, hooks=ATTACKS))
    exposed = {kind: analyse(scene, going, kind) for kind in KINDS}
    scene.end(going).require_success()
    scene.require_switched()
    too_much = {kind: level for kind, level in exposed.items() if level > EXPOSURE}
    assert not too_much, f"units of hooks are exposed too much: {too_much}"
    for kind, path, works in (
        ("build", f"{ROOT}/current/report.json", PRIVATE),
        ("migrate", f"{ROOT}/shared/report-migrate.json", PRIVATE | OWN),
        ("after_switch", f"{ROOT}/shared/report-after_switch.json", PRIVATE | OWN),
    ):
        require_closed(scene, kind, path, works)
    assert not scene.host.run("find", "/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "-name", f"{HOSTILE}*", check=False)
    require_own_code(scene)


def require_closed(scene: Scene, kind: str, path: str, works: set[str]) -> None:
    """Require that of what a program has tried only so much has worked, by the report that it has written."""
    report = json.loads(scene.host.run("cat", path))
    worked = {what for what, error in report.items() if not error}
    assert worked == works, f"{kind}: worked and must not: {worked - works}; must work and did not: {works - worked}"
    strange = {what: error for what, error in report.items() if error and error not in REFUSALS}
    assert not strange, f"{kind}: {strange}"


def require_own_code(scene: Scene) -> None:
    """Require that release and virtualenv are root's, and have what the source and the index have."""
    scene.host.run("sh", "-ec", f"! find {ROOT}/releases/*/ {ROOT}/venvs/*/ -not -user root | grep .")
    linked = scene.host.run("sh", "-ec", f"find {ROOT}/venvs/*/ -maxdepth 1 -name '*.partial' -printf '%l\\n'").split()
    assert set(linked) == {"/etc/ld.so.preload"}, f"the package did not attack: {linked}"
    time.sleep(2)
    text = scene.host.run("cat", f"{ROOT}/current/page.py")
    assert "written when" not in text, f"the code was written to after it was root's: {text}"
    found = json.loads(scene.host.run("python3", "-", given=ODD.format(place=f"{ROOT}/current/odd")))
    assert found == [[ascii(name), []] for name in ODD_NAMES], f"files with odd names are not those of the release: {found}"
    versions = scene.host.run("sh", "-ec", f"cat {ROOT}/venvs/*.lock").split()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.+]*", line) for line in versions), versions


def test_the_live_application_steers_no_build(scene: Scene) -> None:
    """pip, Python and shells of the next build read nothing that it writes in shared/, and it gets at no file that is being built."""
    scene.inside(f"""
import os, pathlib, threading, time, zipfile
home = pathlib.Path("{ROOT}/shared")
for path, text in {{
    ".config/pip/pip.conf": "[global]\\nfind-links = {ROOT}/shared/wheels\\n",
    ".pip/pip.conf": "[global]\\nfind-links = {ROOT}/shared/wheels\\n",
    ".profile": "touch {ROOT}/shared/was-read\\n",
    ".pydistutils.cfg": "[install]\\nprefix={ROOT}/shared\\n",
    ".local/lib/python3.13/site-packages/usercustomize.py": "open('{ROOT}/shared/was-read', 'w')\\n",
}}.items():
    (home / path).parent.mkdir(parents=True, exist_ok=True)
    (home / path).write_text(text)
(home / "wheels").mkdir(exist_ok=True)
with zipfile.ZipFile(home / "wheels/flask-99.0-py3-none-any.whl", "w") as wheel:
    info = "flask-99.0.dist-info"
    wheel.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: flask\\nVersion: 99.0\\n")
    wheel.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nGenerator: hostile\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "/RECORD", "")
""")
    # It looks for unfinished trees all the time and swaps whatever it finds there for links.
    scene.inside(f"""
import os
if os.fork() == 0:
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    import glob, time
    until = time.monotonic() + 40
    while time.monotonic() < until:
        for place in [*glob.glob("{ROOT}/releases/.*"), *glob.glob("{ROOT}/venvs/.*"), *glob.glob("{ROOT}/venvs/*")]:
            for name in ("requirements.txt", "static", "bin/python", "app.py"):
                for act in (lambda path: os.symlink("/etc/shadow", path + "x"), lambda path: os.rename(path, path + "y"), os.unlink):
                    try:
                        act(place + "/" + name)
                        open("{ROOT}/shared/was-reached", "w").close()
                    except OSError:
                        pass
        time.sleep(0.001)
    os._exit(0)
""")
    scene.source.root.joinpath("requirements.txt").write_text("Flask\n./local\n")
    scene.source.write("second")
    scene.deploy(changed(scene.app, requirements_refresh="again"))
    found = scene.host.run("sh", "-c", f"ls -d {ROOT}/shared/was-*", check=False)
    assert not found, f"the live application has reached a build: {found}"
    versions = scene.host.run("sh", "-ec", f"cat {ROOT}/venvs/*.lock").split()
    assert "flask==99.0" not in [line.lower() for line in versions], f"the live application has chosen versions: {versions}"


def test_builds_that_cannot_become_releases(scene: Scene) -> None:
    """Each has one message, nothing of it stays, and the healthy applications of the same run are deployed."""
    marked = scene.source.copy()
    marked.root.joinpath("local", "fails").touch()
    two = changed(LIVE_APP, name=f"{HOSTILE}-two", source=marked.path, nginx={"server_names": ["two"], "routes": [{"path": "/"}]})
    large = changed(scene.app, hooks={"build": ["truncate --size=1T large"]})
    run = scene.run(large, two)
    scene.require_refused(
        run,
        f"{HOSTILE}: the release cannot be built: the build hook '/bin/sh -c truncate --size=1T large'",
        "File size limit exceeded",
        f"{HOSTILE}-two: the release cannot be built",
        "the package cannot be built after all",
    )
    # The marks that the package made do not count: its virtualenv is gone, and no versions of it are known.
    left = scene.host.run("find", f"/srv/flask/{HOSTILE}-two/venvs", f"/srv/flask/{HOSTILE}-two/releases", "-mindepth", "1")
    assert not left, f"left of a build that failed: {left}"
    scene.run({"name": f"{HOSTILE}-two", "state": "absent", "purge": True}).require_success()


def test_static_files_that_are_links(scene: Scene) -> None:
    """Code that is not root's gets nothing published that its owner could not read himself."""
    scene.host.shell("""
cp -a "$(readlink -f /srv/flask/calm/current)" /opt/legacy
cp -a /srv/flask/calm/venvs/*/ /opt/legacy-venv
sed -i '1s|.*|#!/opt/legacy-venv/bin/python|' /opt/legacy-venv/bin/uwsgi
useradd --system legacy
mkdir /opt/legacy/static
echo 'p {}' > /opt/legacy/static/style.css
ln -s style.css /opt/legacy/static/inner.css
ln -s /etc/shadow /opt/legacy/static/shadow
ln -s /etc /opt/legacy/static/etc
ln -s /etc /opt/legacy/linked
mkfifo /opt/legacy/static/pipe
touch "/opt/legacy/static/$(printf 'line\nbreak')" "/opt/legacy/static/$(printf 'x%.0s' $(seq 255))"
chown -R --no-dereference legacy: /opt/legacy
""")
    try:
        legacy = changed(
            LIVE_APP,
            name=f"{HOSTILE}-prebuilt",
            source={"prebuilt": "/opt/legacy", "virtualenv": "/opt/legacy-venv", "version": "1"},
            wsgi="ledger:app",
            env={"LEDGER_MODE": "1"},
            secrets={"LEDGER_SECRET": "hush", "TOKEN": LIVE_APP["secrets"]["TOKEN"]},
            uwsgi={"stream": {"pool": "none"}},
            nginx={"server_names": ["prebuilt"], "routes": [{"path": "/"}, {"path": "/s", "mode": "static", "directory": "linked"}]},
        )
        run = scene.run(legacy)
        scene.require_refused(run, f"{HOSTILE}-prebuilt.nginx.routes: 'linked' of the route /s is a symbolic link to '/etc'")
        legacy["nginx"]["routes"][1]["directory"] = "static"
        scene.require_refused(scene.run(legacy), "has the symbolic link", "which leads out of it")
        scene.host.run("rm", "/opt/legacy/static/etc", "/opt/legacy/static/shadow")
        scene.deploy(legacy)
        seen = {
            path: scene.host.get("prebuilt", f"/s/{path}")[0]
            for path in ("style.css", "inner.css", "etc/passwd", "pipe", "x" * 255, "line%0abreak")
        }
        assert list(seen.values()) == [200, 200, 404, 404, 200, 400], seen
        scene.run({"name": f"{HOSTILE}-prebuilt", "state": "absent", "purge": True}).require_success()
    finally:
        scene.host.shell("rm -rf /opt/legacy /opt/legacy-venv; userdel legacy")
