# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The outcome of a rollout on one server. The playbook keeps it in a fact, which is empty before the server's turn and gets more with each step."""

from __future__ import annotations

import typing as t

Texts = t.Mapping[str, str]
# As Ansible has it in a fact.
Fact = t.Mapping[str, t.Any]


class Outcome(t.NamedTuple):
    """The outcome on one server.

    :param is_deployed: whether the deployment there has ended, in whichever way
    :param on_trial: whether the server goes back by itself unless somebody confirms its switches
    :param switched: the applications that this run has switched, and those of ``taken_up``
    :param taken_up: the applications whose switch by an earlier run has not been judged yet
    :param failures: why applications failed, by their names
    :param kept: why applications keep a release although the wanted one is another, since that was rolled back on the server
    :param fault: why the run failed there, where that is more than failures of applications
    :param worse: in which way visitors fare worse, by application
    :param back: what the way back has returned, by application
    :param confirmed: the applications whose switch is final, ``None`` before that is asked for
    :param unconfirmed: why a switch was not confirmed, by application
    """

    is_deployed: bool
    on_trial: bool
    switched: list[str]
    taken_up: list[str]
    failures: Texts
    kept: Texts
    fault: str
    worse: Texts
    back: t.Mapping[str, Fact]
    confirmed: list[str] | None
    unconfirmed: Texts

    @classmethod
    def of(cls, fact: Fact) -> Outcome:
        """Return the outcome of a server that has had its turn."""
        return cls(
            "switched" in fact,
            bool(fact.get("on_trial")),
            list(fact.get("switched", ())),
            list(fact.get("taken_up", ())),
            *(fact.get(name, {}) for name in ("failures", "kept")),
            fact.get("fault", ""),
            *(fact.get(name, {}) for name in ("worse", "back")),
            fact.get("confirmed"),
            fact.get("unconfirmed", {}),
        )

    @property
    def is_open(self) -> bool:
        """Return whether the server has not come to the end of its batch. Every server of a batch comes to it unless it is lost."""
        return self.confirmed is None

    def went_back(self, name: str) -> bool:
        """Return whether an application has gone back to the release before."""
        return bool(self.back.get(name, {}).get("instances"))


def deployed(switch: Fact, built: Texts, sites: Texts, message: str) -> dict[str, t.Any]:
    """Return what a server's deployment adds to its outcome.

    :param switch: the result of the role uwsgi_service, empty where the run has not come to it
    :param built: the failures by application that the role flask_app has told
    :param sites: those that the role nginx_site has told
    :param message: with which the run failed there, empty if it did not
    """
    new = [*switch.get("switched", ()), *switch.get("taken_up", ())]
    instances = switch.get("instances", {})
    failures = {**switch.get("failures", built), **sites}
    return {
        "switched": new,
        "taken_up": list(switch.get("taken_up", ())),
        "instances": {name: instances[name]["id"] for name in new},
        "failures": failures,
        # A notice begins with the name of its application.
        "kept": {notice.partition(":")[0]: notice for notice in switch.get("notices", ())},
        "fault": "" if message == "\n".join(failures.values()) else message,
    }
