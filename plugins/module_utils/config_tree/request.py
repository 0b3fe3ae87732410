# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The tree that a call of config_tree asks for, and the manifest of the files that are ours."""

from __future__ import annotations

import base64
import grp
import hashlib
import json
import os
import typing as t
import zlib
from dataclasses import dataclass, field, fields

MANIFEST = ".flaskops.json"
# The directory of the originals that `force` replaced, under their own paths.
SAVED = ".flaskops.saved"
_FILE_SPEC: dict[str, dict[str, t.Any]] = {
    "path": {"type": "str", "required": True},
    "owner": {"type": "str", "required": True},
    "src": {"type": "str"},
    "content": {"type": "str"},
    "link": {"type": "str"},
    "vars": {"type": "dict", "default": {}},
    "search": {"type": "list", "elements": "str", "default": []},
    "mode": {"type": "raw", "default": "0644"},
    "group": {"type": "str", "default": ""},
    "diff": {"type": "bool", "default": True},
    "force": {"type": "bool", "default": False},
    "if_unedited": {"type": "bool", "default": False},
    "serves": {"type": "list", "elements": "str", "default": []},
    "spare": {"type": "bool", "default": False},
}
# A site as the description derives it: the modules that ask sites take it whole.
SITE_SPEC: dict[str, dict[str, t.Any]] = {
    "name": {"type": "str", "required": True},
    "host": {"type": "str", "required": True},
    "names": {"type": "list", "elements": "str", "default": []},
    "prefix": {"type": "str", "default": ""},
    "routes": {"type": "list", "elements": "dict", "required": True},
    "certificate": {"type": "dict", "default": {}},
}
# The action plugin makes files and requests of these.
_SITES_SPEC = {
    "apps": {"type": "raw", "required": True},
    "variable": {"type": "str", "default": "nginx_site_apps"},
    "variables": {"type": "dict", "required": True},
    "left_out": {"type": "dict", "default": {}},
    "pages": {"type": "dict", "default": {}},
}
ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "root": {"type": "path", "required": True},
    "files": {"type": "list", "elements": "dict", "default": [], "options": _FILE_SPEC},
    "sites": {"type": "dict", "options": _SITES_SPEC},
    "absent": {"type": "list", "elements": "raw", "default": []},
    "owners": {"type": "list", "elements": "str", "default": []},
    "validate": {"type": "list", "elements": "str", "default": []},
    "validate_fallback": {"type": "list", "elements": "str", "default": []},
    "included": {"type": "list", "elements": "str", "default": []},
    "service": {"type": "str"},
    "service_log": {"type": "path"},
    "reload_check": {"type": "str", "choices": ["none", "workers"], "default": "none"},
    "reload_timeout": {"type": "int", "default": 10},
    "probe_listen": {"type": "list", "elements": "str", "default": ["80"]},
    "probe_tls_listen": {"type": "str"},
    "probe_sites": {"type": "list", "elements": "dict", "default": [], "options": SITE_SPEC},
    "payload": {"type": "str", "no_log": True},
    "digest": {"type": "str", "default": ""},
    "settled": {"type": "dict", "default": {}},
    "who": {"type": "str", "default": "somebody"},
}


class ConfigTreeError(Exception):
    """A refusal in words for the user.

    :param details: further keys of the module's result
    """

    def __init__(self, message: str, **details: t.Any) -> None:
        super().__init__(message)
        self.details = details


@dataclass(frozen=True)
class Entry:
    """A wanted file, with ``content``, or symlink, with ``link``, at a path relative to the root.

    :param group: name of the group that the file belongs to, empty for root's
    :param serves: directories below the root whose files it includes
    :param spare: whether it stands in for a file of somebody else that includes them, and is there only while they have files
    """

    path: str
    owner: str
    content: bytes | None = None
    link: str | None = None
    mode: int = 0o644
    diff: bool = True
    force: bool = False
    if_unedited: bool = False
    serves: t.Sequence[str] = ()
    spare: bool = False
    group: str = ""

    @property
    def gid(self) -> int:
        """Return the number of the group on this host; a host without it, as in check mode before a package is installed, has root's."""
        try:
            return grp.getgrnam(self.group).gr_gid if self.group else 0
        except KeyError:
            return 0

    @property
    def digest(self) -> str:
        """Return the sha256 of the content, or of the link's target, as hex digits."""
        data = self.content if self.link is None else self.link.encode()
        return hashlib.sha256(data or b"").hexdigest()

    def record(self) -> dict[str, t.Any]:
        """Return what the manifest says of this entry."""
        record: dict[str, t.Any] = {"owner": self.owner, "sha256": self.digest}
        if not self.diff:
            record["diff"] = False
        if self.serves:
            record["serves"] = list(self.serves)
        if self.spare:
            record["spare"] = True
        return record


