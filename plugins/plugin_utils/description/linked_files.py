# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Directives of a user's own by which nginx sends files out of a directory that the application writes to, where it can make links."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence

_PLACE = re.compile(r"(?:^|[;{}\s])(?:alias|root)\s+([\"']?)(/[^\s;\"']*)\1\s*;")
_NO_LINKS = re.compile(r"(?:^|[;{}\s])disable_symlinks\s+(?:on|if_not_owner)\b")
_BLOCK = re.compile(r"\{[^{}]*\}")


def warnings_of_links(apps: Sequence[Mapping[str, t.Any]]) -> list[str]:
    """Return a line for each directive that lets an application send any file of the web server's, as one of another application.

    :param apps: complete descriptions
    """
    found = []
    for app in apps:
        writable = [*app["sandbox"]["write"], *app["own_dirs"], f"{app['root']}/shared"]
        nginx = app["nginx"]
        beside = [(directive, nginx["extra"]) for directive in nginx["extra"]]
        beside += [(directive, [*route["extra"], *nginx["extra"]]) for route in nginx["routes"] for directive in route["extra"]]
        for directive, level in beside:
            places = [place.rstrip("/") for _quote, place in _PLACE.findall(directive)]
            written = [place for place in places if any(f"{place}/".startswith(f"{path}/") for path in writable)]
            # A location with such a directive says nothing about the location beside it.
            if written and not any(map(_NO_LINKS.search, [directive, *(_BLOCK.sub("", other) for other in level)])):
                found.append(
                    f"{app['name']}.nginx: nginx sends files from {written[0]}, where the application writes, and follows its links to any file"
                    f" that nginx may read, such as passwords of other sites; add `disable_symlinks on from={written[0]}/;` beside the"
                    " directive."
                )
    return found
