#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: uwsgi_info
short_description: Read the releases, instances and workers of Flask applications
version_added: 1.0.0
description:
  - Reads the live release and the live instance of every application, the state of its units, its socket, and the load of its workers.
options:
  traffic_seconds:
    description: >-
      With more than 0, also reads how visitors have fared in so many seconds, by the access log that nginx writes for each application. At most the
      last 64 MiB of a log are read, together with the files that logrotate has set aside.
    type: int
    default: 0
extends_documentation_fragment: flaskops.stack.apps
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Changes nothing in either mode., support: full}
  diff_mode: {description: Has nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Read the state of every application
  flaskops.stack.uwsgi_info:
    apps: "{{ flask_apps }}"
  register: look
"""

RETURN = r"""
apps:
  description: >-
    By application, the C(live) instance, the C(release), the C(socket) and all C(instances) with unit state, requests and workers.
    C(stream) of an instance has the same values for its stream pool, or null if there is no pool. C(slots) is the number of requests
    that an instance or a pool can answer at the same time, C(busy) is how many it is answering, and C(memory) is the resident memory
    of its workers in bytes. C(problems) is a list of what is not as it should be or could not be read, such as statistics that are none;
    C(problem) of an instance or a pool is its own part of that. C(workers) has the
    workers of the live instance beside its uWSGI, each with its C(unit), its state C(active), C(restarts), how it ended (C(result)), whether
    it starts at boot (C(enabled)), and whether it has ended by itself after its work or finishes an earlier job, and systemd is
    about to start it again (C(renewed)). C(timers) has its timers, with when each elapsed C(last), and the C(result) of a last run that
    failed with its unit (C(failed_unit)), which is of an earlier instance as long as the live one has not run the command.
    C(certificate) has C(names), C(issuer) and C(not_after), in seconds since
    the epoch, of the certificate of the site, or is null. With O(traffic_seconds), C(traffic) counts the answers by class of status
    (C(statuses)) and has the seconds that C(p50) and C(p99), half and 99 % of them, took at most, for the whole time and for each of its C(parts).
    It is null for a site that writes no log.
  type: dict
  returned: success
  sample:
    shop:
      live: 9d3c21f0aa10
      release: {id: 0f3a1c9d2b7e, revision: 9fceb02, virtualenv_id: 51c0ffee1234}
      socket: {path: /run/flask/shop/9d3c21f0aa10.sock, mode: "0660", owner: flask-shop, group: www-data}
      problems: []
      instances:
        9d3c21f0aa10: {unit: flask-shop@9d3c21f0aa10.service, active: active, enabled: true, uwsgi: 2.0.30, slots: 4, requests: 12}
"""

import time
import typing as t

from ansible_collections.flaskops.stack.plugins.module_utils.app.traffic_over_time import traffic_over_time
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.closed_sites import ClosedSites
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.paused_sites import PausedSites
from ansible_collections.flaskops.stack.plugins.module_utils.host import systemd
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule
from ansible_collections.flaskops.stack.plugins.module_utils.instance import status
from ansible_collections.flaskops.stack.plugins.module_utils.tls.attempts import Attempts
from ansible_collections.flaskops.stack.plugins.module_utils.tls.places import CertificatePlaces


def add_traffic(name: str, app: dict[str, t.Any], seconds: int, until: float) -> None:
    """Add how visitors have fared to the state of an application; a log that cannot be read is one of its problems."""
    app["traffic"] = None
    try:
        app["traffic"] = traffic_over_time(name, seconds, until)
    except OSError as error:
        app["problems"] += [f"the access log of nginx cannot be read: {error}"]


def main() -> None:
    module = HostModule(
        argument_spec={
            "apps": {"type": "list", "elements": "dict", "required": True},
            "traffic_seconds": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    module.require_root()
    try:
        apps = status.describe_all(module.params["apps"])
    except systemd.SystemdError as error:
        module.fail_json(msg=systemd.explained(error))
    sites, pauses, seconds, until = ClosedSites(), PausedSites(), module.params["traffic_seconds"], time.time()
    for name, app in apps.items():
        places = CertificatePlaces(name)
        record, trouble = places.record(), Attempts(places).says
        app["certificate"] = {"names": list(record.names), "issuer": record.issuer, "not_after": record.not_after} if record else None
        closed = sites.since(name)
        app["problems"] += [f"{closed}; flaskops.stack.maintenance opens the site"] if closed else []
        paused = pauses.since(name)
        app["problems"] += [f"{paused}; flaskops.stack.pause ends it"] if paused else []
        app["problems"] += [f"certificate: {trouble}"] if trouble else []
        if seconds > 0:
            add_traffic(name, app, seconds, until)
    module.exit_json(changed=False, apps=apps)


if __name__ == "__main__":
    main()
