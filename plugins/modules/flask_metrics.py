#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: flask_metrics
short_description: Have a host write metrics of its applications
version_added: 1.0.0
description:
  - Installs C(flaskops-metrics.timer), which writes the state of the applications into a file that the node exporter of Prometheus reads.
  - The file is written once before the module ends, so that a service that does not work is seen in the run.
extends_documentation_fragment: [flaskops.stack.apps, flaskops.stack.private]
options:
  state: {description: Whether the host writes metrics., type: str, choices: [present, absent], default: present}
  directory: {description: Directory of the node exporter's textfile collector. It is made if it is missing., type: path, required: true}
  units: {description: The texts of the service and the timer., type: list, elements: str, required: true}
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Reports what would be changed., support: full}
  diff_mode: {description: Shows the paths that are changed., support: full}
"""

EXAMPLES = r"""
- name: Write no metrics any more
  flaskops.stack.flask_metrics:
    state: absent
    directory: /var/lib/prometheus/node-exporter
    units: ["", ""]
"""

RETURN = r"""
path: {description: The file with the metrics., type: str, returned: success}
"""

import base64
import json

from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule
from ansible_collections.flaskops.stack.plugins.module_utils.instance import metrics_service as service


def main() -> None:
    module = HostModule(
        argument_spec={
            "apps": {"type": "list", "elements": "dict", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "required": True},
            "directory": {"type": "path", "required": True},
            "units": {"type": "list", "elements": "str", "required": True},
            "program": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    module.require_root()
    metrics = f"{module.params['directory']}/flaskops.prom"
    config = json.dumps({"apps": module.params["apps"], "file": metrics}, indent=1, sort_keys=True) + "\n"
    texts = [text.encode() for text in module.params["units"]]
    files = {
        service.CONFIG: config.encode(),
        service.PROGRAM: base64.b64decode(module.params["program"]),
        **dict(zip(service.unit_paths(), texts, strict=True)),
    }
    wanted = service.MetricsService(files, metrics)
    present = module.params["state"] == "present"
    changes = wanted.pending() if present else service.left_over(files, metrics)
    try:
        if changes and not module.check_mode:
            if present:
                wanted.install()
            else:
                service.remove(files, metrics)
    except (service.MetricsError, CommandError, OSError) as error:
        module.fail_json(msg=f"The metrics of this host: {error}")
    lines = "".join(f"{path}\n" for path in changes)
    module.exit_json(changed=bool(changes), path=metrics, diff={"before": "" if present else lines, "after": lines if present else ""})


if __name__ == "__main__":
    main()
