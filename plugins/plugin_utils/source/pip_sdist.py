# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A program: download the source distribution of a requirement such as ``flask==3.1.3`` as a file, and run nothing of it.

``pip download`` runs ``setup.py`` or another build backend to learn the dependencies, which nobody asks for here. pip's own finder and
session are used, so that indexes, ``find-links``, proxies, certificates and passwords are those of pip. The options are those of ``pip download``.
"""

from __future__ import annotations

import hashlib
import os
import sys
import typing as t


def main(arguments: list[str]) -> int:
    """Run the command in pip's frame, which reads its configuration and prints errors as pip does."""
    # Import inside the function: a controller without pip can still load this file.
    from pip._internal.commands.download import DownloadCommand
    from pip._internal.exceptions import DistributionNotFound, NetworkConnectionError
    from pip._vendor.packaging.specifiers import SpecifierSet
    from pip._vendor.requests import RequestException

    class SourceCommand(DownloadCommand):
        """The command ``download`` without all that follows the search for a file."""

        def run(self, options: t.Any, args: list[str]) -> int:
            name, _equals, version = args[0].partition("==")
            session = self.get_default_session(options)
            # The Python of the host counts, and the host's pip compares it.
            finder = self._build_package_finder(options=options, session=session, ignore_requires_python=True)
            found = finder.find_best_candidate(name, SpecifierSet(f"=={version}", prereleases=True)).best_candidate
            if found is None:
                raise DistributionNotFound(f"No matching distribution found for {args[0]}")
            try:
                _save(session, found.link, options.download_dir)
            except RequestException as error:
                raise NetworkConnectionError(str(error)) from error
            return 0

    return SourceCommand("download", "Download a source distribution.").main(arguments)


def _save(session: t.Any, link: t.Any, directory: str) -> None:
    """Write the file of a link, if it has the hash that the index names."""
    from pip._internal.exceptions import InstallationError
    from pip._internal.network.utils import HEADERS, raise_for_status, response_chunks

    answer = session.get(link.url_without_fragment, headers=HEADERS, stream=True)
    raise_for_status(answer)
    hashed = hashlib.new(link.hash_name) if link.hash else None
    partial = os.path.join(directory, f".{link.filename}.partial")
    with open(partial, "xb") as file:
        for piece in response_chunks(answer):
            file.write(piece)
            if hashed:
                hashed.update(piece)
    if hashed and hashed.hexdigest() != link.hash.lower():
        os.unlink(partial)
        raise InstallationError(f"{link.filename} has the {link.hash_name} {hashed.hexdigest()}, and the index says {link.hash}")
    os.rename(partial, os.path.join(directory, link.filename))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
