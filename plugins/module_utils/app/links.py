# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The symbolic links of an application: each has a relative target, so that it also works below another root, as in an image."""

from __future__ import annotations

import os

from ..host.files import link_atomically, read_link


def point(link: str, path: str) -> bool:
    """Make a link point to a path by one rename; return whether it pointed elsewhere before."""
    return link_atomically(_relative(link, path), link)


def points_to(link: str, path: str) -> bool:
    """Return whether a link points to a path."""
    return read_link(link) == _relative(link, path)


def name_behind(link: str) -> str:
    """Return the last part of the path that a link points to, empty where there is no link."""
    return os.path.basename(read_link(link) or "")


def _relative(link: str, path: str) -> str:
    return os.path.relpath(path, os.path.dirname(link))
