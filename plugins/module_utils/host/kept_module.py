# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The base of a module that a host keeps: what Ansible would send comes from standard input, and the answer is one line."""

from __future__ import annotations

import json
import sys
import traceback
import typing as t

from .kept_program import ANSWER, BEGUN
from .shown import clean_result
from .user_name import not_root


class KeptModule:
    """Takes the place of HostModule in a kept program. The controller sends parameters of the right types, so defaults are all that is added."""

    def __init__(self, argument_spec: t.Mapping[str, t.Mapping[str, t.Any]], exact: t.Collection[str] = (), **_more: t.Any) -> None:
        sent = json.load(sys.stdin)
        # From here on the module may change something.
        _say(BEGUN)
        self._exact = exact
        self.check_mode: bool = sent["check_mode"]
        self.params = {name: sent["params"].get(name, option.get("default")) for name, option in argument_spec.items()}

    def require_root(self) -> None:
        """Fail with the remedy unless the program runs as root."""
        if why := not_root():
            self.fail_json(why)

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        self._answer(result)

    def fail_json(self, msg: str, **result: t.Any) -> t.NoReturn:
        self._answer({**result, "msg": msg, "failed": True})

    def _answer(self, result: t.Mapping[str, t.Any]) -> t.NoReturn:
        _say(f"{ANSWER}{json.dumps(clean_result(result, self._exact))}")
        raise SystemExit(0)


def answered(main: t.Callable[[], None]) -> None:
    """Run a module; if it crashes, the controller learns where."""
    try:
        main()
    except Exception:
        _say(f"{ANSWER}{json.dumps({'failed': True, 'exception': traceback.format_exc()})}")


def _say(line: str) -> None:
    # A shell may have left a line without an end.
    sys.stdout.write(f"\n{line}\n")
    sys.stdout.flush()
