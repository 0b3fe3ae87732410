"""Whole applications are removed, with or without their stored data."""

from __future__ import annotations

from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.driver import APP, Site
from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.test_budget import CACHE_TO_REMOVE, NOTHING_TO_CHANGE, require
from ansible_collections.flaskops.stack.tests.harness.host import Host

ROOT = f"/srv/flask/{APP}"
CACHE = f"/var/cache/nginx/{APP}"
ACCOUNT = [f"/etc/sysusers.d/flask-{APP}.conf", f"/etc/tmpfiles.d/flask-{APP}.conf"]


def test_an_absent_application_leaves_what_it_has_stored(site: Site) -> None:
    host_users = {host.name: host.run("getent", "passwd", f"flask-{APP}") for host in site.hosts}
    for host in site.hosts:
        host.run("mkdir", CACHE)
    absent = {"name": APP, "state": "absent", "secrets": {}}
    run = site.run("site", described=absent)
    require(site, run, CACHE_TO_REMOVE, "an application with a cache that goes")
    for host in site.hosts:
        assert run.removed[host.name], f"{host}: the run says nothing of what it removed"
        require_gone(host, ["shared"])
        stored = host.run("cat", f"{ROOT}/shared/hooks.jsonl")
        assert stored, f"{host}: what the application has stored is gone"
        assert host.run("getent", "passwd", f"flask-{APP}") == host_users[host.name], f"{host}: the user is gone, but owns files"
        assert not host.run("sh", "-c", f"ls -d {CACHE} 2>/dev/null", check=False), f"{host}: the cache is left"
    require(site, site.run("site", described=absent), NOTHING_TO_CHANGE, "an application that has gone")


def test_a_purged_application_leaves_nothing(site: Site) -> None:
    purged = {"name": APP, "state": "absent", "purge": True, "secrets": {}}
    site.run("site", described=purged).require_success()
    for host in site.hosts:
        require_gone(host, [])
        assert not host.run("getent", "passwd", f"flask-{APP}", check=False), f"{host}: the user is left"
    site.run(described=purged).require_success().require_nothing_changed("the application is gone")


def test_it_can_come_back(site: Site) -> None:
    page = site.source.write("back again")
    site.run("site").require_success()
    for host in site.hosts:
        assert host.page()["page"] == page, f"{host}: {host.page()} answers"


def require_gone(host: Host, left: list[str]) -> None:
    """Require that nothing of the application is there, except some names in its directory."""
    state = host.look()
    assert state["root"] == left, f"{host}: {ROOT} has {state['root']}"
    assert not state["files"], f"{host}: files are left: {state['files']}"
    assert not state["units"], f"{host}: systemd knows of {state['units']}"
    assert not state["sockets"], f"{host}: sockets are left: {state['sockets']}"
    there = host.run(
        "sh", "-c", f"ls -d {' '.join(ACCOUNT)} /etc/flask/{APP} /run/flask/{APP} /etc/nginx/*/*{APP}* 2>/dev/null", check=False
    )
    assert not there, f"{host}: still there are {there.split()}"
    processes = host.run("pgrep", "-u", f"flask-{APP}", check=False)
    assert not processes, f"{host}: processes run on: {processes.split()}"
    status, body = host.get()
    assert status == 0, f"{host}: nginx still answers with {status}: {body[:100]}"
