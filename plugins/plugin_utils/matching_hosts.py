# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The hosts of the inventory that a play takes for a pattern, whatever ``--limit`` says."""

from __future__ import annotations

import typing as t

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader


def patterns_in(pattern: object) -> list[t.Any]:
    """Return the patterns that the keyword ``hosts`` of a play has as a text or a list."""
    return list(pattern) if isinstance(pattern, (list, tuple)) else [str(pattern)]


def matching_hosts(pattern: object, groups: t.Mapping[str, t.Sequence[str]]) -> list[str]:
    """Return the names of the hosts that match, in the order of the inventory.

    :param groups: the groups of the inventory with their hosts
    """
    lookup = lookup_loader.get("ansible.builtin.inventory_hostnames", loader=DataLoader())
    return list(lookup.run(patterns_in(pattern), variables={"groups": groups}))
