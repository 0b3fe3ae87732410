#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: site_traffic_info
short_description: Read how the visitors of applications have fared lately
version_added: 1.0.0
description:
  - Counts requests and server errors in the last seconds, and how long 99 % of the requests took at most, by the access log that nginx writes for
    each application.
  - Without O(before), and for an application whose switch an earlier run has left on trial, these are the last seconds before that switch.
  - Tells for each application whether its visitors fare worse than in an earlier result of this module. They do if 1 % more of the requests are
    server errors and at least two are, or if the time for 99 % of at least 100 requests is more than twice as long plus a tenth of a second.
  - They do as well if 1 % more of the visitors, and at least two, have gone without an answer after more than a second and more than that time (nginx
    logs them with 499), or if there were at least 50 requests, less than a tenth of them is left, and the live instance is still answering half of the
    missing ones, or half of as many as it can answer at once, or nobody can say what it is answering. nginx logs a request at its end, so a site
    on which pages hang has hardly any.
options:
  seconds:
    description: >-
      How many seconds to look back. At most the last 64 MiB of a log are read, together with the files that logrotate has set aside.
    type: int
    required: true
  before:
    description: The return value C(traffic) of an earlier run, with which this one is compared.
    type: dict
    default: {}
extends_documentation_fragment: flaskops.stack.apps
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Changes nothing in either mode., support: full}
  diff_mode: {description: Has nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Read how visitors have fared in the last minute
  flaskops.stack.site_traffic_info:
    seconds: 60
  register: before
"""

RETURN = r"""
traffic:
  description: >-
    By application, the number of C(requests), how many of them were server C(errors), the seconds that 99 % of them took at most, C(p99), and how
    many visitors have C(gone) without an answer after they had waited for longer than usual. An application whose site writes no log, as with
    C(log=off), is left out.
  type: dict
  returned: success
  sample: {shop: {requests: 1210, errors: 0, p99: 0.041, gone: 0}}
worse:
  description: By application, in which way its visitors fare worse than C(before).
  type: dict
  returned: success
  sample: {shop: "shop: 52 of 190 requests were answered with a server error, and 0 of 204 before"}
"""

import time

from ansible_collections.flaskops.stack.plugins.module_utils.app.layout import Layout
from ansible_collections.flaskops.stack.plugins.module_utils.app.orders import PlacedApp
from ansible_collections.flaskops.stack.plugins.module_utils.app.traffic import InFlight, Traffic, traffic, worse
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import live_id
from ansible_collections.flaskops.stack.plugins.module_utils.instance.trial import trial_of
from ansible_collections.flaskops.stack.plugins.module_utils.instance.uwsgi_stats import StatsError, read_stats


def of_app(app: PlacedApp, seconds: int, until: float, before: dict[str, Traffic] | None) -> Traffic | None:
    """Return the traffic of an application until now, or until the switch that an earlier run has left on trial.

    :param before: the traffic of applications before; with it, this is the traffic of the new release, whatever is on trial
    """
    trial = trial_of(app) if before is None else None
    end = trial.began if trial else until
    return traffic(app["name"], end - seconds, end, (before or {}).get(app["name"]))


def in_flight(app: PlacedApp) -> InFlight | None:
    """Return what the live instance of an application and its stream pool are answering, ``None`` where their statistics cannot be read."""
    layout = Layout(app)
    try:
        live = live_id(app)
        own, pool = read_stats(layout.stats_socket(live)), read_stats(layout.stream_stats_socket(live))
    except (StatsError, OSError):
        return None
    workers = [*own.workers, *pool.workers]
    return InFlight(sum(worker.busy for worker in workers), sum(worker.slots for worker in workers)) if own.workers else None


def main() -> None:
    module = HostModule(
        argument_spec={
            "apps": {"type": "list", "elements": "dict", "required": True},
            "seconds": {"type": "int", "required": True},
            "before": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    module.require_root()
    until = time.time()
    before = {name: Traffic(**counted) for name, counted in module.params["before"].items()}
    try:
        found = {app["name"]: of_app(app, module.params["seconds"], until, before or None) for app in module.params["apps"]}
    except OSError as error:
        module.fail_json(
            msg=f"An access log of nginx cannot be read: {error}. The module reads plain files; set nginx.log: off for a site without one."
        )
    seen = {name: counted for name, counted in found.items() if counted is not None}
    compared = [app for app in module.params["apps"] if app["name"] in seen and app["name"] in before]
    says = {app["name"]: worse(before[app["name"]], seen[app["name"]], in_flight(app)) for app in compared}
    module.exit_json(
        changed=False,
        traffic={name: counted._asdict() for name, counted in seen.items()},
        worse={name: f"{name}: {text}" for name, text in says.items() if text},
    )


if __name__ == "__main__":
    main()
