# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the members of tar and zip archives that anybody may have packed, in bounded memory."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import stat
import tarfile
import typing as t
import zipfile
import zlib
from pathlib import Path

from .bounds import LONGEST_PATH, MOST_HEADER_BYTES, MOST_HEADERS_BYTES, MOST_MEMBERS
from .members import Member, MemberError, Unpacking

_COMPRESSED: dict[bytes, t.Callable[[Path], t.Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
    b"\x5d\0\0": lzma.open,  # as old versions of lzma wrote it
}
_TAR_MAGIC = slice(257, 262)
_UNIX = 3  # ZipInfo.create_system (APPNOTE.TXT, 4.4.2)
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError, RuntimeError, UnicodeError, zlib.error, lzma.LZMAError)


def unpack(file: Path, target: Path) -> None:
    """Unpack a tar, compressed or not, or a zip into an empty directory.

    :raises MemberError: if a member may not be written, or the archive cannot be read
    """
    unpacking = Unpacking(target)
    try:
        # Inspect the beginning before the end: zipfile finds an archive in a tar whose last member is a zip.
        with open(file, "rb") as archive:
            head = archive.read(512)
        opened = next((opener for magic, opener in _COMPRESSED.items() if head.startswith(magic)), None)
        if not opened and head[_TAR_MAGIC] != b"ustar" and zipfile.is_zipfile(file):
            _unzip(file, unpacking)
        else:
            with opened(file) if opened else open(file, "rb") as plain:
                _untar(plain, unpacking)
        unpacking.finish()
    except _DAMAGED as error:
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MemberError("", f"it could not be unpacked ({words})", "pack it as .tar.gz or .zip") from error


class _HeaderReader:
    """The file under a tar, which says how much may be read: tarfile takes in as much for a header as the header itself says."""

    def __init__(self, file: t.IO[bytes]) -> None:
        self._file, self._all, self._left = file, 0, MOST_HEADER_BYTES
        self._in_headers = True
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int) -> bytes:
        if self._in_headers:
            self._left -= size
            self._all += size
            if self._left < 0 or self._all > MOST_HEADERS_BYTES:
                raise MemberError("", f"a member has headers of more than {MOST_HEADER_BYTES // 1024**2} MiB, or all have too many")
        return self._file.read(size)

    @contextlib.contextmanager
    def content(self, file: t.IO[bytes] | None) -> t.Iterator[t.IO[bytes] | None]:
        """Read the content of a member meanwhile, which is counted by the one who writes it."""
        self._in_headers = False
        yield file
        self._in_headers = True

    def next_member(self) -> None:
        self._left = MOST_HEADER_BYTES


def _untar(plain: t.IO[bytes], unpacking: Unpacking) -> None:
    reader = _HeaderReader(plain)
    with tarfile.open(fileobj=t.cast(t.Any, reader), mode="r:") as tar:
        while (info := tar.next()) is not None:
            # tarfile keeps all members, and their headers may be large.
            tar.members = []
            unpacking.add(_tar_member(tar, info, reader))
            reader.next_member()


def _tar_member(tar: tarfile.TarFile, info: tarfile.TarInfo, reader: _HeaderReader) -> Member:
    if info.isreg():
        return Member(info.name, "file", info.size, bool(info.mode & 0o100), open=lambda: reader.content(tar.extractfile(info)))
    kinds = {
        tarfile.DIRTYPE: "directory",
        tarfile.SYMTYPE: "link",
        tarfile.LNKTYPE: "hard link",
        tarfile.FIFOTYPE: "FIFO",
        tarfile.CHRTYPE: "device",
        tarfile.BLKTYPE: "device",
    }
    return Member(info.name, kinds.get(info.type, "member of an unknown kind"), target=info.linkname)


def _unzip(file: Path, unpacking: Unpacking) -> None:
    with zipfile.ZipFile(file) as archive:
        if len(archive.infolist()) > MOST_MEMBERS:
            raise MemberError("", f"it has more than {MOST_MEMBERS} members", "leave out what is not code, such as a virtualenv")
        for info in archive.infolist():
            unpacking.add(_zip_member(archive, info))


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    mode = info.external_attr >> 16 if info.create_system == _UNIX else 0
    if info.is_dir():
        return Member(info.filename, "directory")
    if stat.S_ISLNK(mode):
        with archive.open(info) as content:
            return Member(info.filename, "link", target=content.read(LONGEST_PATH + 1).decode(errors="surrogateescape"))
    kind = "file" if stat.S_IFMT(mode) in (0, stat.S_IFREG) else "device or FIFO"
    return Member(info.filename, kind, info.file_size, bool(mode & 0o100), open=lambda: archive.open(info))
