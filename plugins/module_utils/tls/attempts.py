# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When a CA may be asked for a certificate: in time before the old one ends, and within the limits of the CA."""

from __future__ import annotations

import calendar
import contextlib
import json
import re
import time
import typing as t

from ..host.clock import DAY
from ..host.files import write_through
from ..host.json_file import read_object
from .places import CertificatePlaces, CertificateRecord

_HOUR = 3600
# Let's Encrypt: 5 failed validations of a name in an hour, and 5 certificates for the same names in 7 days (letsencrypt.org/docs/rate-limits).
_FAILURES_AN_HOUR = 4
_SAME_NAMES_A_WEEK = 4
# The service by itself waits for an hour after a failure, and then for twice as long each time.
_LONGEST_WAIT = 12 * _HOUR
# A third of the lifetime is the rule of most clients; a certificate of some days needs more room for failures.
_SHORT_LIVED = 10 * DAY
# A CA names a time within its limits, which count by weeks; a later one says that the clock of the host is wrong.
_LONGEST_OF_A_CA = 30 * DAY
_RETRY_AFTER = re.compile(r"retry after (\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)", re.IGNORECASE)


def is_due(record: CertificateRecord, now: float) -> bool:
    """Return whether a certificate is to be renewed: with a third of its lifetime left, or half of less than ten days."""
    lifetime = record.not_after - record.not_before
    return record.not_after - now < lifetime / (2 if lifetime < _SHORT_LIVED else 3)


class Attempts:
    """The record of what a CA was asked for one application; it outlives runs and reboots.

    ``failures`` has the times of questions that the CA refused, ``issued`` the time and the names of each certificate of the last days,
    ``says`` why the last question failed, and ``not_before`` the time that the CA has named for the next one. Times are seconds since the epoch.
    """

    def __init__(self, places: CertificatePlaces) -> None:
        self._path = places.attempts
        values = read_object(self._path) or {}
        self.failures: list[float] = values.get("failures", [])
        self.issued: list[tuple[float, str]] = [(at, names) for at, names in values.get("issued", [])]
        self.says: str = values.get("says", "")
        self.not_before: float = values.get("not_before", 0)

    def wait_until(self, names: t.Iterable[str], now: float, by_hand: bool) -> float:
        """Return when the CA may be asked, a time in the past if it may be asked now.

        :param by_hand: whether somebody waits for the answer, who may have removed the cause of a failure
        """
        same = sorted(at for at, known in self.issued if known == _key(names) and 0 <= now - at < 7 * DAY)
        week = same[-_SAME_NAMES_A_WEEK] + 7 * DAY if len(same) >= _SAME_NAMES_A_WEEK else 0
        not_before = self.not_before if self.not_before - now < _LONGEST_OF_A_CA else 0
        return max(week, not_before, self._after_failures(now, by_hand))

    def _after_failures(self, now: float, by_hand: bool) -> float:
        # The clock of the host may have been ahead and been set since: times that are still to come are wrong.
        past = [at for at in self.failures if at <= now]
        if by_hand:
            recent = sorted(at for at in past if now - at < _HOUR)
            return recent[-_FAILURES_AN_HOUR] + _HOUR if len(recent) >= _FAILURES_AN_HOUR else 0
        if not past:
            return 0
        return max(past) + min(_HOUR * 2 ** (len(past) - 1), _LONGEST_WAIT)

    def failed(self, says: str, asked: bool) -> None:
        """Write a failure down.

        :param asked: whether the CA was asked, which counts against its limits
        """
        self.says = says
        if asked:
            self.failures = [*self.failures, time.time()][-20:]
        found = _RETRY_AFTER.search(says)
        if found:
            # A date that does not exist is told with the other words of the CA.
            with contextlib.suppress(ValueError):
                self.not_before = calendar.timegm(time.strptime(f"{found[1]} {found[2]}", "%Y-%m-%d %H:%M:%S"))
        self._write()

    def succeeded(self, names: t.Iterable[str]) -> None:
        now = time.time()
        self.issued = [(at, known) for at, known in self.issued if now - at < 7 * DAY] + [(now, _key(names))]
        self.failures, self.says, self.not_before = [], "", 0
        self._write()

    def remember(self, names: t.Iterable[str], since: float) -> None:
        """Write down a certificate that the CA has given to a run that was killed, which counts against its limits all the same.

        :param since: when the certificate begins to be valid; it was given later
        """
        if not any(at >= since and known == _key(names) for at, known in self.issued):
            self.succeeded(names)

    def _write(self) -> None:
        values = {"failures": self.failures, "issued": self.issued, "says": self.says, "not_before": self.not_before}
        write_through(self._path, json.dumps(values), 0o600)


def _key(names: t.Iterable[str]) -> str:
    return " ".join(sorted(names))
