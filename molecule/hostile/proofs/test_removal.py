"""Attacks on the removal of an application, and on the application that comes after it."""

from __future__ import annotations

from ansible_collections.flaskops.stack.molecule.hostile.proofs.driver import HOSTILE, Scene
from ansible_collections.flaskops.stack.molecule.hostile.proofs.test_candidates import UNSTOPPABLE, state
from ansible_collections.flaskops.stack.tests.harness.host import until
from ansible_collections.flaskops.stack.tests.harness.source import changed

ROOT = f"/srv/flask/{HOSTILE}"
PURGED = {"name": HOSTILE, "state": "absent", "purge": True}
# The leavings of an application that ran without a sandbox once, or of an operator in its name.
LEFTOVERS = """
echo '* * * * * touch /var/tmp/from-cron' > /var/spool/cron/crontabs/flask-hostile
echo 'touch /var/tmp/from-at' > /var/spool/cron/atjobs/a0000101
touch /var/lib/systemd/linger/flask-hostile
chown flask-hostile /var/spool/cron/crontabs/flask-hostile /var/spool/cron/atjobs/a0000101
cp /bin/dash /var/tmp/dash
chown flask-hostile /var/tmp/dash
chmod 4755 /var/tmp/dash
ln -s /etc /srv/flask/hostile/shared/to-etc
ln -s /srv/flask/calm/shared /srv/flask/hostile/shared/to-calm
setsid runuser -u flask-hostile -- sh -c 'trap "" TERM HUP; while :; do sleep 600 & wait; done' >/dev/null 2>&1 &
"""


def test_a_file_system_below_its_tree_is_kept(scene: Scene) -> None:
    """The removal is refused before anything has changed, and says what to unmount."""
    scene.host.shell(f"""
mkdir -p /mnt/photos {ROOT}/shared/photos
touch /mnt/photos/one
mount --bind /mnt/photos {ROOT}/shared/photos
""")
    try:
        run = scene.run(PURGED)
        scene.require_refused(run, f"{HOSTILE}: {ROOT}/shared/photos is mounted in what would be removed")
        assert scene.host.page(HOSTILE)["page"]
        scene.host.run("test", "-e", "/mnt/photos/one")
    finally:
        scene.host.shell(f"umount {ROOT}/shared/photos; rm -r /mnt/photos")


def test_a_purge_ends_all_that_it_was(scene: Scene) -> None:
    """A unit that refuses to end, processes elsewhere and programs with its rights give nobody the rights of the next application."""
    scene.host.shell(f"rm -f {ROOT}/shared/refuse")
    # The release before was rolled back, so it is not deployed again.
    scene.source.write("last")
    scene.deploy(changed(scene.app, env={"AT_IMPORT": UNSTOPPABLE}))
    refusing = f"flask-{HOSTILE}@{scene.live()}.service"
    scene.host.shell(f"touch {ROOT}/shared/refuse")
    assert until(lambda: state(scene, refusing) == "reloading", 300), f"the release did not attack, its unit is {state(scene, refusing)}"
    number = scene.host.run("id", "-u", f"flask-{HOSTILE}").strip()
    scene.host.shell(LEFTOVERS)
    scene.run(PURGED).require_success()
    scene.require_switched()
    left = scene.host.run(
        "sh", "-c", f"ps -o args= -U {number}; ls -d {ROOT} /etc/flask/{HOSTILE} /run/flask/{HOSTILE}; id flask-{HOSTILE}", check=False
    )
    assert not left, f"left of the application: {left}"
    scene.host.run("test", "-d", "/srv/flask/calm/shared")
    # It comes back under its name, and what has its old number is not its own.
    scene.deploy(scene.app)
    again = scene.host.run("id", "-u", f"flask-{HOSTILE}").strip()
    scene.host.shell("rm -f /var/tmp/dash /var/spool/cron/crontabs/* /var/spool/cron/atjobs/* /var/lib/systemd/linger/*")
    assert again != number, f"the number {number} of the removed user was given away again"


def test_no_secret_has_got_anywhere(scene: Scene) -> None:
    """After all attacks the secrets of the healthy applications are in their own files only."""
    assert not scene.secret_places()
    scene.run(scene.app).require_success()
