#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Host side of config_tree. The logic is in module_utils/config_tree*.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: config_tree
short_description: Change many rendered configuration files of a service as one transaction
version_added: 1.0.0
description:
  - Renders all files on the controller, sends them in one transfer, and stages them in a copy of the whole tree.
    A command validates the copy under its real path, and one atomic step exchanges it with the live tree.
  - The service is reloaded afterwards. If the reload fails, the module puts the old tree back and reloads the service with it.
  - A reload does not make a unix socket again that somebody has removed, so nginx is restarted where one on which it listens is gone.
  - The manifest C(.flaskops.json) in the tree lists the paths that the module manages, each with its owner. The module never
    touches other files.
  - After a run was killed, either the old or the new tree is live. The next run first reverts a change that was not committed.
  - Some directories cannot be exchanged, such as a mount point or a directory from a lower layer of an overlay. The module then
    renames the files into place one by one and keeps a journal, with which a later run reverts an unfinished change.
author: flaskops.stack authors (@flaskops)
options:
  root:
    description: The directory that holds the whole configuration, absolute. It is created if missing.
    type: path
    required: true
  files:
    description:
      - The wanted files and symbolic links. Each has exactly one of O(files[].src), O(files[].content) and
        O(files[].link).
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Path of the file, relative to O(root).
        type: str
        required: true
      owner:
        description: Owner of the file, such as the name of an application. Messages mention it, and O(owners) refers to it.
        type: str
        required: true
      src:
        description:
          - A template. A file name without a path is searched for like the C(template) action does (role first), then in
            O(files[].search), then in C(templates/) of the directories of the inventory and the playbook and of the working directory.
          - Templates that it extends, includes or imports are searched for in the same order, and last beside the template.
          - C(trim_blocks) and C(lstrip_blocks) are on. C(ansible_managed) is a fixed sentence.
        type: str
      content:
        description: The content of the file.
        type: str
      link:
        description: The target of a symbolic link, which is written unchanged.
        type: str
      vars:
        description: Variables for O(files[].src). They take precedence over all others.
        type: dict
        default: {}
      search:
        description: Further absolute directories in which O(files[].src), and templates that it extends or includes, are searched for.
        type: list
        elements: str
        default: []
      mode:
        description: Permissions of the file, octal. Its owner on the host is root.
        type: raw
        default: "0644"
      group: {description: Group of the file on the host; an empty one is root's., type: str, default: ""}
      diff:
        description: Whether C(--diff) and messages may show the content. Set V(false) for secrets.
        type: bool
        default: true
      force:
        description:
          - Replace a file that the module does not manage.
          - That file is kept in C(.flaskops.saved), and is restored when O(files) no longer has the entry.
        type: bool
        default: false
      if_unedited:
        description:
          - Replace a file that the module does not manage, like O(files[].force) does, but only if it is the unedited file of a
            package. A file that somebody has edited is left alone.
        type: bool
        default: false
      serves:
        description: Directories whose files this one includes. It is not removed without another one in its place while others have files there.
        type: list
        elements: str
        default: []
      spare:
        description: Left out where another file includes the directories of O(files[].serves), and removed with the last file in them.
        type: bool
        default: false
  sites:
    description: The sites of applications. All other options but O(root) and O(settled) become those of nginx with these sites.
    type: dict
    suboptions:
      apps: {description: The descriptions as they were written., type: raw, required: true}
      variable: {description: Name of the variable that messages mention., type: str, default: nginx_site_apps}
      variables:
        description: The variables of the role C(nginx_site) in their own types. Templates have them in these values.
        type: dict
        required: true
      left_out: {description: "Messages of applications that failed, by application. These keep their files.", type: dict, default: {}}
      pages: {description: "By name of a page that nginx sends without an application, its title and a sentence.", type: dict, default: {}}
  absent:
    description:
      - Paths relative to O(root) that are removed, also if the module does not manage them.
      - An element is a path, or a dict of C(path), C(only_if_link) and C(if_unedited). With C(only_if_link), only a symbolic link to
        that target is removed. With C(if_unedited), the link stays if somebody has edited the file of a package that it leads to.
    type: list
    elements: raw
    default: []
  owners:
    description: The module removes managed files of these owners that are not in O(files). It keeps files of other owners.
    type: list
    elements: str
    default: []
  validate:
    description:
      - The command (a list of words) that accepts or refuses the staged tree. It runs in a private mount namespace, in which the staged
        tree is mounted over O(root).
      - The command does not run in check mode, since such programs also write files (nginx creates caches and logs).
    type: list
    elements: str
    default: []
  validate_fallback:
    description:
      - The command for hosts without private mount namespaces. C({root}) in a word becomes the path of a copy, in which every mention
        of O(root) is replaced by the path of the copy.
    type: list
    elements: str
    default: []
  included:
    description:
      - Directories below O(root) whose managed files the output of O(validate) must name, as C(nginx -T) does. The module changes nothing if
        one is not named, since the main file of the tree is somebody else's and does not include it.
    type: list
    elements: str
    default: []
  service:
    description: The systemd service that is reloaded after a change, if it is active.
    type: str
  service_log:
    description: The log file of the service. Its new lines are shown when a reload fails; if it has none, those of the journal are.
    type: path
  reload_check:
    description: V(workers) requires that the main process has new child processes after the reload, like nginx has.
    type: str
    choices: [none, workers]
    default: none
  reload_timeout:
    description: Seconds to wait for O(reload_check).
    type: int
    default: 10
  probe_listen:
    description:
      - Addresses and ports of the web server for O(probe_sites), written like nginx's C(listen). Routes are requested at the first
        one, and the names of sites at every one that the host has.
    type: list
    elements: str
    default: ["80"]
  probe_tls_listen:
    description: Address and port where the web server speaks TLS. Requests that it redirects to HTTPS on the same host go there.
    type: str
  probe_sites:
    description:
      - Sites that the module requests before and after the reload. It requests a site if a file has changed whose owner is C(name).
        It requests all sites if a file has changed that belongs to none of them. If a site answers worse than before, the module puts
        the old tree back.
      - An answer is worse if it is a server error and was none before, or if there is no answer or no connection any more.
      - When the new tree is in use, every site that changed must answer itself. The module fails, and the new tree stays, if another
        server answers one of its names, or if nginx answers in place of an application that it did not reach. Later calls ask such
        a site again until it answers. A site is known by the header C(X-Flaskops-Site) in its files.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Owner of the site's files., type: str, required: true}
      host: {description: Host header of the requests., type: str, required: true}
      names: {description: Server names of the site. Each of them must lead to the site., type: list, elements: str, default: []}
      prefix: {description: "Path below which the site is, if others have the same names.", type: str, default: ""}
      routes:
        description: Dicts with the key C(probe), the path of a request. A route with an empty C(probe) is not requested.
        type: list
        elements: dict
        required: true
      certificate: {description: The module M(flaskops.stack.site_probe) reads it., type: dict, default: {}}
  payload:
    description: The rendered files. The action plugin sets this option; users do not.
    type: str
  digest:
    description: The action plugin sets this name of the whole request, which M(flaskops.stack.host_look) returns. Users do not set it.
    type: str
    default: ""
  settled:
    description:
      - The answer of M(flaskops.stack.host_look) about the last request for this tree. If it is this one, and would change nothing, the
        action plugin returns what the module would, without another round trip.
    type: dict
    default: {}
  who:
    description: The action plugin sets this; another run that has to wait for this one is told it. Users do not set it.
    type: str
    default: somebody
attributes:
  check_mode:
    description: Reports all changes and makes none. O(validate) does not run.
    support: full
  diff_mode:
    description: Shows each file before and after.
    support: full
"""

EXAMPLES = r"""
- name: Swap in the sites of every application
  flaskops.stack.config_tree:
    root: /etc/nginx
    files:
      - {path: sites-available/shop.conf, src: site.conf.j2, vars: {app: "{{ shop }}"}, owner: shop}
      - {path: sites-enabled/shop.conf, link: ../sites-available/shop.conf, owner: shop}
      - {path: conf.d/flaskops.conf, content: "server_tokens off;\n", owner: stack}
    absent:
      - {path: sites-enabled/default, only_if_link: /etc/nginx/sites-available/default}
    owners: [shop, stack]
    validate: [nginx, -T]
    validate_fallback: [nginx, -T, -c, "{root}/nginx.conf"]
    included: [conf.d, sites-enabled]
    service: nginx
    service_log: /var/log/nginx/error.log
    reload_check: workers
"""

RETURN = r"""
files:
  description: Sorted paths relative to O(root), by what happened to them.
  returned: success
  type: dict
  contains:
    created: {description: Did not exist., type: list, elements: str}
    changed: {description: "Other content, target, mode or ownership.", type: list, elements: str}
    removed: {description: No longer wanted., type: list, elements: str}
    restored: {description: "No longer wanted, and the file that C(force) had replaced is back.", type: list, elements: str}
    kept: {description: "Left alone, since C(if_unedited) is set and somebody has edited them.", type: list, elements: str}
    adopted: {description: Were there as wanted and are ours from now on., type: list, elements: str}
    drifted: {description: Files of this collection that somebody had edited or deleted., type: list, elements: str}
reloaded: {description: Whether the service was reloaded successfully., returned: success, type: bool}
restarted:
  description: Whether the service was restarted, since a unix socket on which it listens was gone.
  returned: success
  type: bool
recovered: {description: Whether the change of a killed run was reverted first., returned: success, type: bool}
validated: {description: How the staged tree was validated., returned: success, type: str, sample: "namespace, copy, skipped"}
swapped: {description: How the tree went live., returned: success, type: str, sample: "exchange, files, none"}
validate_lines:
  description: All lines of output of O(validate).
  returned: when the command refused the tree
  type: list
  elements: str
service_lines:
  description: Lines that the service has logged since the reload.
  returned: when the reload failed
  type: list
  elements: str
"""

from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import ARGUMENT_SPEC, ConfigTreeError
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.tree_order import TreeReader, remember, to_transaction
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.listening import unix_sockets
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.others import inspect
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.sites import probe_of


def main() -> None:
    """Entry point."""
    module = HostModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        transaction = to_transaction(module.params, module._diff, TreeReader(probe_of, inspect, unix_sockets))
        result = transaction.predict() if module.check_mode else transaction.run()
    except ConfigTreeError as error:
        module.fail_json(msg=str(error), **error.details)
    except ValueError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"config_tree: {module.params['root']}: {error}. It needs root and room on the disk")
    for warning in result.warnings:
        module.warn(warning)
    if not module.check_mode and not result.warnings:
        remember(transaction, module.params)
    module.exit_json(**result.as_dict())


if __name__ == "__main__":
    main()
