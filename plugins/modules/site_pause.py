#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: site_pause
short_description: Have requests to applications wait, such as while a database is moved
version_added: 1.0.0
description:
  - nginx holds requests to a paused application, which does not see them. When the pause is over they go to the application as if they had just
    come. Requests that were under way when the pause began end as usual, and nginx goes on serving static files, cached answers and redirects.
  - A pause goes on through deployments and later runs until this module ends it, or its time is over, or the host boots.
extends_documentation_fragment: flaskops.stack.apps
options:
  only: {description: "Name of an application, or V(all).", type: str, required: true}
  state: {description: Whether the application is paused., type: str, choices: ["on", "off"], required: true}
  seconds:
    description:
      - How long a pause may last without a visitor noticing more than a slow answer. Requests that still wait then, and all later ones, get
        503 with C(Retry-After). The time begins with the first request that waits. It must be below the C(read_timeout) of the routes.
    type: int
    default: 30
  ends: {description: Seconds after which the host ends a forgotten pause by itself., type: int, default: 600}
  who: {description: The action plugin sets this; users do not., type: str, default: somebody}
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Reports the applications that would be paused or resumed., support: full}
  diff_mode: {description: Has nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Have the requests to the shop wait
  flaskops.stack.site_pause:
    only: shop
    state: "on"
    seconds: 40
"""

RETURN = r"""
paused:
  description: Since when each paused application is paused, by whom, and until when at the latest.
  type: dict
  returned: success
  sample: {shop: "paused since 2026-11-28T19:00:00Z by ada@vm, until 2026-11-28T19:10:00Z at the latest"}
"""

from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.paused_sites import Pause, PausedSites
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import ConfigTreeError
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.tree_service import nginx
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule
from ansible_collections.flaskops.stack.plugins.module_utils.host.systemd import SystemdError


def main() -> None:
    module = HostModule(
        argument_spec={
            "apps": {"type": "list", "elements": "dict", "required": True},
            "state": {"type": "str", "choices": ["on", "off"], "required": True},
            "seconds": {"type": "int", "default": 30},
            "ends": {"type": "int", "default": 600},
            "who": {"type": "str", "default": "somebody"},
        },
        supports_check_mode=True,
    )
    module.require_root()
    apps, sites, on = module.params["apps"], PausedSites(), module.params["state"] == "on"
    names = [app["name"] for app in apps]
    try:
        if module.check_mode:
            changed = [name for name in names if bool(sites.since(name)) != on]
        else:
            server, who = nginx(), module.params["who"]
            with server.held(who):
                pause = Pause(module.params["seconds"], module.params["ends"], who)
                changed = sites.pause(server, apps, pause) if on else sites.resume(server, names)
    except (ConfigTreeError, SystemdError, OSError) as error:
        module.fail_json(msg=f"{', '.join(names)}: {error}")
    module.exit_json(changed=bool(changed), paused={name: since for name in names if (since := sites.since(name))})


if __name__ == "__main__":
    main()
