# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The marker ``unfinished`` of a run that changes what is live.

Its first line is the id of the instance that the run makes live or mends. Each further line is a unit that has to be restarted: it goes on with
what was in files that have been mended since.
"""

from __future__ import annotations

import typing as t

from ..app.layout import Layout
from ..host.files import read_text, write_atomically


def units_of(layout: Layout) -> set[str]:
    """Return the units in the marker of an application, none where there is no marker."""
    return set((read_text(layout.unfinished) or "").splitlines()[1:])


def write(layout: Layout, instance_id: str, units: t.Collection[str]) -> None:
    write_atomically(layout.unfinished, "".join(f"{line}\n" for line in (instance_id, *sorted(units))), 0o600)
