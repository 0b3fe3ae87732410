"""An edge before the servers, as inventory/fleet describes it: visitors come to the edge and notice nothing of what goes on behind it."""

from __future__ import annotations

import time

from ansible_collections.flaskops.stack.molecule.fleet.proofs.driver import RATE, Fleet
from ansible_collections.flaskops.stack.tests.harness.host import Host, until
from ansible_collections.flaskops.stack.tests.harness.load import Load
from ansible_collections.flaskops.stack.tests.harness.source import changed


def test_visitors_of_the_edge_lose_no_request(fleet: Fleet, edge: Host):
    """While a release reaches the servers in batches, and while the nginx of one server is away."""
    app = changed(fleet.app, nginx={"front": "proxy"})
    before = fleet.source.write("behind the edge")
    fleet.run("site", app, edge)
    fleet.run("edge", app, edge)
    load = Load([edge], "ledger", RATE, "/run/load.jsonl")
    began = time.time()
    load.begin()
    page = fleet.source.write("behind the edge in batches")
    fleet.run("rollout", app, edge, "--extra-vars=batches=1,100% soak=3")
    rolled = time.time()
    away = fleet.hosts[0]
    away.run("systemctl", "stop", "nginx")
    time.sleep(3)
    away.run("systemctl", "start", "nginx")
    load.require_no_loss(edge, began, rolled, [before, page])
    load.require_no_loss(edge, rolled, time.time(), [page])
    load.end()
    served = [host.run("grep", "-c", "GET / HTTP", "/var/log/nginx/ledger.access.log") for host in fleet.hosts]
    assert all(int(count) > 0 for count in served), f"the servers have logged {served} requests of the edge"


def test_a_server_is_taken_out_and_put_back_under_load(fleet: Fleet, edge: Host):
    """It gets no request until it is put back, whatever runs meanwhile, and the last server stays."""
    app = changed(fleet.app, nginx={"front": "proxy"})
    page = edge.page()["page"]
    first, out, last = fleet.hosts

    def asked(host: Host) -> int:
        return int(host.run("grep", "-c", "GET / HTTP", "/var/log/nginx/ledger.access.log"))

    load, began = Load([edge], "ledger", RATE, "/run/drain.jsonl"), time.time()
    load.begin()
    fleet.run("drain", app, edge, "--check", f"--extra-vars=backend={out.name}")
    fleet.run("drain", app, edge, f"--extra-vars=backend={out.name}")
    assert fleet.run("drain", app, edge, f"--extra-vars=backend={out.name}").changes == 0
    out.run("systemctl", "stop", "nginx")
    before = asked(out)
    run = fleet.run("edge", app, edge)
    assert run.changes == 0, run.output[-2000:]
    assert f"{out.address()}:8000" in run.output, "the run tells which servers are out"
    time.sleep(2)
    out.run("systemctl", "start", "nginx")
    assert asked(out) == before

    fleet.run("drain", app, edge, f"--extra-vars=backend={first.address()}")
    run = fleet.attempt("drain", app, edge, f"--extra-vars=backend={last.name}")
    assert run.code == 2
    assert f"ledger: without {last.address()}:8000 no backend is left" in run.output
    for host in (first, out):
        fleet.run("drain", app, edge, f"--extra-vars=backend={host.name} state=restore")
    before = asked(out)
    assert until(lambda: asked(out) > before, 300), "the server that was put back gets no request"
    load.require_no_loss(edge, began, time.time(), [page])
    load.end()


def test_the_edge_forgets_what_it_has_cached_of_the_release_before(fleet: Fleet, edge: Host):
    """It cannot see that the servers have another release, so the rollout purges its cache at the end."""
    app = changed(fleet.app, nginx={"front": "proxy", "routes": [{"path": "/", "mode": "cache", "valid": {200: "1h"}}]})
    old = fleet.source.write("cached")
    fleet.run("rollout", app, edge, "--extra-vars=batches=100% soak=0")
    fleet.run("edge", app, edge)
    assert edge.page()["page"] == old
    new = fleet.source.write("not cached yet")
    fleet.run("site", app, edge)
    assert edge.page()["page"] == old, "the edge has no cache, so the next line would prove nothing"
    newest = fleet.source.write("not cached either")
    fleet.run("rollout", app, edge, "--extra-vars=batches=1,100% soak=0")
    assert edge.page()["page"] == newest != new
    fleet.source.write("for some servers")
    run = fleet.run("rollout", app, edge, "--extra-vars=batches=100% soak=0", f"--limit={fleet.hosts[0].name}")
    assert f"{edge.name}: --limit has left it out, or it has failed before, and the edge may still have cached answers" in run.output


def test_nobody_but_the_edge_is_answered(fleet: Fleet, edge: Host):
    """Another server of the fleet is nobody whose words about visitors are believed."""
    first, second, _third = fleet.hosts
    ask = f"""
import http.client
connection = http.client.HTTPConnection("{first.address()}", 8000, timeout=60)
connection.request("GET", "/", headers={{"Host": "ledger"}})
print(connection.getresponse().status)
"""
    assert second.run("python3", "-", given=ask).strip() == "403"
    assert edge.run("python3", "-", given=ask).strip() == "200"
