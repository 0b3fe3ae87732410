# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Instances with a pool for streams, on a host in a directory."""

from __future__ import annotations

from ansible_collections.flaskops.stack.plugins.module_utils.host.files import read_link
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import live_id
from ansible_collections.flaskops.stack.tests.unit.host import Host

# Whether the old instance has a pool, and whether the new one has.
CHANGES = [(True, True), (False, True), (True, False)]


def unit(id_: str) -> str:
    return f"flask-shop@{id_}.service"


def pool(id_: str) -> str:
    return f"flask-shop.stream@{id_}.service"


def streams_go_to(host: Host) -> str | None:
    """Return where the link for streams leads to; what is behind it must run."""
    target = read_link(f"{host.app()['run_dir']}/stream.sock")
    if target:
        id_ = target.removesuffix(".sock")
        assert host.is_running(pool(id_.removesuffix(".stream")) if id_.endswith(".stream") else unit(id_))
    return target


def settled(host: Host, id_: str, has_pool: bool) -> None:
    """Assert that an instance has all requests."""
    assert live_id(host.app()) == id_
    assert host.is_running(unit(id_))
    assert host.is_running(pool(id_)) == has_pool
    if has_pool:
        assert streams_go_to(host) == f"{id_}.stream.sock"
    else:
        assert streams_go_to(host) in (None, f"{id_}.sock")
