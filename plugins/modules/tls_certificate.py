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
extends_documentation_fragment: flaskops.stack.apps
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
"""

import json
import typing as t

from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import ConfigTreeError
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.tree_service import nginx
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule
from ansible_collections.flaskops.stack.plugins.module_utils.host.shown import learn
from ansible_collections.flaskops.stack.plugins.module_utils.tls import self_signed
from ansible_collections.flaskops.stack.plugins.module_utils.tls.install import Installer, NewCertificate
from ansible_collections.flaskops.stack.plugins.module_utils.tls.pair import CertificateError, day, examine
from ansible_collections.flaskops.stack.plugins.module_utils.tls.places import CertificatePlaces, CertificateRecord
from ansible_collections.flaskops.stack.plugins.module_utils.tls.wanted import read_pair


def to_certificate(order: dict[str, t.Any]) -> NewCertificate:
    """Return the certificate that is to be installed; a self-signed one is made.

    :raises CertificateError: if it cannot be used
    """
    if order["kind"] == "files":
        pair = read_pair(order)
    elif order["kind"] == "self_signed":
        pair = self_signed.make(order["names"])
    else:
        pair = (order["chain"], order["key"], examine(order["chain"], order["key"]))
    return NewCertificate(order["app"], order["kind"], *pair)


def outline(record: CertificateRecord | None) -> str:
    """Return what a diff shows of a certificate."""
    if record is None:
        return ""
    return f"names: {', '.join(record.names)}\nissuer: {record.issuer}\nvalid: {day(record.not_before)} to {day(record.not_after)}\n"


def main() -> None:
    module = HostModule(argument_spec={"orders": {"type": "str", "required": True, "no_log": True}}, supports_check_mode=True)
    orders = json.loads(module.params["orders"])
    learn(order["key"] for order in orders if order["key"])
    try:
        new = [to_certificate(order) for order in orders]
        diff = [
            {
                "before": outline(CertificatePlaces(each.app).record()),
                "after": outline(each.record()),
                "before_header": f"certificate of {each.app}",
                "after_header": f"certificate of {each.app}",
            }
            for each in new
        ]
        if not module.check_mode:
            server = nginx()
            with server.held("an installation of certificates"):
                Installer(server).install(new)
    except (CertificateError, ConfigTreeError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=True, diff=diff)


if __name__ == "__main__":
    main()