class Absent(t.NamedTuple):
    """A path that must not exist.

    :param only_if_link: only a symlink to that target is removed
    :param if_unedited: the link is removed only if its target is the unedited file of a package
    """

    path: str
    only_if_link: str | None = None
    if_unedited: bool = False


def payload_text(entries: t.Iterable[Entry]) -> str:
    """Return entries as JSON."""
    rows = []
    names = [field.name for field in fields(Entry) if field.name != "content"]
    for entry in entries:
        row = {name: getattr(entry, name) for name in names}
        row["content"] = None if entry.content is None else entry.content.decode("utf-8", "surrogateescape")
        rows.append(row)
    return json.dumps(rows)


def encode_payload(text: str) -> str:
    """Pack the text of :func:`payload_text` into one short ASCII string for the module's arguments."""
    return base64.b64encode(zlib.compress(text.encode())).decode()


def decode_payload(payload: str) -> list[Entry]:
    """Unpack what :func:`encode_payload` made.

    :raises ConfigTreeError: for anything else
    """
    try:
        rows = json.loads(zlib.decompress(base64.b64decode(payload)))
        return [Entry(**{**row, "content": _to_bytes(row["content"]), "serves": tuple(row["serves"])}) for row in rows]
    except (ValueError, TypeError, KeyError, zlib.error) as error:
        raise ConfigTreeError(f"config_tree: the payload of its action plugin cannot be read: {error}") from error


def _to_bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "surrogateescape")


def clean_path(path: str, what: str) -> str:
    """Return a path if it is a plain relative one below the root.

    :param what: which part of the request has it, for the message
    :raises ConfigTreeError: if it is not
    """
    parts = path.split("/")
    if not path or path.startswith("/") or any(part in ("", ".", "..") for part in parts) or "\0" in path:
        raise ConfigTreeError(f"{what}: '{path}' is no path below the root; write it relative, without '.' and '..'")
    if parts[0] in (MANIFEST, SAVED):
        raise ConfigTreeError(f"{what}: '{parts[0]}' is config_tree's own; choose another path")
    return path


def check_request(entries: list[Entry], absent: list[Absent]) -> None:
    """Require that all paths can be as they are wanted at the same time.

    :raises ConfigTreeError: if they cannot
    """
    seen: dict[str, Entry] = {}
    for entry in entries:
        clean_path(entry.path, f"files of {entry.owner}")
        if entry.path in seen:
            raise ConfigTreeError(f"files: '{entry.path}' is given twice, by {seen[entry.path].owner} and by {entry.owner}")
        seen[entry.path] = entry
    for path in seen:
        for parent in parents(path):
            if parent in seen:
                raise ConfigTreeError(f"files: '{path}' lies below '{parent}', which is a file or link itself")
    for gone in absent:
        if clean_path(gone.path, "absent") in seen:
            raise ConfigTreeError(f"'{gone.path}' is in files (of {seen[gone.path].owner}) and in absent; choose one")


def parents(path: str) -> list[str]:
    """Return the directories above a path, the outermost first, without the root itself."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


def has_real_parents(root: str, path: str) -> bool:
    """Return whether no directory between the root and a path is a symlink, which could lead out of the tree."""
    return not any(os.path.islink(os.path.join(root, parent)) for parent in parents(path))


@dataclass
class Manifest:
    """Which paths below the root are ours.

    :param files: records by path
    :param dirs: directories that we have made
    """

    files: dict[str, dict[str, t.Any]] = field(default_factory=dict)
    dirs: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, root: str) -> Manifest:
        """Read the manifest of a tree; it is empty where there is none.

        :raises ConfigTreeError: if it is damaged
        """
        path = os.path.join(root, MANIFEST)
        try:
            with open(path, encoding="utf-8") as handle:
                data = json.load(handle)
            return cls(dict(data["files"]), list(data["dirs"]))
        except (FileNotFoundError, NotADirectoryError):
            return cls()
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigTreeError(
                f"{path} is damaged ({error}); put it back from a backup, or remove it: "
                "files whose content is as wanted are then adopted, others are reported"
            ) from error

    def dump(self) -> str:
        """Return the manifest as it is written, the same text for the same contents."""
        data = {"version": 1, "files": self.files, "dirs": sorted(self.dirs)}
        return json.dumps(data, indent=1, sort_keys=True) + "\n"

    def owner(self, path: str) -> str | None:
        """Return who owns a path, ``None`` for a file that is not ours."""
        record = self.files.get(path)
        return record["owner"] if record else None


@dataclass
class TreeRequest:
    """The tree that the caller asks for."""

    root: str
    entries: list[Entry]
    absent: list[Absent] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    validate: list[str] = field(default_factory=list)
    validate_fallback: list[str] = field(default_factory=list)
    included: list[str] = field(default_factory=list)
    want_diff: bool = False
