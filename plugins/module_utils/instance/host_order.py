# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Orders of a whole host: the accounts and instances that are wanted, and the applications that are to be absent."""

from __future__ import annotations

import base64
import typing as t

from ..app import account
from ..app.layout import Layout
from ..app.orders import SealedSecrets
from ..app.secret_values import learn_secrets
from ..host import last_order
from ..host.command import CommandError
from ..host.files import digest_of, read_text
from ..host.last_order import Settled
from . import deploy, sandbox, schedules
from .failures import Failures
from .instance import Instance
from .trial import Trials

Order = dict[str, t.Any]

LAST = "/var/lib/flaskops/instances.order"
# The parts of an order that decide what it changes.
_KEPT = ("accounts", "absent", "allow_rejected")


def apply(order: Order, check: bool) -> dict[str, t.Any]:
    """Carry an order out, or return what that would do; the result is the module's.

    :param check: whether only to report what would be done
    """
    accounts = account.ensure(order["accounts"], check)
    failures = Failures(accounts.failures)
    for app in order["apps"]:
        with failures.of(app["name"]):
            schedules.check(app)
    # A path of a sandbox may be made by a task that check mode has only predicted.
    wanted = ready(order, failures) if not check else [Instance(app) for app in order["apps"] if app["name"] not in failures]
    terms = order["trial"]
    trials = Trials(terms["seconds"], order["who"], base64.b64decode(terms["program"]))
    outcome = deploy.deploy(wanted, order["absent"], order["who"], order["allow_rejected"], check, failures, trials)
    result = {
        **outcome._asdict(),
        "switched": [name for name, instance in outcome.instances.items() if instance["switched"]],
        "changed": outcome.changed or bool(accounts.paths),
        "accounts": accounts.paths,
        "diff": [*accounts.diff, *outcome.diff],
    }
    if not check:
        _remember(order, result)
    return result


def ready(order: Order, failures: Failures) -> list[Instance]:
    """Return the instances that can be started, as far as their accounts and the paths of their sandboxes are concerned."""
    for app in [app for app in order["apps"] if app["name"] not in failures]:
        with failures.of(app["name"]):
            sandbox.check(app)
    return [Instance(app) for app in order["apps"] if app["name"] not in failures]


class SettledInstances(Settled):
    """The last order of instances; ``sealed`` has the digests of secrets by application."""

    sealed: dict[str, SealedSecrets]


def settled() -> SettledInstances | None:
    """Return the last order with its result, ``None`` unless carrying it out again would change nothing and tell of nothing."""
    last = last_order.read(LAST)
    if last is None:
        return None
    try:
        order = _completed(last.order)
        if order is None:
            return None
        failures = Failures()
        ready(order, failures)
        result = apply(order, check=True)
    except (CommandError, OSError, KeyError, TypeError, ValueError):
        # The run that sends an order has the words for what is wrong here; an order of another version has other keys.
        return None
    if failures or any(result[key] for key in ("changed", "failures", "notices", "diff")):
        return None
    sealed = {app["name"]: app["sealed"] for app in order["apps"] if "sealed" in app}
    return {"digest": last.digest, "result": result, "sealed": sealed}


def _remember(order: Order, result: t.Mapping[str, t.Any]) -> None:
    """Remember an order that was carried out as a whole. The secrets of an application stay where only its instance has them."""
    if not order.get("digest") or result["failures"] or result["notices"]:
        return
    apps = [{**app, "environment": {}, "files": {**app["files"], "secrets": digest_of(app["files"]["secrets"])}} for app in order["apps"]]
    last_order.remember(LAST, order["digest"], {**{key: order[key] for key in _KEPT}, "apps": apps})


def _completed(kept: Order) -> Order | None:
    """Return a remembered order with the secrets that the host has, ``None`` if these are other ones."""
    apps = []
    for app in kept["apps"]:
        secrets = read_text(Layout(app).file(app["id"], "secrets"))
        if secrets is None or digest_of(secrets) != app["files"]["secrets"]:
            return None
        apps.append({**app, "files": {**app["files"], "secrets": secrets}})
    learn_secrets([*apps, *kept["absent"]])
    return {**kept, "apps": apps, "who": "", "trial": {"seconds": 0, "program": ""}}
