#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: site_maintenance
short_description: Close the sites of applications to the public, or open them again
version_added: 1.0.0
description:
  - nginx answers requests to a closed site with a page, status 503 and C(Retry-After), without the application. Clients of
    C(nginx.maintenance.allow) are answered as ever. Requests that are under way end as usual.
  - A site stays closed through reboots, deployments and later runs, until this module opens it.
extends_documentation_fragment: flaskops.stack.apps
options:
  only: {description: "Name of an application, or V(all).", type: str, required: true}
  state: {description: Whether the site is closed., type: str, choices: ["on", "off"], required: true}
  who: {description: The action plugin sets this; users do not., type: str, default: somebody}
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Reports the sites that would be closed or opened., support: full}
  diff_mode: {description: Has nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Close the shop
  flaskops.stack.site_maintenance:
    only: shop
    state: "on"
"""

RETURN = r"""
closed:
  description: Since when each closed site is closed, and by whom.
  type: dict
  returned: success
  sample: {shop: closed since 2026-11-28T19:00:00Z by ada@vm}
"""

from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.closed_sites import ClosedSites
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import ConfigTreeError
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.tree_service import nginx
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule


def main() -> None:
    module = HostModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "choices": ["on", "off"], "required": True},
            "who": {"type": "str", "default": "somebody"},
        },
        supports_check_mode=True,
    )
    module.require_root()
    names, closed, sites = module.params["names"], module.params["state"] == "on", ClosedSites()
    try:
        if module.check_mode:
            changed = [name for name in names if bool(sites.since(name)) != closed]
        else:
            server = nginx()
            with server.held(module.params["who"]):
                changed = sites.switch(server, names, closed, module.params["who"])
    except (ConfigTreeError, OSError) as error:
        module.fail_json(msg=f"{', '.join(names)}: {error}")
    module.exit_json(changed=bool(changed), closed={name: since for name in names if (since := sites.since(name))})


if __name__ == "__main__":
    main()
