# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Archives that were packed to write outside of their directory, or to fill the controller, and honest ones that look alike."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import typing as t
import zipfile
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.source import bounds, members, unpack
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.members import MemberError
from ansible_collections.flaskops.stack.tests.unit.archives import names, tar, zipped

LINK = stat.S_IFLNK | 0o777


@pytest.fixture
def place(tmp_path) -> Path:
    """A directory to unpack into, with a neighbour that hostile archives write to."""
    (tmp_path / "neighbour").mkdir()
    (tmp_path / "neighbour/file").write_text("before")
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


def refused(archive: Path, place: Path) -> MemberError:
    """Return why an archive is refused; nothing beside its directory may have changed."""
    outside = {path for path in place.parent.rglob("*") if place not in path.parents}
    with pytest.raises(MemberError) as caught:
        unpack.unpack(archive, place)
    assert {path for path in place.parent.rglob("*") if place not in path.parents} == outside
    assert (place.parent / "neighbour/file").read_text() == "before"
    assert caught.value.remedy
    assert "\n" not in caught.value.problem
    return caught.value


def entry(name: str, kind: bytes = tarfile.REGTYPE, text: str = "", **attributes: t.Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mode = kind, len(text), 0o755 if kind == tarfile.DIRTYPE else 0o644
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info, text.encode()


def packed(place: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(place, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content))
    return place


def zip_entry(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


LEADING_OUT = {
    "../neighbour/file": ({"../neighbour/file": "x"}, "'../neighbour/file' leads out of its directory by '..'"),
    "inner dots": ({"a/../../neighbour/file": "x"}, "leads out of its directory by '..'"),
    "harmless dots": ({"a/../file": "x"}, "leads out of its directory by '..'"),
    "absolute": ({"/etc/evil.py": "x"}, "'/etc/evil.py' has an absolute path"),
    "absolute link": ({"out": "-> /etc"}, "'out' is a link to '/etc', which leads out"),
    "link out": ({"out": "-> ../neighbour"}, "'out' is a link to '../neighbour', which leads out"),
    "link far out": ({"a/b": "-> ../../.."}, "'a/b' is a link to '../../..', which leads out"),
    "link through links": ({"p/q/r": "-> ../..", "s": "-> p/q/r/../neighbour"}, "'s' is a link to 'p/q/r/../neighbour', which leads out"),
    "circle": ({"a": "-> b", "b": "-> a"}, "'a' is a link to 'b', which leads out of the archive or in a circle"),
    "file behind a link": ({"out": "-> ../neighbour", "out/file": "x"}, "'out/file' lies behind 'out', which is a link"),
    "file behind an inner link": ({"a/b": "x", "in": "-> a", "in/b": "y"}, "'in/b' lies behind 'in', which is a link"),
    "link where files lie": ({"out/file": "x", "out": "-> ../neighbour"}, "'out' is there twice, as a directory and as a link"),
    "link, then file": ({"a": "x", "./a": "-> ../neighbour/file"}, "'./a' is there twice, as a file and as a link"),
    "file behind a file": ({"a": "x", "a/b": "y"}, "'a/b' lies behind 'a', which is a file"),
    "a file as the top": ({".": "x"}, "'.' is a file"),
    "deep": ({"/".join("a" * 101): "x"}, "lies more than 100 directories deep"),
    "long name": ({"a" * 256: "x"}, "has a name of more than 255 bytes"),
    "long path": ({"/".join(["a" * 250] * 9): "x"}, "has a path of more than 2048 bytes"),
    "long link": ({"a": "-> " + "b/" * 1100}, "has a path of more than 2048 bytes"),
    "orders to a terminal": ({"../\x1b]0;owned\x07": "x"}, r"'../\x1b]0;owned\x07' leads out"),
}


@pytest.mark.parametrize(("content", "problem"), LEADING_OUT.values(), ids=LEADING_OUT)
@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_tar_that_leads_out_is_refused(tmp_path, place, content, problem, mode):
    assert problem in refused(tar(tmp_path / "x", content, mode), place).problem


@pytest.mark.parametrize(("content", "problem"), LEADING_OUT.values(), ids=LEADING_OUT)
def test_a_zip_that_leads_out_is_refused(tmp_path, place, content, problem):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name, text in content.items():
            link = text.startswith("-> ")
            archive.writestr(zip_entry(name, LINK if link else 0o644), text.removeprefix("-> "))
    assert problem in refused(tmp_path / "x.zip", place).problem


@pytest.mark.parametrize(
    ("kind", "word"),
    [(tarfile.CHRTYPE, "device"), (tarfile.BLKTYPE, "device"), (tarfile.FIFOTYPE, "FIFO"), (b"Z", "member of an unknown kind")],
)
def test_a_tar_with_what_is_no_code_is_refused(tmp_path, place, kind, word):
    assert refused(packed(tmp_path / "x", entry("a/b", kind)), place).problem == f"its member 'a/b' is a {word}"


def test_a_zip_with_what_is_no_code_is_refused(tmp_path, place):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(zip_entry("pipe", stat.S_IFIFO | 0o644), "")
    assert refused(tmp_path / "x.zip", place).problem == "its member 'pipe' is a device or FIFO"


@pytest.mark.parametrize("target", ["../neighbour/file", "/etc/passwd", "later", "link", "itself", "a/../../neighbour/file"])
def test_a_hard_link_to_anything_but_an_earlier_file_is_refused(tmp_path, place, target):
    link = entry("link", tarfile.SYMTYPE, linkname="../neighbour/file")
    archive = packed(tmp_path / "x", link, entry("itself", tarfile.LNKTYPE, linkname=target), entry("later"))
    problem = refused(archive, place).problem
    assert "is a hard link to" in problem or "leads out" in problem or "has an absolute path" in problem


def test_a_member_with_a_nul_byte_is_refused(tmp_path, place):
    archive = packed(tmp_path / "x", entry("a", pax_headers={"path": "a\0b"}))
    assert "has a NUL byte" in refused(archive, place).problem


def test_the_archive_of_cve_2025_4517_writes_nothing_outside(tmp_path, place):
    """The real path of its links is longer than PATH_MAX, so the filter of tarfile took them for links that stay inside."""
    name = "d" * 247
    entries, inner = [], ""
    for letter in "abcdefghijklmnop":
        entries.append(entry(os.path.join(inner, name), tarfile.DIRTYPE))
        entries.append(entry(os.path.join(inner, letter), tarfile.SYMTYPE, linkname=name))
        inner = os.path.join(inner, name)
    short = "/".join("abcdefghijklmnop")
    entries.append(entry(os.path.join(short, "l" * 254), tarfile.SYMTYPE, linkname="../" * 16))
    entries.append(entry("escape", tarfile.SYMTYPE, linkname=f"{short}/{'l' * 254}/../neighbour"))
    entries.append(entry("hard", tarfile.LNKTYPE, linkname="escape/file"))
    entries.append(entry("hard", text="after"))
    refused(packed(tmp_path / "x", *entries), place)


# --- bombs ----------------------------------------------------------------------------------------------------------------------------


def test_a_tar_that_unpacks_to_too_much_is_refused_before_it_is_written(tmp_path, place):
    info, _content = entry("large.bin")
    info.size = bounds.MOST_BYTES + 1
    (tmp_path / "x.tar").write_bytes(info.tobuf() + bytes(1024))
    assert refused(tmp_path / "x.tar", place).problem == "its member 'large.bin' makes it more than 2 GiB unpacked"
    assert sum(path.stat().st_size for path in place.rglob("*") if path.is_file()) == 0


@pytest.fixture
def small(monkeypatch):
    """Bounds that a test can exceed in no time."""
    monkeypatch.setattr(members, "MOST_BYTES", 100_000)
    monkeypatch.setattr(members, "MOST_MEMBERS", 5)
    monkeypatch.setattr(unpack, "MOST_MEMBERS", 5)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("pack", [tar, zipped])
def test_many_files_are_counted_together(tmp_path, place, pack):
    problem = refused(pack(tmp_path / "x", {f"{number}.bin": "0" * 40_000 for number in range(3)}), place)
    assert problem.problem.startswith("its member '2.bin' makes it more than ")
    assert "leave out what is not code" in problem.remedy


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("pack", [tar, zipped])
def test_too_many_members_are_refused(tmp_path, place, pack):
    assert "5" in refused(pack(tmp_path / "x", {f"{number}.py": "" for number in range(6)}), place).problem


@pytest.mark.usefixtures("small")
def test_hard_links_count_as_the_files_that_hosts_get(tmp_path, place):
    archive = packed(tmp_path / "x", entry("a", text="0" * 40_000), *(entry(f"h{n}", tarfile.LNKTYPE, linkname="a") for n in range(3)))
    assert "'h1' makes it more than" in refused(archive, place).problem


@pytest.mark.usefixtures("small")
def test_a_sparse_file_counts_as_large_as_it_seems(tmp_path, place):
    headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": "100001", "GNU.sparse.name": "holes"}
    assert "'holes' makes it more than" in refused(packed(tmp_path / "x", entry("x", text="x", pax_headers=headers)), place).problem


def test_a_zip_that_lies_about_a_size_is_refused(tmp_path, place):
    archive = zipped(tmp_path / "x.zip", {"a.bin": "0" * 1000})
    archive.write_bytes(archive.read_bytes().replace((1000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    refused(archive, place)
    assert all(path.stat().st_size <= 10 for path in place.rglob("*"))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_of_gigabytes_is_not_taken_into_memory(tmp_path, place, kind):
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, 8 * 1024**3 - 1
    with gzip.open(tmp_path / "x.tar.gz", "wb") as archive:
        archive.write(info.tobuf() + bytes(10_000))
    assert "headers of more than 1 MiB" in refused(tmp_path / "x.tar.gz", place).problem


def test_headers_without_end_are_refused(tmp_path, place):
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XGLTYPE, 512
    with gzip.open(tmp_path / "x.tar.gz", "wb") as archive:
        archive.write((header.tobuf() + b"8 a=bcd\n" * 64) * 3000)
    refused(tmp_path / "x.tar.gz", place)


# --- honest archives ------------------------------------------------------------------------------------------------------------------


def listed(place: Path) -> dict[str, str]:
    return {
        path.relative_to(place).as_posix(): f"-> {os.readlink(path)}" if path.is_symlink() else path.read_text()
        for path in place.rglob("*")
        if path.is_symlink() or path.is_file()
    }


HONEST = {
    "links": {"a/b.py": "x", "c.py": "-> a/b.py", "a/up": "-> ../c.py", "d": "-> a"},
    "links before their targets": {"c.py": "-> a/b.py", "a/b.py": "x"},
    "links through links": {"a/b/c.py": "x", "in": "-> a/b", "c.py": "-> in/c.py", "a/back": "-> ../in/../b"},
    "a link to nothing": {"a.py": "x", "local.py": "-> not/there.py"},
    "odd names": {"..a": "1", "a..": "2", "...": "3", "a b": "4", "\u00fc": "5", "a\\b": "6"},
    "a long path": {"/".join(["a" * 200] * 8): "x"},
}


@pytest.mark.parametrize("content", HONEST.values(), ids=HONEST)
def test_an_honest_tar_is_unpacked_whole(tmp_path, place, content):
    unpack.unpack(tar(tmp_path / "x", {f"./{name}": text for name, text in content.items()}), place)
    assert listed(place) == content


@pytest.mark.parametrize("content", HONEST.values(), ids=HONEST)
def test_an_honest_zip_is_unpacked_whole(tmp_path, place, content):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name, text in content.items():
            archive.writestr(zip_entry(name, LINK if text.startswith("-> ") else 0o644), text.removeprefix("-> "))
    unpack.unpack(tmp_path / "x.zip", place)
    assert listed(place) == content


def test_hard_links_of_a_tar_are_files(get, places, tmp_path):
    packed(places.inventory / "x.tar.gz", entry("a.py", text="x"), entry("b/c.py", tarfile.LNKTYPE, linkname="./a.py"))
    tree = get(archive="x.tar.gz")
    assert names(tree, tmp_path) == {"a.py", "b/c.py"}
    assert tree.read("b/c.py") == b"x"


def test_the_last_file_of_a_name_is_the_one(tmp_path, place):
    """An archive that ``tar --append`` has updated holds a file twice; a hard link to the first keeps what it was a link to."""
    unpack.unpack(
        packed(tmp_path / "x", entry("a", text="1"), entry("h", tarfile.LNKTYPE, linkname="a"), entry("a", text="2", mode=0o755)), place
    )
    assert listed(place) == {"a": "2", "h": "1"}
    assert os.access(place / "a", os.X_OK)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_that_ends_with_a_zip_is_no_zip(tmp_path, place, mode):
    inner = zipped(tmp_path / "inner.zip", {"wrong.py": "x"})
    with tarfile.open(tmp_path / "x.tar", mode, **({"compresslevel": 0} if mode == "w:gz" else {})) as archive:
        archive.add(inner, "vendor/inner.zip")
    unpack.unpack(tmp_path / "x.tar", place)
    assert [path.name for path in place.rglob("*") if path.is_file()] == ["inner.zip"]


def test_a_zip_with_a_program_before_it_is_one(tmp_path, place):
    archive = zipped(tmp_path / "x.zip", {"app.py": "x"})
    archive.write_bytes(b"#!/bin/sh\n" + archive.read_bytes())
    unpack.unpack(archive, place)
    assert listed(place) == {"app.py": "x"}


def test_what_another_member_could_have_left_has_no_influence(tmp_path, place):
    """Modes and owners of members are not taken over."""
    unpack.unpack(packed(tmp_path / "x", entry("d", tarfile.DIRTYPE, mode=0), entry("d/a", text="x", mode=0o6000, uid=54321)), place)
    status = (place / "d/a").stat()
    assert (stat.S_IMODE(status.st_mode) & 0o7111, status.st_uid) == (0, os.geteuid())


def test_a_refused_archive_leaves_nothing_and_is_one_message(get, places):
    tar(places.inventory / "shop.tar.gz", {"app.py": "x", "out": "-> /etc"})
    with pytest.raises(Exception, match="archive: 'shop.tar.gz' is refused: its member 'out' is a link to '/etc'.*; pack it anew"):
        get(archive="shop.tar.gz")
    assert [path.name for path in (places.cache / "trees").iterdir() if not path.name.endswith(".lock")] == []
