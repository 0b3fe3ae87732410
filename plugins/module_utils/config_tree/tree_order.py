# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The order for a tree, as the action plugin ``config_tree`` sends it: the transaction that carries it out, and the last one on this host."""

from __future__ import annotations

import os
import typing as t

from ..host import last_order
from ..host.command import CommandError
from ..host.last_order import Settled
from .listening import SocketsOf
from .probe import Probe
from .request import Absent, ConfigTreeError, Entry, TreeRequest, decode_payload
from .service import Service
from .stage import state_path
from .transaction import Transaction
from .validate import Inspector

# The parameters that decide what an order changes.
_KEPT = (
    "root",
    "payload",
    "absent",
    "owners",
    "validate",
    "validate_fallback",
    "included",
    "service",
    "service_log",
    "reload_check",
    "reload_timeout",
    "probe_listen",
    "probe_tls_listen",
    "probe_sites",
)


class TreeReader(t.NamedTuple):
    """The parts of a transaction that know the server which reads the tree; a module brings them.

    :param probe: makes the probe of the sites from the parameters and the wanted files
    :param inspector: reads what ``nginx -T`` prints
    :param sockets_of: finds the unix sockets on which the server listens
    """

    probe: t.Callable[[t.Mapping[str, t.Any], t.Sequence[Entry]], Probe]
    inspector: Inspector
    sockets_of: SocketsOf


def to_transaction(params: t.Mapping[str, t.Any], want_diff: bool, server: TreeReader) -> Transaction:
    """Build the transaction from the module's parameters.

    :raises ConfigTreeError: for parameters that do not fit together
    """
    if params["payload"] is None:
        raise ConfigTreeError("config_tree: runs through its action plugin only, as flaskops.stack.config_tree")
    request = TreeRequest(
        root=params["root"],
        entries=decode_payload(params["payload"]),
        absent=[to_absent(value) for value in params["absent"]],
        owners=params["owners"],
        validate=params["validate"],
        validate_fallback=params["validate_fallback"],
        included=params["included"],
        want_diff=want_diff,
    )
    service = Service(params["service"] or "", params["reload_check"], params["service_log"] or "", params["reload_timeout"])
    # `nginx -T` alone prints the files that it has read.
    inspector = server.inspector if params["validate"][:2] == ["nginx", "-T"] else None
    probe, who = server.probe(params, request.entries), params.get("who", "somebody")
    return Transaction(request, service, probe=probe, who=who, inspector=inspector, sockets_of=server.sockets_of)


def to_absent(value: t.Any) -> Absent:
    """Return an element of ``absent``.

    :raises ConfigTreeError: if it is neither a path nor a dict
    """
    if isinstance(value, str):
        return Absent(value)
    if isinstance(value, dict) and "path" in value and set(value) <= {"path", "only_if_link", "if_unedited"}:
        return Absent(str(value["path"]), value.get("only_if_link"), bool(value.get("if_unedited")))
    raise ConfigTreeError(f"absent: {value!r} is neither a path nor a dict of path, only_if_link and if_unedited")


def remember(transaction: Transaction, params: t.Mapping[str, t.Any]) -> None:
    """Remember an order that was carried out and has told of nothing."""
    if params["digest"]:
        last_order.remember(_path(transaction.state), params["digest"], {key: params[key] for key in _KEPT})


def settled(root: str, check: bool, server: TreeReader) -> Settled | None:
    """Return the last order for a tree with its result, ``None`` unless carrying it out again would change nothing and tell of nothing.

    :param root: the directory, as the parameter ``root`` has it
    :param check: whether nothing may be run that may write files
    """
    last = last_order.read(_path(state_path(os.path.realpath(root))))
    if last is None:
        return None
    try:
        found = to_transaction(last.order, want_diff=False, server=server).settled(check)
    except (ConfigTreeError, CommandError, OSError, KeyError, TypeError, ValueError):
        # The run that sends an order has the words for what is wrong here; an order of another version has other keys.
        return None
    return {"digest": last.digest, "result": found.as_dict()} if found else None


def _path(state: str) -> str:
    return f"{state}.order"
