# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A digest of secrets is made once in a run, is always that of these secrets, and tells nobody what they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible import constants as C
from ansible_collections.flaskops.stack.plugins.plugin_utils.identity import secret_digest
from ansible_collections.flaskops.stack.plugins.plugin_utils.orders import sealing
from ansible_collections.flaskops.stack.plugins.plugin_utils.orders.sealing import Sealing

SHOP = {"name": "shop", "secrets": {"SECRET_KEY": "a-long-secret"}}
OTHER = {"name": "shop", "secrets": {"SECRET_KEY": "another-secret"}}


@pytest.fixture(autouse=True)
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, str], str]]:
    """The secrets and keys for which a digest was made."""
    found: list[tuple[dict[str, str], str]] = []

    def make(secrets, key):
        found.append((secrets, key))
        return secret_digest(secrets, key)

    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.setattr(sealing, "secret_digest", make)
    return found


def test_a_run_makes_it_once(made):
    first = Sealing("")(SHOP)
    assert first
    assert first["digest"] == secret_digest(SHOP["secrets"], "shop")
    assert Sealing("")(SHOP) == first
    assert len(made) == 1


def test_no_secrets_have_none(made):
    assert Sealing("")({"name": "shop", "secrets": {}}) is None
    assert made == []


@pytest.mark.parametrize(("key", "app"), [("a-key", SHOP), ("", OTHER), ("", {**SHOP, "name": "blog"})])
def test_other_secrets_and_another_key_have_another_one(made, key, app):
    first = Sealing("")(SHOP)
    other = Sealing(key)(app)
    assert other
    assert first
    assert other["digest"] == secret_digest(app["secrets"], key or app["name"]) != first["digest"]
    assert other["seal"] != first["seal"]


def test_a_host_that_has_it_spares_the_work_for_all_later_tasks(made, tmp_path):
    kept = Sealing("")(SHOP)
    for file in tmp_path.iterdir():
        file.unlink()
    made.clear()
    assert Sealing("", {"shop": kept})(SHOP) == kept
    assert Sealing("")(SHOP) == kept
    assert made == []


@pytest.mark.parametrize(("key", "app"), [("a-key", SHOP), ("", OTHER)])
def test_what_a_host_keeps_counts_only_for_the_same_secrets_and_the_same_key(made, key, app):
    kept = Sealing("")(SHOP)
    made.clear()
    assert Sealing(key, {"shop": kept})(app)["digest"] == secret_digest(app["secrets"], key or "shop")
    assert len(made) == 1


def test_a_host_cannot_give_another_one(made):
    kept = Sealing("")(SHOP)
    made.clear()
    forged = {**kept, "digest": "0" * 32}
    assert Sealing("", {"shop": forged})(SHOP) == kept


def test_a_file_that_is_not_written_yet_does_not_count(made, tmp_path):
    first = Sealing("")(SHOP)
    (file,) = tmp_path.iterdir()
    file.write_text(first["digest"][:7])
    assert Sealing("")(SHOP) == first
    assert len(made) == 2


def test_another_run_has_files_of_its_own(made, tmp_path, monkeypatch):
    Sealing("")(SHOP)
    monkeypatch.setattr(sealing, "_OF_THIS_RUN", b"another")
    Sealing("")(SHOP)
    assert len(made) == len(list(tmp_path.iterdir())) == 2
    assert "a-long-secret" not in "".join(file.name + file.read_text() for file in tmp_path.iterdir())
