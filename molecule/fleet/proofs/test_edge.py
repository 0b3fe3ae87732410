"""An edge before the servers, as inventory/fleet describes it: visitors come to the edge and notice nothing of what goes on behind it."""

from __future__ import annotations

import time

from ansible_collections.flaskops.stack.molecule.fleet.proofs.driver import RATE, Fleet
from ansible_collections.flaskops.stack.tests.harness.host import Host
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
    away = fleet.hosts[0]
    away.run("systemctl", "stop", "nginx")
    time.sleep(3)
    away.run("systemctl", "start", "nginx")
    time.sleep(1)
    load.end()
    load.require_no_loss(edge, began, time.time() - 2, [before, page])
    assert {sample.page for sample in load.samples(edge, time.time() - 6)} == {page}
    served = [host.run("grep", "-c", "GET / HTTP", "/var/log/nginx/ledger.access.log") for host in fleet.hosts]
    assert all(int(count) > 0 for count in served), f"the servers have logged {served} requests of the edge"


def test_nobody_but_the_edge_is_answered(fleet: Fleet, edge: Host):
    """Another server of the fleet is nobody whose words about visitors are believed."""
    first, second, _third = fleet.hosts
    ask = f"""
import http.client
connection = http.client.HTTPConnection("{first.address()}", 8000, timeout=5)
connection.request("GET", "/", headers={{"Host": "ledger"}})
print(connection.getresponse().status)
"""
    assert second.run("python3", "-", given=ask).strip() == "403"
    assert edge.run("python3", "-", given=ask).strip() == "200"
