#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: site_probe
short_description: Prove the routes of sites by requests from the host
version_added: 1.0.0
description:
  - Requests every route and fails with a line for each route that does not work as its mode promises. A plain route must answer
    without a server error. A cache route must answer C(MISS) and then C(HIT). The first chunk of a stream must arrive before the
    application sends the second. A route with an empty C(probe) is left out.
  - Requires of a site with TLS that it presents the certificate that is installed, that the certificate is for its names and still valid for
    some time, and that plain requests are redirected.
  - Changes nothing. Requests to a cache route have a unique query, so that they do not use answers for visitors.
options:
  listen:
    description: Address and port of the web server, written like nginx's C(listen).
    type: str
    default: "80"
  tls_listen:
    description: Address and port where the web server speaks TLS. Requests that it redirects to HTTPS on the same host go there.
    type: str
    default: "443"
  timeout:
    description: Timeout of each connection and each read, in seconds.
    type: int
    default: 10
extends_documentation_fragment: flaskops.stack.apps
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
  description: The result for each route.
  type: list
  elements: dict
  returned: always
  sample: [{app: shop, mode: plain, url: shop.example.com/, ok: true, says: answered 200, line: 'shop: plain route shop.example.com/ answered 200'}]
"""

import typing as t

from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import SITE_SPEC
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.http_client import (
    TIMEOUT_SECONDS,
    HttpClient,
    NoAnswerError,
    parse_listen,
)
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.probe import Check, Prober
from ansible_collections.flaskops.stack.plugins.module_utils.tls.proof import prove

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "listen": {"type": "str", "default": "80"},
    "tls_listen": {"type": "str", "default": "443"},
    "sites": {"type": "list", "elements": "dict", "required": True, "options": SITE_SPEC},
    "timeout": {"type": "int", "default": int(TIMEOUT_SECONDS)},
}


class ProvenSite:
    """The requests that prove the TLS of a site.

    :param client: asks where the server speaks plain HTTP, and follows no redirect
    :param tls_address: where it speaks TLS
    """

    def __init__(self, client: HttpClient, tls_address: tuple[str, int]) -> None:
        self.client, self.tls_address = client, tls_address

    def presented(self, host: str) -> bytes:
        try:
            connection = self.client.connect_tls(self.tls_address, host)
        except NoAnswerError as error:
            raise OSError(str(error)) from error
        try:
            return connection.sock.getpeercert(binary_form=True)
        finally:
            connection.close()

    def plain_status(self, host: str) -> int:
        try:
            with self.client.get(host, "/") as answer:
                return answer.status
        except NoAnswerError as error:
            raise OSError(str(error)) from error


def check_certificates(sites: list[dict[str, t.Any]], proven: ProvenSite) -> list[Check]:
    """Return the check of each certificate."""
    with_tls = [site for site in sites if site["certificate"]]
    return [Check(site["name"], "tls", site["host"], *prove(proven, site["name"], site["host"], site["certificate"])) for site in with_tls]


def main() -> None:
    module = HostModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        address, tls_address = parse_listen(module.params["listen"]), parse_listen(module.params["tls_listen"])
    except ValueError as error:
        module.fail_json(msg=str(error), checks=[])
    prober = Prober(address, module.params["timeout"], tls_address)
    checks = [
        prober.check(site["name"], site["host"], route["mode"], route["probe"], route.get("proof", route["mode"]))
        for site in module.params["sites"]
        for route in site["routes"]
        if route["probe"]
    ]
    checks += check_certificates(module.params["sites"], ProvenSite(HttpClient(address, module.params["timeout"]), tls_address))
    result = {"changed": False, "checks": [check.as_dict() for check in checks]}
    problems = [check["line"] for check in result["checks"] if not check["ok"]]
    if problems:
        module.fail_json(msg="\n".join(problems), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
