"""The firewall lets through what it should, seen from outside, and locks nobody out."""

from __future__ import annotations

import json
import socket
import time

from ansible_collections.flaskops.stack.molecule.flask_firewall.proofs.driver import (
    CLOSED,
    DROPPED_SECONDS,
    OPEN,
    OTHER_WAY,
    RULES,
    TABLE,
    Walled,
    variables,
)
from ansible_collections.flaskops.stack.tests.harness.host import until

LISTED = variables()["flask_firewall_open"]
TRIAL_SECONDS = variables()["flask_firewall_confirm_within"]
LOAD = "flaskops.stack.flask_firewall : Load the rules of the firewall"
MORE = [*LISTED, {"port": 5000}]
# Without the way by which the run comes.
OTHERS = [item for item in MORE if item["port"] != OTHER_WAY]
FOREIGN = """
table inet theirs {
    chain input {
        type filter hook input priority filter; policy accept;
        tcp dport { 22, 80 } accept
    }
}
"""
ASK = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
    connection.sendall(b"question")
    print(connection.recv(100).decode(), flush=True)
"""
BANS = "table inet f2b-table { chain f2b-chain { type filter hook input priority filter - 1; ip saddr 192.0.2.9 reject; }; }"


def test_only_what_is_open_gets_through(walled: Walled):
    walled.require_rules()
    assert walled.gets_through(443, socket.SOCK_DGRAM) == [True, True], "HTTP/3"
    assert walled.gets_through(5353, socket.SOCK_DGRAM, DROPPED_SECONDS) == [False, False]


def test_a_run_that_changes_nothing_makes_one_round_trip(walled: Walled):
    run = walled.run().require_success()
    run.require_nothing_changed("the rules are as they were")
    assert run.trips == {walled.host.name: ["Load the rules of the firewall"]}


def test_check_mode_shows_the_rules_and_changes_nothing(walled: Walled):
    before = walled.loaded()
    run = walled.run("--check", "--diff", flask_firewall_open=MORE).require_success()
    assert run.changed == {walled.host.name: [LOAD]}
    (diff,) = [diff for _task, _host, result in run.results for diff in result.get("diff") or []]
    assert ("5000" in diff["before"], "tcp dport { 5000 } accept" in diff["after"]) == (False, True)
    assert walled.loaded() == before
    walled.require_rules()


def test_new_rules_are_kept_when_a_new_connection_gets_through(walled: Walled):
    run = walled.run(flask_firewall_open=MORE).require_success()
    assert run.changed == {walled.host.name: [LOAD]}
    walled.require_rules((*OPEN, 5000), (8000,))
    time.sleep(TRIAL_SECONDS + 2)
    walled.require_rules((*OPEN, 5000), (8000,))
    walled.run(flask_firewall_open=MORE).require_success().require_nothing_changed("the rules are confirmed")


def test_rules_that_lock_the_run_out_are_undone(walled: Walled):
    """The run comes by a port that neither Ansible's variables nor sshd tell, so the host cannot know that it must stay open."""
    walled.run(flask_firewall_open=LISTED).require_success()
    run = walled.run(port=OTHER_WAY, flask_firewall_open=OTHERS)
    run.require_failure(walled.host, "gone back to the former ones", "flask_firewall_open")
    walled.require_rules((*OPEN, OTHER_WAY))
    assert "5000" not in walled.host.run("cat", RULES)
    walled.run(flask_firewall_open=LISTED).require_success().require_nothing_changed("the host has gone back")


def test_rules_of_a_run_that_was_killed_are_undone(walled: Walled):
    going = walled.begin(port=OTHER_WAY, flask_firewall_open=OTHERS)
    assert until(lambda: "5000" in walled.loaded() or going.is_over, 600)
    going.kill()
    going.wait()
    assert walled.gets_through(5000) == [True, True], "the rules are on trial"
    assert until(lambda: "5000" not in walled.loaded(), TRIAL_SECONDS + 300)
    walled.require_rules((*OPEN, OTHER_WAY))


def test_a_list_without_the_running_connection_is_refused(walled: Walled):
    before = walled.loaded()
    run = walled.run(flask_firewall_ssh_from=["192.0.2.0/24"])
    run.require_failure(walled.host, "flask_firewall_ssh_from leaves out 172.", "nothing was changed")
    assert walled.loaded() == before


def test_the_firewall_of_somebody_else_is_told_before_anything_changes(walled: Walled):
    walled.host.run("nft", "-f", "-", given=FOREIGN)
    before = walled.loaded()
    run = walled.run(flask_firewall_open=MORE)
    run.require_failure(walled.host, "has a firewall already", "inet theirs", "flask_firewall_beside")
    assert walled.loaded() == before
    walled.run(flask_firewall_open=MORE, flask_firewall_beside=["inet theirs"]).require_success()
    assert "table inet theirs" in walled.loaded()
    walled.run(flask_firewall_open=LISTED, flask_firewall_beside=["inet theirs"]).require_success()
    walled.host.run("nft", "delete", "table", "inet", "theirs")


def test_fail2ban_is_no_other_firewall(walled: Walled):
    walled.host.run("nft", "-f", "-", given=BANS)
    walled.run().require_success().require_nothing_changed("a table of fail2ban is no concern of the role")
    walled.host.run("nft", "delete", "table", "inet", "f2b-table")


def test_rules_that_somebody_flushed_come_back(walled: Walled):
    walled.host.run("nft", "flush", "ruleset")
    assert walled.gets_through(5000) == [True, True]
    assert walled.run("--diff").require_success().changed == {walled.host.name: [LOAD]}
    walled.require_rules()
    # These flush all rules, and the unit of the role, for which they do not wait, loads its own again.
    for order in ("restart", "reload"):
        walled.host.run("systemctl", order, "nftables")
        assert until(lambda: TABLE in walled.loaded(), 300)
        walled.require_rules()


def test_a_connection_from_before_the_rules_goes_on(walled: Walled):
    """A program of the host waits for an answer, as of a database, when the first rules are loaded."""
    walled.host.run("nft", "flush", "ruleset")
    gateway = json.loads(walled.host.run("ip", "-json", "route", "show", "default"))[0]["gateway"]
    with socket.create_server((gateway, 0)) as server:
        walled.host.start("python3", "-c", ASK, gateway, str(server.getsockname()[1]), output="/run/said")
        with server.accept()[0] as connection:
            assert connection.recv(100) == b"question"
            walled.run().require_success()
            assert TABLE in walled.loaded()
            connection.sendall(b"answer")
            assert until(lambda: walled.host.run("cat", "/run/said") == "answer\n", 300)


def test_a_restart_keeps_the_rules(walled: Walled):
    walled.restart()
    assert TABLE in walled.loaded()
    walled.require_rules()
    walled.controller.admit(walled.host)
    walled.run().require_success().require_nothing_changed("the host has loaded the rules at boot")


def test_the_firewall_goes_without_a_trace(walled: Walled):
    assert any(walled.run("--check", flask_firewall_state="absent").require_success().changed.values())
    walled.require_rules()
    walled.run(flask_firewall_state="absent").require_success()
    walled.require_rules((*OPEN, *CLOSED), ())
    assert TABLE not in walled.loaded()
    left = walled.host.run(
        "sh",
        "-c",
        "ls /etc/nftables.d /run/flaskops/firewall-* 2>/dev/null; systemctl list-units --all --no-legend 'flaskops-*'",
        check=False,
    )
    assert left.strip() == ""
    walled.run(flask_firewall_state="absent").require_success().require_nothing_changed("there is nothing to remove")
    walled.run().require_success()
    walled.require_rules()
