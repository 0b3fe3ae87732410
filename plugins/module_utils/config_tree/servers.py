# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Directories whose files somebody else's file includes: who does so, once a call of config_tree names a part of the owners only.

A spare file includes a directory where no other file does, and goes with the last file in it.
"""

from __future__ import annotations

import os
import typing as t

from .request import ConfigTreeError, Entry, Manifest, TreeRequest

Records = t.Mapping[str, t.Mapping[str, t.Any]]


def settle(request: TreeRequest, manifest: Manifest) -> tuple[list[Entry], list[str]]:
    """Return the entries without spare files that are not needed, and the owners with those of spare files that are to go.

    :raises ConfigTreeError: if a file is to go that includes the files of owners whom the call does not name
    """
    kept = _kept(request.entries, request.owners, manifest)
    firm = {place for entry in request.entries if not entry.spare for place in entry.serves}
    firm |= {place for record in kept.values() if not record.get("spare") for place in record.get("serves", ())}
    entries = [entry for entry in request.entries if not (entry.spare and firm.issuperset(entry.serves))]
    used = {os.path.dirname(path) for path in [*kept, *(entry.path for entry in entries)]}
    kept = _kept(entries, request.owners, manifest)
    needless = {
        record["owner"]
        for record in kept.values()
        if record.get("spare") and (firm.issuperset(record["serves"]) or not used & set(record["serves"]))
    }
    owners = [*request.owners, *sorted(needless)]
    _require_served(entries, _kept(entries, owners, manifest), manifest)
    return entries, owners


def _kept(entries: t.Sequence[Entry], owners: t.Sequence[str], manifest: Manifest) -> Records:
    """Return the records of files that stay as they are, since the call names neither them nor their owners."""
    wanted = {entry.path for entry in entries}
    return {path: record for path, record in manifest.files.items() if path not in wanted and record["owner"] not in owners}


def _require_served(entries: t.Sequence[Entry], kept: Records, manifest: Manifest) -> None:
    """Refuse to take away what includes the files of others."""
    served = {place for entry in entries for place in entry.serves} | {
        place for record in kept.values() for place in record.get("serves", ())
    }
    for record in manifest.files.values():
        for place in set(record.get("serves", ())) - served:
            left = sorted({other["owner"] for path, other in kept.items() if os.path.dirname(path) == place})
            if left:
                raise ConfigTreeError(
                    f"'{record['owner']}' has the server through which {', '.join(left)} can be reached, so it cannot go alone;"
                    " run with a list that names them too. Nothing was changed"
                )
