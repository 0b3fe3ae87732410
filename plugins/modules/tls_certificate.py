#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: tls_certificate
short_description: Install the certificates of sites that do not come from a CA by ACME
version_added: 1.0.0
description:
  - Installs certificates that descriptions give, as text or as files of the host, and makes self-signed ones.
  - Each is complete before one rename makes it live. nginx then tests its configuration and is reloaded; if it refuses, the certificates
    from before are back.
  - An application whose certificate cannot be used stops no other; the module fails at its end with a message for each one.
extends_documentation_fragment: [flaskops.stack.apps, flaskops.stack.private]
options:
  only: {description: Names of the applications whose certificates are installed., type: list, elements: str, required: true}
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Reports the certificates that would be installed., support: full}
  diff_mode: {description: "Shows names, issuer and dates of a certificate before and after, and never a key.", support: full}
"""

EXAMPLES = r"""
- name: Install the certificate of the shop
  flaskops.stack.tls_certificate:
    apps: "{{ flask_apps }}"
    only: [shop]
"""

RETURN = r"""
failures:
  description: Messages of applications whose certificates were not installed, by application, with those of C(left_out).
  type: dict
  returned: success
"""

import json

from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import ConfigTreeError
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.tree_service import nginx
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule
from ansible_collections.flaskops.stack.plugins.module_utils.host.shown import learn
from ansible_collections.flaskops.stack.plugins.module_utils.tls import orders
from ansible_collections.flaskops.stack.plugins.module_utils.tls.pair import CertificateError


def main() -> None:
    module = HostModule(argument_spec={"orders": {"type": "str", "required": True, "no_log": True}}, supports_check_mode=True)
    module.require_root()
    given = json.loads(module.params["orders"])
    learn(order["key"] for order in given if order["key"])
    try:
        if module.check_mode:
            result = orders.predict(given)
        else:
            server = nginx()
            with server.held("an installation of certificates"):
                result = orders.carry_out(given, server)
    except (CertificateError, ConfigTreeError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result._asdict())


if __name__ == "__main__":
    main()
