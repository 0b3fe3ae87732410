#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: site_probe
short_description: Prove the routes of sites by requests from the host
version_added: 1.0.0
description:
  - Requests every route and fails with a line for each that does not do what its mode promises. A plain route answers without a
    server error, a cache route answers C(MISS) and then C(HIT), the first chunk of a stream arrives before the second is sent.
  - Changes nothing; a cache route is asked with a query of its own.
options:
  listen:
    description: Address and port of the web server, as nginx's C(listen) has it.
    type: str
    default: "80"
  apps:
    description: Descriptions of applications, as in C(flask_apps); a route with an empty C(probe) is left out. By default, those of C(variable).
    type: list
    elements: dict
  variable:
    description: Name of the variable that the descriptions are from.
    type: str
    default: flask_apps
  timeout:
    description: Seconds for each connection and read.
    type: int
    default: 10
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Changes nothing in either mode., support: full}
  diff_mode: {description: Has nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Prove every route
  flaskops.stack.site_probe:
    apps: "{{ flask_apps }}"
"""

RETURN = r"""
checks:
  description: What came of each route.
  type: list
  elements: dict
  returned: always
  sample: [{app: shop, mode: plain, url: shop.example.com/, ok: true, says: answered 200, line: 'shop: plain route shop.example.com/ answered 200'}]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.http_client import TIMEOUT_SECONDS, parse_listen
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.probe import Prober


def main() -> None:
    site = {"name": {"required": True}, "host": {"required": True}, "routes": {"type": "list", "elements": "dict", "required": True}}
    module = AnsibleModule(
        argument_spec={
            "listen": {"type": "str", "default": "80"},
            "sites": {"type": "list", "elements": "dict", "required": True, "options": site},
            "timeout": {"type": "int", "default": int(TIMEOUT_SECONDS)},
        },
        supports_check_mode=True,
    )
    try:
        prober = Prober(parse_listen(module.params["listen"]), module.params["timeout"])
    except ValueError as error:
        module.fail_json(msg=str(error), checks=[])
    checks = [
        prober.check(site["name"], site["host"], route["mode"], route["probe"], route.get("proof", route["mode"]))
        for site in module.params["sites"]
        for route in site["routes"]
        if route["probe"]
    ]
    result = {"changed": False, "checks": [check.as_dict() for check in checks]}
    problems = [check["line"] for check in result["checks"] if not check["ok"]]
    if problems:
        module.fail_json(msg="\n".join(problems), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
