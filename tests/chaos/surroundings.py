"""Faults of what a deployment stands on: disks, clocks, other people."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from ansible_collections.flaskops.stack.tests.chaos.points import Case, Step, matching

# A run is disturbed in these functions of plugins/module_utils, written as module and name. tests/unit/chaos has a test that each of them is there.
UNPACK = "release.build._unpack"
FILL_VIRTUALENV = "release.virtualenv._fill"
PUBLISH_RELEASE = "release.build._publish"
WRITE_HISTORY = "app.history.record"
WRITE_INSTANCE = "instance.instance_files.write"
STAGE_FILES = "config_tree.stage.apply_plan"
BUILD_TREE = "config_tree.transaction._build"
GO_LIVE = "config_tree.transaction._go_live"
POINTS = (UNPACK, FILL_VIRTUALENV, PUBLISH_RELEASE, WRITE_HISTORY, WRITE_INSTANCE, STAGE_FILES, BUILD_TREE, GO_LIVE)

KIND = "surroundings"
APP = "/srv/flask/ledger"


def _small(directory: str, options: str) -> str:
    """Return commands that put a directory with all it has on a file system of its own."""
    return (
        f"mkdir /mnt/small; mount -t tmpfs -o {options} small /mnt/small; cp -a {directory}/. /mnt/small/;"
        f" chmod --reference={directory} /mnt/small; chown --reference={directory} /mnt/small;"
        f" mount --bind /mnt/small {directory}; umount /mnt/small; rmdir /mnt/small"
    )


def _fill(directory: str) -> str:
    return f"dd if=/dev/zero of={directory}/filler bs=4k 2>/dev/null || true"


def _use_up_inodes(directory: str) -> str:
    return f"mkdir {directory}/filler; n=0; while touch {directory}/filler/$n 2>/dev/null; do n=$((n+1)); done"


def _at(step: Step, command: str) -> dict[str, object]:
    return {"call": step.call, "step": step.step, "count": step.count, "action": "command", "command": command}


def _outside(step: Step) -> dict[str, object]:
    """Return the fault in which a module waits until the harness has done something."""
    return {"call": step.call, "step": step.step, "count": step.count, "action": "wait"}


def _with_full_run(steps: Sequence[Step]) -> list[Case]:
    """Return the cases in which something has filled the file system of /run."""
    small = "mount -o remount,size=$(( $(df --output=used -k /run | tail -1) + 40960 ))k /run"
    filler = "/run/filler"
    fill = f"dd if=/dev/zero of={filler} bs=4k 2>/dev/null || true"
    return [
        Case(f"/run full while {what}", KIND, _at(matching(steps, function), fill), before=small, repair=f"rm {filler}")
        for what, function in (("the virtualenv is built", FILL_VIRTUALENV), ("the instance is written", WRITE_INSTANCE))
    ]


def _hostile_contents() -> list[Case]:
    """Return the cases in which an application, or a run of a former version, has left what should not be followed or waited for."""
    as_user = "runuser -u flask-ledger -- sh -c '{}'"
    own = "/run/flask/ledger/own"
    links = "for name in current releases lock history.jsonl; do ln -s /etc/$name $name; done; ln -s /etc etc; ln -s . loop; mkfifo pipe"
    deep = 'python3 -c "import os\nfor _ in range({}): os.mkdir(chr(100)); os.chdir(chr(100))"'
    places = f"{APP}/shared {own}"
    in_each = f"for place in {places}; do cd $place; {{}}; done"
    taken = "for socket in *.sock *.stats; do mv $socket $socket.away; mkdir -p $socket/in/the/way; done"
    stale = (
        f"cd {APP}; ln -s /etc releases/.0123456789ab; ln -s /etc venvs/.0123456789ab; ln -s /etc/passwd .next.partial;"
        " mkfifo releases/.home-x"
    )
    return [
        Case(
            "links and pipes in the directories of the application",
            KIND,
            before=as_user.format(in_each.format(links)),
            repair=in_each.format("rm -f current releases lock history.jsonl etc loop pipe"),
        ),
        Case(
            "trees of many directories in the directories of the application",
            KIND,
            # The first is deeper than a path may be long; the file system of the sockets has 1,024 inodes.
            before="; ".join(
                f"cd {place}; runuser -u flask-ledger -- {deep.format(count)}" for place, count in ((f"{APP}/shared", 3000), (own, 900))
            ),
            repair=in_each.format("rm -rf d"),
        ),
        Case(
            "directories in the place of sockets of the application",
            KIND,
            before=as_user.format(f"cd {own}; {taken}"),
            repair=f"cd {own}; rm -rf *.away */",
        ),
        Case("links in the place of unfinished releases", KIND, before=stale),
    ]


def of_surroundings(steps: Sequence[Step], managed: Sequence[str]) -> list[Case]:
    """Return the cases.

    :param steps: all that a run has recorded
    :param managed: paths of the files that runs manage
    """
    full = (
        ("disk full while the release is unpacked", APP, UNPACK),
        ("disk full while the virtualenv is built", APP, FILL_VIRTUALENV),
        ("disk full while the release is finished", APP, PUBLISH_RELEASE),
        ("disk full while the history is written", APP, WRITE_HISTORY),
        ("disk full while the instance is written", "/etc", WRITE_INSTANCE),
        ("disk full while nginx files are staged", "/etc", STAGE_FILES),
        ("disk full while the swap is marked", "/var/lib", GO_LIVE),
    )
    cases = [
        Case(name, KIND, _at(matching(steps, function), _fill(place)), before=_small(place, "size=400M"), repair=f"rm {place}/filler")
        for name, place, function in full
    ]
    for name, place, function in (
        ("no inodes while the release is unpacked", APP, UNPACK),
        ("no inodes while nginx files are staged", "/etc", BUILD_TREE),
    ):
        fault = _at(matching(steps, function), _use_up_inodes(place))
        small = _small(place, f"size=400M,nr_inodes=$(( $(find {place} -xdev | wc -l) + 8000 ))")
        cases.append(Case(name, KIND, fault, before=small, repair=f"rm -r {place}/filler"))
    staged = matching(steps, GO_LIVE)
    cases += [
        Case("package index unreachable", KIND, before="mv /opt/wheels /opt/away", repair="mv /opt/away /opt/wheels"),
        Case("candidate out of memory", KIND, too_large=True),
        Case("nginx stopped by hand in the middle", KIND, _at(staged, "systemctl stop nginx"), stops_site=True),
        Case("nginx killed in the middle", KIND, _at(staged, "systemctl kill --signal=KILL nginx"), stops_site=True),
        Case("a second run at the same moment", KIND, twice=True),
        Case("clock one year ahead", KIND, before="echo +365d > /chaos/clock", repair="rm /chaos/clock"),
        Case("clock one year behind", KIND, before="echo -365d > /chaos/clock", repair="rm /chaos/clock"),
        Case("two runs with different releases at the same moment", KIND, twice=True, differing=True),
        Case("a release out of memory beside a neighbour that is deployed anew", KIND, too_large=True, with_neighbour=True),
        Case("reboot while the old release drains", "reboot", _outside(matching(steps, WRITE_HISTORY))),
        *_with_full_run(steps),
        *_hostile_contents(),
        Case("/run wiped", KIND, before="umount /run/flask/*; rm -rf /run/flask /run/flaskops", stops_site=True),
    ]
    for path in managed:
        quoted = shlex.quote(path)
        cases += [
            Case(f"{path} edited", KIND, before=f"echo '# by hand' >> {quoted}"),
            Case(f"{path} deleted", KIND, before=f"rm {quoted}"),
            Case(f"{path} made a directory", KIND, before=f"rm {quoted}; mkdir {quoted}"),
        ]
    return cases
