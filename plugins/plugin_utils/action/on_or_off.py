# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The value of ``state`` in playbooks that switch something on and off."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail

# YAML reads on and off as booleans.
_STATES = {"on": "on", "off": "off", True: "on", False: "off", "true": "on", "false": "off"}


def on_or_off(state: object) -> str:
    """Return ``on`` or ``off``.

    :raises AnsibleActionFail: for anything else, with the remedy
    """
    key = state.lower() if isinstance(state, str) else state
    if not isinstance(key, (str, bool)) or key not in _STATES:
        raise AnsibleActionFail(f"state is '{state}', but must be on or off; write -e state=on, or -e state=off.")
    return _STATES[key]
