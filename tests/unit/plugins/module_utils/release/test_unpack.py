# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shipped sources: nothing of one is written outside of the release."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError
from ansible_collections.flaskops.stack.plugins.module_utils.release.build import build
from ansible_collections.flaskops.stack.plugins.module_utils.release.store import (
    BuildError,
)
from ansible_collections.flaskops.stack.tests.unit.building import (
    CODE,
    description,
    left,
    needs_root,
    packed,
)

HOSTILE = [
    {"../evil": "x"},
    {"/tmp/evil": "x"},
    {"a/../../evil": "x"},
    {"link": "-> /etc/passwd"},
    {"link": "-> ../../x"},
    {"pkg/link": "-> ../../x"},
    {"directory": None},
    {"a": "-> /tmp/evil", "./a": "-> app.py"},
    {"a": "-> app.py", "./a": "evil"},
    {"one": "-> two", "two": "-> one"},
]


@needs_root
@pytest.mark.parametrize("members", HOSTILE, ids="+".join)
def test_what_leads_out_of_the_release_is_refused(host, members):
    with pytest.raises(BuildError, match="what would lead out of the release: "):
        build(description(host), packed(host.place, {**CODE, **members}))
    assert left(host) == []


@needs_root
@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.LNKTYPE])
def test_members_that_are_no_files_are_refused(host, kind):
    with pytest.raises(BuildError):
        build(description(host), packed(host.place, {"x": ""}, type=kind, linkname="/etc/passwd"))


@needs_root
@pytest.mark.parametrize(
    "members",
    [
        # The path of `evil` is inside of the release only as a text: it passes through a link that leads up.
        {"p/q/r": "-> ../..", "p/q/r/../../evil": "x"},
        {"p/q/r": "-> ../..", "s": "-> p/q/r/../../x", "s/evil": "x"},
        {"d": "-> p/q", "d/evil": "x"},
    ],
    ids=["through a link", "a link through a link", "into a linked directory"],
)
def test_no_member_is_written_through_a_link(host, members):
    (host.place / "x").mkdir()
    (host.place / "releases/x").mkdir()
    with pytest.raises(BuildError):
        build(description(host), packed(host.place, members))
    assert list(host.place.rglob("evil")) == []


@needs_root
def test_links_within_the_release_are_kept(host):
    members = {"a/b": "-> ../app.py", "a/c": "-> b", "d": "-> a", "e": "-> d/c", "up": "-> a/..", "app.py": "x"}
    build(description(host), packed(host.place, members))
    for name in ("d/c", "e", "up/app.py"):
        assert (host.place / "releases/r1" / name).read_text() == "x"


@needs_root
def test_an_archive_that_was_damaged_on_the_way_leaves_nothing(host):
    archive = Path(packed(host.place, {"big": os.urandom(50_000).hex()}))
    archive.write_bytes(archive.read_bytes()[:20_000])
    with pytest.raises((BuildError, CommandError)):
        build(description(host), str(archive))
    assert left(host) == []
