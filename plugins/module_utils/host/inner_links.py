# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Symbolic links in a source: the controller and the hosts have one rule for which of them may be there."""

from __future__ import annotations

import typing as t

# Linux follows no more in one path (path_resolution(7)).
_MOST_FOLLOWED = 40
# Far more parts than a path has, with those of all links in it.
_MOST_PARTS = 300


def leading_out(links: t.Mapping[str, str]) -> list[str]:
    """Return the links that lead out of their tree, by themselves or through other links, in a circle, or by more parts than a path has.

    :param links: the target of each link of the tree by its normalized path, such as ``static/latest``
    """
    return [place for place in links if _leads_out(place, links)]


def _leads_out(place: str, links: t.Mapping[str, str]) -> bool:
    reached: list[str] = []
    todo, followed, parts = place.split("/")[::-1], 0, 0
    while todo:
        part, parts = todo.pop(), parts + 1
        if part == ".." and not reached:
            return True
        if part == "..":
            reached.pop()
        elif part not in ("", "."):
            reached.append(part)
        target = links.get("/".join(reached)) if part not in ("", ".", "..") else None
        if target is not None:
            followed += 1
            reached.pop()
            todo += target.split("/")[::-1]
            if followed > _MOST_FOLLOWED or target.startswith("/"):
                return True
        if parts > _MOST_PARTS:
            return True
    return False
