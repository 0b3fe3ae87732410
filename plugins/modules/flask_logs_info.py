#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: flask_logs_info
short_description: Read what an application and nginx have logged about it
version_added: 1.0.0
description:
  - Reads the journal of all units of an application, which are its web and stream processes, its workers, timers and hooks, and what
    systemd says of these and of commands. Reads the access log of its site, and the lines about it in the error log of nginx.
  - Returns the last lines of all of these together, in the order of time, without the application's secrets and control characters.
options:
  only: {description: Name of the application., type: str, required: true}
  since:
    description: Time of the oldest line, as in systemd.time(7). Without it, the last lines are returned, however old they are.
    type: str
    default: ""
  request_id:
    description: Id of a request, as nginx logs it. Only lines with it are returned.
    type: str
    default: ""
  sources:
    description:
      - Sources of lines, C(web), C(stream), C(command), C(access), C(error), names of workers and timers, or C(build), C(migrate) and C(after-switch)
        for hooks. Only their lines are returned. Without it, those of all sources are.
    type: list
    elements: str
    default: []
  lines: {description: Number of lines at most., type: int, default: 200}
extends_documentation_fragment: flaskops.stack.apps
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Changes nothing in either mode., support: full}
  diff_mode: {description: Has nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Read what the shop has logged in the last hour
  flaskops.stack.flask_logs_info:
    only: shop
    since: 1 hour ago
  register: logs
"""

RETURN = r"""
entries:
  description:
    - The lines, the oldest first, each with its C(time), its C(source), its C(request_id), which may be empty, and its C(text) of 2000 characters
      at most. C(source) is C(web), C(stream), the name of a worker, a timer or a kind of hooks, C(command), C(access) or C(error).
  type: list
  elements: dict
  returned: success
  sample: [{time: "2026-11-28T22:41:07.000Z", source: access, request_id: e93d7d6b410d7be38de2edf6e24f21f5, text: "GET /"}]
left_out:
  description:
    - Sentences about lines that may be missing, since a log of nginx is too long or damaged, or lines in the journal are too long. The last 16 MiB
      of each log are read, with the files that logrotate has set aside under numbers or dates (C(dateext)), and compressed by gzip, bzip2 or xz.
      A file of another form is told.
  type: list
  elements: str
  returned: success
  sample: []
shown: {description: "Both as texts, for people.", type: list, elements: str, returned: success}
"""

from ansible_collections.flaskops.stack.plugins.module_utils.app.log_lines import log_lines
from ansible_collections.flaskops.stack.plugins.module_utils.app.secret_values import learn_secrets
from ansible_collections.flaskops.stack.plugins.module_utils.host import systemd
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule
from ansible_collections.flaskops.stack.plugins.module_utils.host.times import NoTimeError, seconds_of

# The action plugin knows these from the description.
ARGUMENT_SPEC = {
    **{name: {"type": "str", "required": True} for name in ("name", "config_dir", "run_dir")},
    "server_names": {"type": "list", "elements": "str", "required": True},
    "since": {"type": "str", "default": ""},
    "request_id": {"type": "str", "default": ""},
    "sources": {"type": "list", "elements": "str", "default": []},
    "lines": {"type": "int", "default": 200},
}


def main() -> None:
    module = HostModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.require_root()
    order = module.params
    try:
        learn_secrets([{"config_dir": order["config_dir"]}])
        since = seconds_of(order["since"]) if order["since"] else 0.0
        found = log_lines({**order, "since": since})
    except NoTimeError:
        module.fail_json(
            msg=f"since is '{order['since']}', which is no time; write it as systemd.time(7) has it, such as '10 min ago', today or '2026-11-28 09:30'."
        )
    except systemd.SystemdError as error:
        module.fail_json(msg=systemd.explained(error))
    except OSError as error:
        module.fail_json(msg=f"{order['name']}: its logs cannot be read: {error}.")
    shown = [*(f"({sentence})" for sentence in found.left_out), *(line.as_text() for line in found.lines)]
    module.exit_json(changed=False, entries=[line.as_dict() for line in found.lines], left_out=found.left_out, shown=shown)


if __name__ == "__main__":
    main()
