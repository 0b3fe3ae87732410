#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: flask_command
short_description: Run a command in the live release of an application
version_added: 1.0.0
description:
  - Runs one command in the live release, as the user of the application, in its sandbox, with the environment and the secrets of the live
    instance. C(HOME) is that of the user, C(FLASKOPS_ROLE) is C(command), and nothing can be typed into the command.
  - No release changes. The command holds no lock, so deployments go on meanwhile. They keep the release of a command that runs.
  - A command that does not end with 0 fails the module, which returns C(rc) and C(output) all the same.
options:
  only: {description: Name of the application., type: str, required: true}
  command: {description: "The command, as a line of C(sh).", type: str, required: true}
  host_count:
    description:
      - The hosts that run the command. C(one) is the first host of the play that has the application in its list, and C(all) is every one
        that has it. Other hosts are skipped.
    type: str
    choices: [one, all]
    default: one
  time_limit:
    description: Seconds after which the command is ended. By default, C(command_limits.timeout) of the application.
    type: int
extends_documentation_fragment: flaskops.stack.apps
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: "Requires a live release, and runs nothing.", support: full}
  diff_mode: {description: Has nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Show the routes of the shop
  flaskops.stack.flask_command:
    only: shop
    command: flask --app shop routes
  register: routes
"""

RETURN = r"""
rc: {description: "Exit status of the command, or 128 and the number of the signal that has ended it.", type: int, returned: when it has run}
output:
  description:
    - The last lines that the command printed, without the application's secrets and control characters. There are at most 1000 lines and 100,000
      characters.
  type: list
  elements: str
  returned: when it has run
release: {description: Id of the live release., type: str, returned: success}
"""

from ansible_collections.flaskops.stack.plugins.module_utils.app.secret_values import learn_secrets
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule
from ansible_collections.flaskops.stack.plugins.module_utils.host.systemd import SystemdError, explained
from ansible_collections.flaskops.stack.plugins.module_utils.instance import operator_command
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import DeployError

_PLACES = {name: {"type": "str", "required": True} for name in ("name", "root", "config_dir", "run_dir")}
# The action plugin knows these from the description.
ARGUMENT_SPEC = {
    **_PLACES,
    "others": {"type": "list", "elements": "dict", "options": _PLACES, "required": True},
    "command_sandbox": {"type": "list", "elements": "str", "required": True},
    "memory_max": {"type": "str", "required": True},
    "user": {"type": "str", "required": True},
    "command": {"type": "str", "required": True},
    "time_limit": {"type": "int", "required": True},
}


def main() -> None:
    module = HostModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.require_root()
    order = module.params
    try:
        learn_secrets([{"config_dir": order["config_dir"]}])
        place = operator_command.live_place(order, order["others"])
        if module.check_mode:
            module.exit_json(changed=True, release=place.release.id)
        ended = operator_command.run(order, place)
        lines = operator_command.shown_lines(ended.output)
        module.exit_json(changed=True, release=place.release.id, rc=ended.status, output=lines, reason=ended.reason)
    except SystemdError as error:
        module.fail_json(msg=explained(error))
    except DeployError as error:
        module.fail_json(msg=str(error))
    except (CommandError, OSError) as error:
        module.fail_json(msg=f"{order['name']}: {error}.")


if __name__ == "__main__":
    main()
