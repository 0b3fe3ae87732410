# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The interface of a probe, which asks the sites of a web server before and after the transaction of config_tree reloads it."""

from __future__ import annotations

import typing as t


class Probe(t.Protocol):
    """Asks sites, and tells which of them a change has made worse. The caller of the transaction brings one."""

    @property
    def names(self) -> set[str]:
        """Return the names of the sites that can be asked."""

    def look(self, names: t.Collection[str]) -> t.Mapping[t.Any, t.Any]:
        """Ask the named sites and return their answers, for :meth:`worse` to compare with."""

    def worse(self, before: t.Mapping[t.Any, t.Any], new: t.Collection[str]) -> str:
        """Ask again and return which sites answer worse than before, empty where none does.

        :param before: what :meth:`look` returned before the change
        :param new: names of sites that were not there before
        """

    def unserved(self, names: t.Collection[str]) -> t.Mapping[str, str]:
        """Return the cause for each of the named sites that does not answer itself, after the change is committed."""


class NoProbe:
    """Asks nobody: for a tree whose service has no sites."""

    names: t.ClassVar[set[str]] = set()

    def look(self, names: t.Collection[str]) -> t.Mapping[t.Any, t.Any]:
        return {}

    def worse(self, before: t.Mapping[t.Any, t.Any], new: t.Collection[str]) -> str:
        return ""

    def unserved(self, names: t.Collection[str]) -> t.Mapping[str, str]:
        return {}
