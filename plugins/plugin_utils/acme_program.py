# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The program that gets certificates on a host."""

from __future__ import annotations

import hashlib
import typing as t

from ..module_utils.tls.places import ACME_PROGRAM
from .host_program import ACME, host_program


def acme_program() -> bytes:
    """Return the program as an archive that Python runs."""
    return host_program(ACME)


def digests(program: bytes) -> dict[str, t.Any]:
    """Return the SHA-256 of the files by which a host is seen to have the program."""
    return {ACME_PROGRAM: hashlib.sha256(program).hexdigest()}
