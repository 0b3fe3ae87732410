# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Digests of secrets for the ids of instances. To make one takes long on purpose, so a run makes it once."""

from __future__ import annotations

import contextlib
import hmac
import json
import os
from collections.abc import Mapping
from pathlib import Path

from ansible import constants as C

from ...module_utils.app.orders import SealedSecrets
from ..action.apps_action import App
from ..identity import is_sealed, seal_of, secret_digest

# ansible-core imports this before it forks a process for each task, so that all tasks of a run have the same key, and no other run has it.
_OF_THIS_RUN = os.urandom(32)


class Sealing:
    """Returns the digest of an application's secrets with its seal, ``None`` if it has none.

    :param key: a value of the inventory that is secret itself, empty for none
    :param known: digests that a host has kept of earlier runs, by application
    """

    def __init__(self, key: str, known: Mapping[str, SealedSecrets] | None = None) -> None:
        self._key, self._known = key, known or {}

    def __call__(self, app: App) -> SealedSecrets | None:
        secrets, key = app["secrets"], self._key or app["name"]
        if not secrets:
            return None
        kept, place = self._known.get(app["name"]), _place(secrets, key)
        digest = kept["digest"] if kept and is_sealed(kept, secrets, key) else _read(place) or secret_digest(secrets, key)
        _keep(place, digest)
        return {"digest": digest, "seal": seal_of(digest, secrets, key)}


def _place(secrets: Mapping[str, str], key: str) -> Path:
    """Return the file for other tasks of this run. Nothing can be told from its name by those who do not know the key of the run."""
    asked = json.dumps([key, secrets], sort_keys=True).encode()
    # Ansible shares this directory among the workers of a run, and removes it when the run ends.
    return Path(C.DEFAULT_LOCAL_TMP, f"flaskops-sealed-{hmac.digest(_OF_THIS_RUN, asked, 'sha256').hex()}")


def _read(place: Path) -> str:
    """Return the digest that another task has made, empty if there is none or not yet the whole of it."""
    with contextlib.suppress(OSError):
        text = place.read_text()
        return text.removesuffix("\n") if text.endswith("\n") else ""
    return ""


def _keep(place: Path, digest: str) -> None:
    # Without the file the next task makes it anew.
    with contextlib.suppress(OSError), place.open("x") as file:
        file.write(f"{digest}\n")
