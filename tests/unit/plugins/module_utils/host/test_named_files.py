"""Files whose names come from anybody: what root reads of them, and what it does not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import named_files
from ansible_collections.flaskops.stack.plugins.module_utils.host.named_files import Reader

SOMEBODY = 54321


def read(pattern: Path, author: int | None = None) -> Reader:
    reader = Reader()
    reader.read(str(pattern), os.getuid() if author is None else author)
    return reader


def test_files_of_a_pattern_are_read_in_order(tmp_path):
    for name in ("b.conf", "a.conf", ".hidden.conf"):
        (tmp_path / name).write_text(name)
    (tmp_path / "c.conf").mkdir()
    reader = read(tmp_path / "*.conf")
    assert [(Path(file.path).name, file.text) for file in reader.files] == [("a.conf", "a.conf"), ("b.conf", "b.conf")]
    assert reader.refused == {}


def test_no_pattern_has_root_walk_through_the_whole_host(tmp_path):
    """A file of configuration that names others could keep the survey busy for hours."""
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/x.conf").write_text("text")
    assert [Path(file.path).name for file in read(tmp_path / "*/b/*.conf").files] == ["x.conf"]
    pattern = tmp_path / "*/*/[x].conf"
    reader = read(pattern)
    assert (reader.files, reader.refused) == ([], {str(pattern): "is not read: it has wildcards in more than two of its parts"})


def test_a_link_is_followed_and_its_target_told(tmp_path):
    (tmp_path / "available").mkdir()
    (tmp_path / "available/shop").write_text("text")
    (tmp_path / "shop").symlink_to("available/../available/shop")
    (file,) = read(tmp_path / "shop").files
    assert (file.path, file.real) == (str(tmp_path / "shop"), str(tmp_path.resolve() / "available/shop"))


@pytest.mark.parametrize(
    ("mode", "author", "is_read"), [(0o600, SOMEBODY, False), (0o640, SOMEBODY, False), (0o644, SOMEBODY, True), (0o600, None, True)]
)
def test_nobody_has_a_file_read_that_they_may_not_read(tmp_path, mode, author, is_read):
    file = tmp_path / "secret"
    file.write_text("s3cret")
    file.chmod(mode)
    reader = read(file, author)
    assert bool(reader.files) is is_read
    assert reader.refused == ({} if is_read else {str(file): "is named by a user who may not read it"})


def test_the_owner_of_a_link_counts_as_one_who_named_the_file(tmp_path, monkeypatch):
    (tmp_path / "secret").write_text("s3cret")
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "link").symlink_to("secret")
    real = os.fstat

    def fstat(descriptor):
        status = real(descriptor)
        return os.stat_result([*status[:4], SOMEBODY, *status[5:]]) if named_files.stat.S_ISLNK(status.st_mode) else status

    monkeypatch.setattr(named_files.os, "fstat", fstat)
    assert list(read(tmp_path / "link", 0).refused.values()) == ["is named by a user who may not read it"]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: os.mkfifo(path), "is no regular file"),
        (lambda path: path.symlink_to(path.name), "is behind a loop of links"),
        (lambda path: path.write_bytes(b"a\0b"), "is no text"),
        (lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_RDWR), 2**30), "is larger than 256 KiB"),
        (lambda path: path.symlink_to("/etc/shadow"), "leads to a file of the system that is no configuration of a service"),
        (lambda path: path.symlink_to("/proc/self/environ"), "leads to a file of the system that is no configuration of a service"),
        (lambda path: None, "no such file or directory"),
    ],
)
def test_what_is_no_configuration_is_one_reason(tmp_path, make, says):
    make(tmp_path / "odd")
    reader = read(tmp_path / "odd")
    assert reader.files == []
    assert reader.refused == {str(tmp_path / "odd"): says}


def test_all_files_together_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(named_files, "_MOST_FILES", 2)
    for name in "abc":
        (tmp_path / name).write_text(name)
    reader = Reader()
    for name in "abc":
        reader.read(str(tmp_path / name), os.getuid())
    assert [file.text for file in reader.files] == ["a", "b"]
    assert "more than 2 files" in reader.refused[str(tmp_path / "c")]
