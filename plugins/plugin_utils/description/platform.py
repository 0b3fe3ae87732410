# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Differences between families of distributions that a description depends on. A second family would be a second entry.

The host's half is ``module_utils/host/debian.py``; names of nginx's packages, files and service are in the role's ``vars/main.yml``.
"""

from __future__ import annotations

import re
import typing as t


class Platform(t.NamedTuple):
    """One family of distributions.

    :param web_group: group of the web server's workers (Debian policy, base-passwd)
    :param cache_root: directory of nginx's response caches
    :param python: the interpreters that are the distribution's own; the first group is the name of their package
    :param venv_package: suffix of the package that makes virtualenvs
    :param headers_package: suffix of the package that compiling against the interpreter needs
    :param compiler_packages: what a source build of uWSGI needs beside the interpreter
    """

    web_group: str
    cache_root: str
    python: str
    venv_package: str
    headers_package: str
    compiler_packages: tuple[str, ...]

    def build_packages(self, python: str, compiles: bool) -> list[str]:
        """Return the packages that a virtualenv needs.

        :param python: interpreter, a command or a path
        :param compiles: whether uWSGI is compiled
        """
        compiler = list(self.compiler_packages) if compiles else []
        own = re.fullmatch(self.python, python)
        if not own:
            return compiler
        headers = [f"{own[1]}{self.headers_package}"] if compiles else []
        return [f"{own[1]}{self.venv_package}", *headers, *compiler]


DEBIAN = Platform(
    web_group="www-data",
    cache_root="/var/cache/nginx",
    python=r"(?:/usr/bin/)?(python3(?:\.\d+)?)",
    venv_package="-venv",
    headers_package="-dev",
    compiler_packages=("gcc", "libc6-dev"),
)
