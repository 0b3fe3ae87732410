# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run the commands that build a release: in the sandbox of a build, in its directory, with an empty HOME."""

from __future__ import annotations

import typing as t
from types import MappingProxyType

from ..app.modules import facts_of_packages
from ..host.cage import Cage
from ..host.causes import explain
from ..host.command import CommandError, in_locale
from ..host.installers import environment
from ..host.known_causes import BUILD


def pip(venv: str) -> list[str]:
    # Isolated: the directory that pip works in is the source, and a module of its own must not pass for pip or one that pip imports.
    return [f"{venv}/bin/python", "-I", "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"]


class Workshop(t.NamedTuple):
    """The sandbox of the commands that build a release, their empty HOME, the directory that they work in, and further variables for them."""

    within: Cage
    home: str
    directory: str
    more: t.Mapping[str, str]
    # By path that the commands see, the path at which others find the same directory.
    apart: t.Mapping[str, str] = MappingProxyType({})

    def with_apart(self, path: str, place: str) -> Workshop:
        """Return a workshop whose commands find another directory at a path, which stays as it is for everybody else.

        :param place: where the other directory is
        """
        within = self.within._replace(properties=(*self.within.properties, f"BindPaths={place}:{path}"))
        return self._replace(within=within, apart={**self.apart, path: place})

    def outside(self, path: str) -> str:
        """Return where others find the directory that the commands find at a path."""
        return self.apart.get(path, path)

    def run(self, command: t.Sequence[str]) -> str:
        """Run a command that installs or builds something, and return what it printed.

        :raises CommandError: if it fails, after the cause if that is known
        """
        return self.run_each([command])

    def run_each(self, commands: t.Sequence[t.Sequence[str]]) -> str:
        """Run commands that install or build something until one fails, and return what they printed.

        :raises StepError: if one fails, after the cause if that is known
        """
        if self.apart and len(commands) == 1:
            # systemd-run looks for the program of a unit outside of it, where a program that is apart is not.
            commands = [["/usr/bin/env", *commands[0]]]
        try:
            # In UTF-8, since a setup.py may read its own files in the encoding of the locale.
            return self.within.run_each(commands, self.directory, {**in_locale(environment(self.home), "C.UTF-8"), **self.more})
        except CommandError as error:
            explain(error, BUILD, facts_of_packages())
            raise
