# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Several workers of a play fetch the same source."""

from __future__ import annotations

import multiprocessing
import threading

from ansible_collections.flaskops.stack.plugins.plugin_utils.source.cache import locked
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.fetch import fetch
from ansible_collections.flaskops.stack.tests.unit.render import resolve_app


def test_what_is_locked_waits(tmp_path):
    order: list[str] = []

    def second() -> None:
        with locked(tmp_path / "cache/x"):
            order.append("second")

    with locked(tmp_path / "cache/x"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.05)
        order.append("first")
    thread.join(60)
    assert order == ["first", "second"]


def test_what_is_locked_apart_does_not_wait(tmp_path):
    with locked(tmp_path / "cache/x"), locked(tmp_path / "cache/y"):
        pass


def test_the_cache_is_the_users_alone(tmp_path):
    with locked(tmp_path / "cache/x"):
        assert (tmp_path / "cache").stat().st_mode & 0o077 == 0


def _fetch_in_a_worker(arguments) -> str:
    return fetch(*arguments).revision


def test_workers_of_a_play_fetch_one_commit(origin, places):
    source = resolve_app({"name": "shop", "wsgi": "app.py", "source": {"git": origin.url, "version": "main"}})["source"]
    with multiprocessing.get_context("fork").Pool(4) as pool:
        revisions = pool.map(_fetch_in_a_worker, [(source, [places.inventory], places.cache, places.run)] * 4)
    assert revisions == [origin.second] * 4
