# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why applications of a run failed, each on its own: an error of one is written down, and the work on the others goes on."""

from __future__ import annotations

import contextlib
import typing as t

from ..host.command import CommandError
from .instance import DeployError


class Failures(dict[str, str]):
    """Messages by application. A message begins with the application's name and says what to do where that is known."""

    def add(self, name: str, message: str) -> None:
        """Add a message of an application, after those that it has already."""
        self[name] = f"{self[name]}\n{message}" if name in self else message

    @contextlib.contextmanager
    def of(self, name: str) -> t.Iterator[None]:
        """Write down an error that one application meets instead of raising it."""
        try:
            yield
        except DeployError as error:
            self.add(name, str(error))
        except (CommandError, OSError) as error:
            end = "\n" if "\n" in str(error) else ". "
            self.add(name, f"{name}: {error}{end}What is live answers; the next run goes on from here.")
        except Exception as error:  # whatever an application has left that nobody has foreseen
            self.add(name, f"{name}: {type(error).__name__}: {error}. What is live answers; the next run goes on from here.")
