# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The mark of a change that a service has not confirmed yet."""

from __future__ import annotations

import json
import typing as t

from ..host import files


class PendingMark:
    """A file that is there while no reload with the present tree has been confirmed. It survives a kill and a reboot."""

    def __init__(self, path: str) -> None:
        self.path = path

    def read(self) -> dict[str, t.Any] | None:
        """Return what the mark has, ``None`` if there is none; one that a crash cut short has nothing."""
        try:
            with open(self.path, encoding="utf-8") as handle:
                return dict(json.load(handle))
        except FileNotFoundError:
            return None
        except ValueError:
            return {}

    def write(self, **what: t.Any) -> None:
        """Set or replace the mark; it is on the disk when this returns."""
        files.write_through(self.path, json.dumps(what), 0o600)

    def clear(self) -> None:
        """Remove the mark."""
        files.remove_path(self.path)
