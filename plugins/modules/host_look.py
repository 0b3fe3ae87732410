# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: host_look
short_description: Read what a host has and lacks
version_added: 1.0.0
description:
  - Reads the state of packages, users, directories, services and releases in one task, and changes nothing. A role then runs tasks for
    missing things only.
  - Refuses hosts whose distribution is not supported.
  - An application whose directories cannot be read, or whose certificate on the host cannot be used, stops no other; the module fails at its
    end with a message for each one.
options:
  apps:
    description: Descriptions of those applications whose packages, users, directories and releases are looked at.
    type: list
    elements: dict
    default: []
  variable:
    description: Name of the variable with the descriptions, for messages.
    type: str
    default: flask_apps
  left_out:
    description: Messages of applications that failed earlier in the run, by application. Nothing is done about these applications.
    type: dict
    default: {}
  sites:
    description: The module looks at these things for the web server. Without the option, it looks at none of them.
    type: dict
    default: {}
    suboptions:
      directories:
        description: Octal permissions of directories that root must own, by path. A group other than root's follows after a blank.
        type: dict
        default: {}
      files: {description: Texts that files must have. Keys are paths., type: dict, default: {}}
      acme_files: {description: "The same, of files that are there only if a site has its certificate from a CA.", type: dict, default: {}}
      leftovers:
        description: Paths that are to be gone for an application that is absent, with C({app}) in place of its name.
        type: list
        elements: str
        default: []
      apps:
        description:
          - Descriptions of those applications whose sites and certificates are looked at. The module reads the variables of the role
            C(nginx_site), too, and fails if another program than nginx listens where sites would.
        type: list
        elements: dict
        default: []
      tree:
        description: The directory of configuration files whose last order by M(flaskops.stack.config_tree) is looked at.
        type: path
      services:
        description: Services that are to run, now and at boot. The module fails if one is masked.
        type: list
        elements: str
        default: []
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Changes nothing in either mode., support: full}
  diff_mode: {description: Has nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Read what the host has
  flaskops.stack.host_look:
    sites:
      apps: "{{ flask_apps }}"
      services: [nginx]
  register: look
"""

RETURN = r"""
packages: {description: Packages of applications that are not installed., type: list, elements: str, returned: success}
packages_of: {description: "The packages of this list that an application needs, by application.", type: dict, returned: success}
accounts: {description: Declarations and directories of applications that are not as they should be., type: list, elements: str, returned: success}
hosted:
  description: By application, the facts about releases that M(flaskops.stack.flask_release_plan) needs.
  type: dict
  returned: success
sites:
  description: Things that the web server lacks.
  type: dict
  returned: if O(sites) is given
  contains:
    lacks: {description: "Whether packages, directories, files or certificates are missing that the role installs itself.", type: bool}
    packages: {description: Packages that are not installed., type: list, elements: str}
    directories: {description: Directories with other permissions or owners than asked for., type: list, elements: str}
    files: {description: Files that are missing or have another text., type: list, elements: str}
    unwanted: {description: Unwanted paths that exist., type: list, elements: path}
    services: {description: Services that do not run or would not run after a boot., type: list, elements: str}
    certificates: {description: "Applications whose certificate is missing or another one than wanted.", type: list, elements: str}
    own_certificates: {description: The applications among these whose certificate no CA gives., type: list, elements: str}
    acme:
      description: Applications that need a certificate from the CA, and files of the service for it that are not as wanted.
      type: list
      elements: str
    variables: {description: "The variables of the role in their own types, as they hold on this host; a secret one is not among them.", type: dict}
    ipv6: {description: Whether a program can listen at addresses of IPv6., type: bool}
    nginx: {description: "Version of nginx that is installed or would be, empty if it is unknown.", type: str, sample: 1.26.3}
    tree: {description: "The last order for O(sites.tree), like RV(instances); empty if anything is missing.", type: dict}
    former_backend:
      description: Address of the server behind the proxy in the files of a release that had no socket for it, empty in all other cases.
      type: str
    drained: {description: "By application, the backends that somebody has taken out, with since when and by whom.", type: dict}
instances:
  description:
    - The last order by M(flaskops.stack.uwsgi_instance), if it would change nothing and tell of nothing. C(digest) is its name, and C(result)
      what that module would return.
    - C(tree) of RV(sites) is the same for M(flaskops.stack.config_tree).
  type: dict
  returned: success
failures:
  description: Messages of applications that failed, by application, with those of C(left_out). Without failures the dict is empty.
  type: dict
  returned: always
"""

import base64
import os
import typing as t

from ansible_collections.flaskops.stack.plugins.module_utils.app import account
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree import tree_order
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.drained_backends import DrainedBackends
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import ConfigTreeError, Manifest
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.tree_order import TreeReader
from ansible_collections.flaskops.stack.plugins.module_utils.host import debian, kept_program, systemd
from ansible_collections.flaskops.stack.plugins.module_utils.host.files import read_text
from ansible_collections.flaskops.stack.plugins.module_utils.host.lacks import wrong_digests, wrong_directories, wrong_files
from ansible_collections.flaskops.stack.plugins.module_utils.host.listeners import has_ipv6, in_the_way
from ansible_collections.flaskops.stack.plugins.module_utils.host.managed import MANAGED
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule
from ansible_collections.flaskops.stack.plugins.module_utils.instance import host_order
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.former_backend import SHARED, former_backend
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.listening import unix_sockets
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.others import inspect
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.sites import probe_of
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.taken_names import taken_names
from ansible_collections.flaskops.stack.plugins.module_utils.release import store
from ansible_collections.flaskops.stack.plugins.module_utils.tls.wanted import exposed, unmet

_FAMILY = "debian"
_WEB_SERVER = "nginx"
# The action plugin sends of every application what is needed here, and nothing else. The program is for the tasks and runs after this one.
_SPEC: dict[str, dict[str, t.Any]] = {
    "apps": {"type": "list", "elements": "dict", "default": []},
    "packages": {"type": "list", "elements": "str", "default": []},
    "directories": {"type": "dict", "default": {}},
    "files": {"type": "dict", "default": {}},
    "unwanted": {"type": "list", "elements": "path", "default": []},
    "services": {"type": "list", "elements": "str", "default": []},
    "listen": {"type": "dict", "default": {}},
    "certificates": {"type": "list", "elements": "dict", "default": []},
    "digests": {"type": "dict", "default": {}},
    "optional": {"type": "list", "elements": "str", "default": []},
    "instances": {"type": "bool", "default": False},
    "tree": {"type": "path", "default": ""},
    "names": {"type": "list", "elements": "dict", "default": []},
    "program": {"type": "dict", "default": {}},
}


def require_usable(module: HostModule) -> None:
    """Fail with the remedy on a host that the roles cannot work on."""
    module.require_root()
    distribution = debian.distribution()
    if _FAMILY not in distribution["family"]:
        module.fail_json(
            msg=f"The host runs {distribution['name']}; flaskops.stack supports the Debian family. Remove the host from the play."
        )
    if (module.params["apps"] or module.params["services"]) and not systemd.is_running():
        module.fail_json(
            msg="systemd does not run on the host, as in a container without an init, and the units of applications need it. Boot it with systemd"
            " as process 1, or take the host out of the play."
        )
    for name in systemd.masked_services(module.params["services"]):
        module.fail_json(
            msg=f"{name}.service is masked: somebody has switched it off on this host. Run `systemctl unmask {name}` there, or take the host"
            " out of the play."
        )
    wanted = module.params["listen"]
    for variable, other in [(name, other) for name in sorted(wanted) for other in in_the_way(wanted[name], _WEB_SERVER)]:
        module.fail_json(
            msg=f"{other.program} listens on port {other.port} of the host ({other.address}), where nginx is to listen. Stop"
            f" that program and keep it from starting at boot, or set {variable} to another port."
        )


def named_elsewhere(root: str, sites: list[dict[str, t.Any]]) -> dict[str, str]:
    """Return messages of applications whose server names a file of somebody else has, by name."""
    try:
        own = Manifest.load(root).files
        return taken_names(root, own, sites, lambda path: read_text(path, follow=True), MANAGED) if root and sites else {}
    except (ConfigTreeError, OSError, RecursionError, ValueError):
        # The module that changes the tree, or nginx itself, has the words for what is wrong there.
        return {}


def main() -> None:
    module = HostModule(
        argument_spec=_SPEC,
        supports_check_mode=True,
        exact=("hosted", "drained", "instances", "tree"),
    )
    require_usable(module)
    if module.params["program"] and not module.check_mode:
        kept_program.keep(module.params["program"]["name"], base64.b64decode(module.params["program"]["packed"]))
    apps = module.params["apps"]
    wanted = module.params["certificates"]
    certificates, bad_certificates = unmet(wanted)
    certificates = {*certificates, *exposed(wanted)}
    certificates_by_acme = [each["app"] for each in wanted if each["kind"] == "acme" and each["app"] in certificates]
    tree = module.params["tree"]
    accounts, unread = account.look(apps)
    hosted, failures = store.inspect_all(apps)
    drained, undrained = DrainedBackends().by_application()
    taken = named_elsewhere(tree, module.params["names"])
    module.exit_json(
        changed=False,
        packages=debian.missing_packages(module.params["packages"]),
        unknown=debian.unknown_packages(debian.missing_packages(module.params["optional"])),
        accounts=accounts,
        directories=wrong_directories(module.params["directories"]),
        files=wrong_files(module.params["files"]),
        unwanted=[path for path in module.params["unwanted"] if os.path.lexists(path)],
        services=systemd.idle_services(module.params["services"]),
        certificates=sorted(certificates),
        acme=[*sorted(certificates_by_acme), *wrong_digests(module.params["digests"])],
        nginx=debian.version("nginx") if "nginx" in module.params["packages"] else "",
        certbot=debian.version("certbot") if "certbot" in module.params["packages"] else "",
        ipv6=has_ipv6(),
        drained=drained,
        hosted=hosted,
        instances=(host_order.settled() if module.params["instances"] else None) or {},
        tree=(tree_order.settled(tree, module.check_mode, TreeReader(probe_of, inspect, unix_sockets)) if tree else None) or {},
        former_backend=former_backend(read_text(f"{tree}/{SHARED}") or "") if tree else "",
        failures={**taken, **failures, **unread, **bad_certificates, **undrained},
    )


if __name__ == "__main__":
    main()
