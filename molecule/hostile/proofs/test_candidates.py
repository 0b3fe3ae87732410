"""Attacks of a release while it is started and gated, and when it is to end."""

from __future__ import annotations

import time

from ansible_collections.flaskops.stack.molecule.hostile.proofs.driver import HOSTILE, Scene
from ansible_collections.flaskops.stack.tests.harness.host import until
from ansible_collections.flaskops.stack.tests.harness.source import changed

OWN = f"/run/flask/{HOSTILE}/own"
# This runs while uWSGI imports the application: it has made the socket, and systemd has not looked at it yet.
REPLACED = f"""
import glob, os
for path in glob.glob("{OWN}/*.sock"):
    os.unlink(path)
    os.symlink("/run/flask/calm/uwsgi.sock", path)
"""
# The master names a child as the main process of the unit, which from then on tells systemd what it likes.
UNSTOPPABLE = """
import os, signal, socket, time
def tell(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])
child = os.fork() if "NOTIFY_SOCKET" in os.environ else 1
if child == 0:
    for number in range(1, 32):
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_IGN)
    os.setsid()
    while not os.path.exists("/srv/flask/hostile/shared/refuse"):
        time.sleep(0.1)
    while True:
        tell(f"RELOADING=1\\nMONOTONIC_USEC={time.monotonic_ns() // 1000}\\nEXTEND_TIMEOUT_USEC=600000000")
        time.sleep(0.5)
elif "NOTIFY_SOCKET" in os.environ:
    tell(f"READY=1\\nMAINPID={child}")
"""


def state(scene: Scene, unit: str) -> str:
    """Return the state that systemd takes a unit to be in."""
    return scene.host.run("systemctl", "show", "--property=ActiveState", "--value", unit).strip()


def test_a_socket_that_leads_to_somebody_else(scene: Scene) -> None:
    """nginx never gets it, and the live instance serves on."""
    before = scene.live(), scene.host.page(HOSTILE)["page"]
    run = scene.run(changed(scene.app, env={"AT_IMPORT": REPLACED}))
    scene.require_refused(
        run,
        # Both processes of the candidate replace their sockets; the message is about the one that systemd looks at first.
        f"{HOSTILE}: the ",
        " candidate ",
        f"is no socket of flask-{HOSTILE}: the application has put something else there",
        "The live instance was not touched.",
    )
    assert (scene.live(), scene.host.page(HOSTILE)["page"]) == before


def test_an_interpreter_of_its_own(scene: Scene) -> None:
    """Root does not run what the application could have written."""
    scene.inside(f"""
import os
with open("/srv/flask/{HOSTILE}/shared/python3", "w") as file:
    file.write("#!/bin/sh\\ntouch /usr/local/was-run\\nexec /usr/bin/python3 $@\\n")
os.chmod("/srv/flask/{HOSTILE}/shared/python3", 0o755)
""")
    run = scene.run(changed(scene.app, python=f"/srv/flask/{HOSTILE}/shared/python3"))
    scene.require_refused(run, f"{HOSTILE}.python", f"/srv/flask/{HOSTILE}/shared/python3")


def test_a_release_that_refuses_to_end(scene: Scene) -> None:
    """It calls itself reloading and asks for more time for ever, and is killed when its drain time is over."""
    scene.host.shell(f"rm -f /srv/flask/{HOSTILE}/shared/refuse")
    scene.deploy(changed(scene.app, env={"AT_IMPORT": UNSTOPPABLE}))
    refusing = f"flask-{HOSTILE}@{scene.live()}.service"
    scene.inside("open('/srv/flask/hostile/shared/refuse', 'w')")
    assert until(lambda: state(scene, refusing) == "reloading", 300), f"the release did not attack, its unit is {state(scene, refusing)}"
    began = time.monotonic()
    scene.deploy(scene.app)
    assert refusing != f"flask-{HOSTILE}@{scene.live()}.service"
    assert until(lambda: state(scene, refusing) in ("inactive", "failed"), 120, 0.5), (
        "the old release goes on two minutes after its drain time"
    )
    print(f"the old release has ended {time.monotonic() - began:.0f} s after the run that replaced it began")
