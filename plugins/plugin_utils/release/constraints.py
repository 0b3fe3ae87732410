# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What requirements without a version were resolved to: chosen on the first host that builds, the same on all others."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from ..source.cache import locked
from ..source.cache_dir import errors_of, make_directory


def _place(cache: Path, virtualenv_id: str) -> Path:
    return cache / "constraints" / f"{virtualenv_id}.txt"


def known(cache: Path, virtualenv_id: str) -> str | None:
    """Return the constraints of a virtualenv, ``None`` if no host has told them."""
    place = _place(cache, virtualenv_id)
    with errors_of(place):
        return place.read_text() if place.exists() else None


def remember(cache: Path, virtualenv_id: str, text: str) -> None:
    """Keep what a host resolved; the first word stands."""
    place = _place(cache, virtualenv_id)
    make_directory(place.parent)
    with errors_of(place):
        if not place.exists():
            partial = place.with_name(f".{place.name}.{os.getpid()}")
            partial.write_text(text)
            os.replace(partial, place)


@contextlib.contextmanager
def first_to_resolve(cache: Path, virtualenv_ids: Iterable[str]):
    """Hold the right to resolve virtualenvs that no host has resolved; hosts that come meanwhile wait for the outcome."""
    with contextlib.ExitStack() as stack:
        # In one order, so that two hosts never wait for each other.
        for virtualenv_id in sorted(set(virtualenv_ids)):
            if known(cache, virtualenv_id) is None:
                inner = stack.enter_context(contextlib.ExitStack())
                inner.enter_context(locked(_place(cache, virtualenv_id)))
                if known(cache, virtualenv_id) is not None:
                    inner.close()
        yield
