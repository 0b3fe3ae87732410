"""Old releases are removed, and what only they needed."""

from __future__ import annotations

from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.driver import APP, Site
from ansible_collections.flaskops.stack.tests.harness.source import changed


def test_old_releases_go(site: Site) -> None:
    """Only what is live and what was live before stay, with what they need."""
    for host in site.hosts:
        state = host.look()
        # An instance that drains for long is running, so it would stay.
        running = [name for name in state["units"] if name.startswith(f"flask-{APP}@") and state["live"] not in name]
        host.run("systemctl", "stop", *running) if running else None
    before = site.look()
    site.source.require()
    site.source.write("pruned")
    site.deploy(changed(site.first, source=site.source.path, keep_releases=2))
    for host in site.hosts:
        was, now = before[host.name], host.look()
        assert len(was["releases"]) > 2, f"{host}: there was nothing to prune: {was['releases']}"
        assert sorted(now["releases"]) == sorted({was["current"], now["current"]}), f"{host}: releases are {now['releases']}"
        for name in (was["live"], now["live"]):
            assert name in now["instances"], f"{host}: the instance {name} is gone: {now['instances']}"
        needed = sorted({was["virtualenv_id"], now["virtualenv_id"]})
        assert sorted(now["virtualenvs"]) == needed, f"{host}: virtualenvs are {now['virtualenvs']}, needed are {needed}"
        known = [path for path in now["files"] if not any(name in path for name in now["instances"])]
        left = [
            path
            for path in known
            if path.rsplit("/", 1)[-1] not in ("live", "previous", f"flask-{APP}@.service", f"flask-{APP}.stream@.service")
        ]
        assert not left, f"{host}: files of pruned instances are left: {left}"
