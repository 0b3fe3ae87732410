# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Carry out the orders of a run: install certificates that descriptions give or that lie on the host, and make self-signed ones."""

from __future__ import annotations

import os
import stat
import typing as t

from ..host.marked_change import Server
from . import self_signed
from .install import Installer, NewCertificate
from .pair import CertificateError, day, examine
from .places import ROOT, CertificatePlaces, CertificateRecord
from .wanted import WantedCertificate, exposed, read_pair, unmet


class Order(WantedCertificate):
    """A certificate that is wanted, with PEM of its ``chain`` and ``key`` where the description gives them."""

    chain: str
    key: str


class OrderResult(t.NamedTuple):
    """The result of orders, as a module returns it.

    :param failures: messages of applications whose certificates were not installed, by application
    """

    changed: bool
    diff: list[dict[str, str]]
    failures: dict[str, str]


Made = t.TypeVar("Made")


def carry_out(orders: t.Sequence[Order], server: Server, root: str = ROOT) -> OrderResult:
    """Install what is ordered and not there yet. The caller holds the lock of nginx's configuration.

    :raises CertificateError: if nginx refuses its configuration; nothing is changed then
    """
    installer = Installer(server, root)
    # A killed run may have put a self-signed certificate in place, which need not be made a second time.
    settled = installer.settle()
    protected = _exposure(orders, root)
    for each in exposed(orders, root):
        CertificatePlaces(each, root).protect()
    new, failures = _of_each_lacking(orders, root, to_certificate)
    diffs = [_diff(each.app, _outline(each.record()), root) for each in new]
    if new:
        installer.install(new)
    return OrderResult(bool(new or protected) or settled, [*protected, *diffs], failures)


def predict(orders: t.Sequence[Order], root: str = ROOT) -> OrderResult:
    """Return what :func:`carry_out` would do, and change nothing."""
    diffs, failures = _of_each_lacking(orders, root, lambda order: _diff(order["app"], _predicted(order), root))
    protected = _exposure(orders, root)
    return OrderResult(bool(diffs or protected), [*protected, *diffs], failures)


def _exposure(orders: t.Sequence[Order], root: str) -> list[dict[str, str]]:
    """Return what a diff shows of paths that are given back to root."""
    found = {path: os.lstat(path) for own in exposed(orders, root).values() for path in own}
    return [
        {
            "before": f"mode {stat.S_IMODE(status.st_mode):04o}, user {status.st_uid}, group {status.st_gid}\n",
            "after": "for root alone\n",
            "before_header": path,
            "after_header": path,
        }
        for path, status in found.items()
    ]


def to_certificate(order: Order) -> NewCertificate:
    """Return the certificate that is to be installed; a self-signed one is made.

    :raises CertificateError: if it cannot be used
    """
    if order["kind"] == "files":
        pair = read_pair(order)
    elif order["kind"] == "self_signed":
        pair = self_signed.make(order["names"])
    else:
        pair = (order["chain"], order["key"], examine(order["chain"], order["key"]))
    return NewCertificate(order["app"], order["kind"], *pair)


def _of_each_lacking(orders: t.Sequence[Order], root: str, make: t.Callable[[Order], Made]) -> tuple[list[Made], dict[str, str]]:
    """Return what is made of each order that is not met, and the messages of applications whose certificates cannot be used."""
    lacking, failures = unmet(orders, root)
    made = []
    for order in orders:
        if order["app"] in lacking:
            try:
                made.append(make(order))
            except CertificateError as error:
                failures[order["app"]] = str(error)
    return made, failures


def _predicted(order: Order) -> str:
    """Return the outline of a certificate to come. None is made, since in check mode the host may lack OpenSSL's program still.

    :raises CertificateError: if it cannot be used
    """
    if order["kind"] == "self_signed":
        return f"names: {', '.join(order['names'])}\nissuer: itself\n"
    return _outline(to_certificate(order).record())


def _diff(app: str, after: str, root: str) -> dict[str, str]:
    """Return the diff of an application's certificate, from the outline of the one that is to be there."""
    record, header = CertificatePlaces(app, root).record(), f"certificate of {app}"
    return {"before": _outline(record) if record else "", "after": after, "before_header": header, "after_header": header}


def _outline(record: CertificateRecord) -> str:
    """Return what a diff shows of a certificate."""
    return f"names: {', '.join(record.names)}\nissuer: {record.issuer}\nvalid: {day(record.not_before)} to {day(record.not_after)}\n"
