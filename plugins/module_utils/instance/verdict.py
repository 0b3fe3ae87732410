# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The end of trials: somebody confirms the switches in time, or the host undoes them."""

from __future__ import annotations

import typing as t

from ..app.orders import PlacedApp
from ..app.secret_values import learn_secrets
from ..host.json_file import read_object
from .attempt import Action
from .failures import Failures
from .instance import DeployError
from .rollback import require_live, rollback
from .trial import end, trial_of


class Confirmation(t.NamedTuple):
    """The applications whose switch is final now, and messages of those whose switch is not there to be confirmed."""

    confirmed: list[str]
    failures: Failures


def confirm(apps: t.Sequence[PlacedApp], check: bool, expected: t.Mapping[str, str]) -> Confirmation:
    """End the trials of applications with what is live.

    :param expected: see :func:`require_live`, since the trial of another release is for the run that has begun it
    """
    found = Confirmation([], Failures())
    for app in apps:
        name = app["name"]
        with found.failures.of(name):
            require_live(app, expected)
            if not (trial_of(app) if check else end(app)):
                raise DeployError(
                    f"{name}: the trial of the switch was over before this run confirmed it, so the host has gone back, or another run has ended"
                    " it.\nThe playbook status shows what is live. If the run needs more time between a switch and its confirmation, make"
                    " the trial longer, with the playbook rollout by -e trial=SECONDS."
                )
            found.confirmed.append(name)
    return found


def expire(path: str) -> dict[str, str]:
    """Undo a switch that nobody has confirmed, unless its trial has ended in another way; return messages by application if that fails.

    :param path: the file of the trial
    :raises OSError: if the file is damaged
    """
    found = read_object(path)
    trial = trial_of(found["app"]) if found else None
    if trial is None:
        return {}
    learn_secrets([trial.app])
    return rollback([(trial.app, "")], trial.who, check=False, action=Action.UNCONFIRMED).failures
