#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: acme_certificate
short_description: Have a host get the certificates of sites from a CA
version_added: 1.0.0
description:
  - Installs the program of C(flaskops-acme.service), enables its timer, starts it and waits for it. The service reads below
    C(/etc/nginx/flaskops) which certificates are wanted, and renews them later by itself.
  - Says of each application why it has no certificate, in the words of the CA. The site is served over HTTP meanwhile.
options:
  required: {description: Whether a certificate that could not be had is a failure; otherwise it is a warning., type: bool, default: true}
extends_documentation_fragment: [flaskops.stack.apps, flaskops.stack.private]
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Asks no CA and reports a change., support: full}
  diff_mode: {description: "Names the applications whose certificates would be asked for.", support: full}
"""

EXAMPLES = r"""
- name: Get the certificates of all sites that a CA gives one
  flaskops.stack.acme_certificate:
    apps: "{{ flask_apps }}"
"""

RETURN = r"""
problems: {description: "By application, why it has no certificate.", type: dict, returned: always}
"""

import base64
import os
import typing as t

from ansible_collections.flaskops.stack.plugins.module_utils.host import files, systemd
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError
from ansible_collections.flaskops.stack.plugins.module_utils.host.json_file import read_object
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule
from ansible_collections.flaskops.stack.plugins.module_utils.tls.places import ACME_PROGRAM, ASKED, RESULT, ROOT, CertificatePlaces

_SERVICE = "flaskops-acme.service"
_TIMER = "flaskops-acme.timer"
# systemd ends the service sooner (TimeoutStartSec in its unit).
_SECONDS = 2000
# A service that the timer had started before may not have seen the question.
_ATTEMPTS = 2


def state(apps: list[str]) -> list[object]:
    """Return what a call of this module may change: the program and the certificates."""
    places = [CertificatePlaces(app) for app in apps]
    return [files.read_text(ACME_PROGRAM), *(place.record() for place in places), *(place.exposed() for place in places)]


def install(program: bytes) -> None:
    """Put the program in place by one rename."""
    os.makedirs(ROOT, 0o700, exist_ok=True)
    files.write_through(ACME_PROGRAM, program, 0o600)


def ask() -> dict[str, str]:
    """Have the service do its work, and return its problems by application.

    :raises CommandError: if there is no such service
    """
    systemd.enable_now(_TIMER)
    files.unlink(RESULT)
    for _attempt in range(_ATTEMPTS):
        if os.path.exists(RESULT):
            break
        files.write_through(ASKED, "", 0o600)
        # It fails where a certificate could not be had, which the result tells.
        systemd.run_once(_SERVICE, _SECONDS)
    result = read_object(RESULT)
    if result is None:
        raise CommandError(f"{_SERVICE} has not done its work; journalctl -u {_SERVICE} shows why")
    return dict(result["problems"])


def outcome(apps: list[str], problems: t.Mapping[str, str]) -> list[str]:
    """Return a line for each application that is without its certificate."""
    lines = []
    for app in apps:
        if app in problems:
            how = "keeps the certificate that it has" if CertificatePlaces(app).record() else "is served over HTTP only"
            lines.append(f"{app}: the CA gave no certificate, and the site {how}: {problems[app]}")
    return lines


def main() -> None:
    module = HostModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "required": True},
            "required": {"type": "bool", "default": True},
            "program": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    module.require_root()
    apps = module.params["names"]
    if module.check_mode:
        lines = "".join(f"certificate of {app} from the CA\n" for app in apps)
        module.exit_json(changed=True, problems={}, diff={"before": "", "after": lines})
    before = state(apps)
    try:
        install(base64.b64decode(module.params["program"]))
        problems = ask()
    except (CommandError, OSError) as error:
        module.fail_json(msg=f"The certificates of {', '.join(apps)} could not be asked for: {error}")
    lines = outcome(apps, problems)
    if lines and module.params["required"]:
        lines.append("The host tries again by itself. nginx_site_acme_required: false makes a warning of this.")
        module.fail_json(msg="\n".join(lines), problems=problems)
    for line in lines:
        module.warn(line)
    module.exit_json(changed=state(apps) != before, problems=problems)


if __name__ == "__main__":
    main()
