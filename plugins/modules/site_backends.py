#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: site_backends
short_description: Write down which backends of sites are taken out
version_added: 1.0.0
description:
  - Writes on an edge which of its backends nginx is to send no request. The role P(flaskops.stack.nginx_site#role) reads that when it writes
    the sites, so a backend stays out through reboots and later runs until it is put back.
  - Refuses to take the last backend of a site out.
options:
  backend: {description: "Name of a server in the inventory, or its address, with a port or without.", type: str, default: ""}
  state: {description: Whether the server is taken out or put back., type: str, choices: [drain, restore], default: drain}
  only: {description: "Name of an application whose site is meant, or V(all).", type: str, default: all}
  back_to: {description: The return value C(before) of an earlier call whose change is undone., type: dict, default: {}}
extends_documentation_fragment: [flaskops.stack.apps, flaskops.stack.private]
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Reports what would be written., support: full}
  diff_mode: {description: Has nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Take a server out of all sites
  flaskops.stack.site_backends:
    backend: app2
"""

RETURN = r"""
drained:
  description: By application, since when each backend is out and by whom, as it is now or would be.
  type: dict
  returned: success
  sample: {shop: {"192.0.2.12:8000": since 2026-11-28T19:00:00Z by ada@vm}}
before: {description: The same as it was before., type: dict, returned: success}
"""

from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.drained_backends import DrainedBackends, drain, restore
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import ConfigTreeError
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.tree_service import nginx
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule


def main() -> None:
    module = HostModule(
        argument_spec={
            "sites": {"type": "dict", "default": {}},
            "server": {"type": "str", "default": ""},
            "state": {"type": "str", "choices": ["drain", "restore"], "default": "drain"},
            "who": {"type": "str", "default": "somebody"},
            "back_to": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
        exact=("drained", "before"),
    )
    module.require_root()
    places, asked = DrainedBackends(), module.params
    try:
        with nginx().held(asked["who"]):
            out, failures = places.by_application()
            if failures:
                module.fail_json(msg="\n".join(failures.values()))
            if asked["back_to"]:
                after = asked["back_to"]
            elif asked["state"] == "drain":
                after = drain(asked["sites"], out, asked["server"], asked["who"])
            else:
                after = restore(asked["sites"], out, asked["server"])
            before = {app: out.get(app, {}) for app in after}
            if after != before and not module.check_mode:
                places.put(after)
    except (ConfigTreeError, OSError) as error:
        module.fail_json(msg=str(error))
    drained = {app: backends for app, backends in {**out, **after}.items() if backends}
    module.exit_json(changed=after != before, drained=drained, before=before)


if __name__ == "__main__":
    main()
