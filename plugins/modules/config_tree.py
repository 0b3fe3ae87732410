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
  - Renders all files on the controller, ships them in one transfer, stages them in a copy of the whole tree,
    has the copy validated under the real path, and exchanges it with the live tree in one atomic step.
  - The service is reloaded afterwards. If the reload does not take, the old tree is put back and the service
    reloaded with it.
  - A manifest, C(.flaskops.json) in the tree, remembers which paths are ours and whose. Other files are never
    touched.
  - A run that is killed leaves the old or the new tree. The next one undoes what was not committed first.
  - Where two directories cannot be exchanged (a mount point, a lower layer of an overlay), files are
    renamed into place one by one under a journal, which a later run finds and undoes.
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
        description: Where, relative to O(root).
        type: str
        required: true
      owner:
        description: Whose file it is, such as an application's name. Messages name it, removal goes by it.
        type: str
        required: true
      src:
        description:
          - A template. A bare name is searched as the C(template) action does (role first), then in O(files[].search), then in
            C(templates/) of the inventory's directory, of the playbook's and of the working directory.
          - What it extends, includes or imports by a bare name is searched in the same order, and beside the template at last.
          - C(trim_blocks) and C(lstrip_blocks) are on. C(ansible_managed) is a fixed sentence.
        type: str
      content:
        description: The content itself.
        type: str
      link:
        description: The target of a symbolic link, as it is to be written.
        type: str
      vars:
        description: Variables for O(files[].src), before all others.
        type: dict
        default: {}
      search:
        description: More directories, absolute, for O(files[].src) and whatever it extends or includes.
        type: list
        elements: str
        default: []
      mode:
        description: Permissions, octal. The file belongs to root.
        type: raw
        default: "0644"
      diff:
        description: Whether the content may be shown by C(--diff) and in messages. Set V(false) for secrets.
        type: bool
        default: true
      force:
        description:
          - Replace a file in the way that is somebody else's.
          - It is kept in C(.flaskops.saved) and comes back when the entry is no longer wanted.
        type: bool
        default: false
      if_unedited:
        description:
          - Replace a file that is somebody else's as O(files[].force) does, but only if it is a package's own and as the package
            brought it. One that somebody has edited is left alone.
        type: bool
        default: false
  absent:
    description:
      - Paths relative to O(root) that must not exist, whoever made them.
      - An element is a path, or a dict of C(path) and C(only_if_link). The latter removes only a symbolic
        link to that target.
    type: list
    elements: raw
    default: []
  owners:
    description: Recorded files of these owners that are not in O(files) are removed. Those of others stay.
    type: list
    elements: str
    default: []
  validate:
    description:
      - The command (list of words) that accepts or refuses the staged tree, run with it mounted over O(root)
        in a private mount namespace.
      - Not run in check mode, since such programs write too (nginx creates caches and logs).
    type: list
    elements: str
    default: []
  validate_fallback:
    description:
      - The command for hosts that give no mount namespace. C({root}) in a word becomes the path of a copy in
        which every mention of O(root) is rewritten to the copy.
    type: list
    elements: str
    default: []
  service:
    description: The systemd service to reload after a change, if it is active.
    type: str
  service_log:
    description: The service's own log, shown when a reload does not take; without new lines the journal is.
    type: path
  reload_check:
    description: V(workers) requires that the reload gives the main process new children, as with nginx.
    type: str
    choices: [none, workers]
    default: none
  reload_timeout:
    description: How long to wait for O(reload_check), in seconds.
    type: int
    default: 10
  probe_listen:
    description: Address and port of the web server for O(probe_sites), as nginx's C(listen) has it.
    type: str
    default: "80"
  probe_sites:
    description:
      - Sites that are requested before and after the reload, those whose name is the owner of a changed file; all of them where a
        changed file is nobody's of them. If one answers worse than before, the old tree is put back.
      - Worse are a server error after an answer without one, no answer after an answer, and no connection.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: The owner., type: str, required: true}
      host: {description: Host header., type: str, required: true}
      routes:
        description: Dicts with C(probe), the path that is requested; an empty one is not.
        type: list
        elements: dict
        required: true
  payload:
    description: The rendered files, from the action plugin. Not for users.
    type: str
  who:
    description: Whom a run that has to wait for this one is told about, from the action plugin. Not for users.
    type: str
    default: somebody
attributes:
  check_mode:
    description: Predicts truly and changes nothing. O(validate) is not run.
    support: full
  diff_mode:
    description: Shows before and after of each file.
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
    validate: [nginx, -t]
    validate_fallback: [nginx, -t, -c, "{root}/nginx.conf"]
    service: nginx
    service_log: /var/log/nginx/error.log
    reload_check: workers
"""

RETURN = r"""
files:
  description: What happened to which paths, relative to the root, sorted.
  returned: success
  type: dict
  contains:
    created: {description: Did not exist., type: list, elements: str}
    changed: {description: "Other content, target, mode or ownership.", type: list, elements: str}
    removed: {description: No longer wanted., type: list, elements: str}
    restored: {description: "No longer wanted, and the file that C(force) had replaced is back.", type: list, elements: str}
    kept: {description: "Left alone, since O(files[].if_unedited) is set and somebody has edited them.", type: list, elements: str}
    adopted: {description: Were there as wanted and are ours from now on., type: list, elements: str}
    drifted: {description: Those of ours that somebody had edited or deleted., type: list, elements: str}
reloaded:
  description: Whether the service was reloaded and took it.
  returned: success
  type: bool
recovered:
  description: Whether the change of a killed run was undone first.
  returned: success
  type: bool
validated:
  description: How the staged tree was validated.
  returned: success
  type: str
  sample: namespace, copy, skipped
swapped:
  description: How the tree went live.
  returned: success
  type: str
  sample: exchange, files, none
validate_lines:
  description: All that the validating command said.
  returned: when it refused
  type: list
  elements: str
service_lines:
  description: What the service logged since the reload.
  returned: when the reload did not take
  type: list
  elements: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import (
    ARGUMENT_SPEC,
    Absent,
    ConfigTreeError,
    TreeRequest,
    decode_payload,
)
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.service import Service
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.transaction import Transaction
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.http_client import parse_listen
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.sites import SiteProbe


def to_absent(value: t.Any) -> Absent:
    """Return an element of ``absent``.

    :raises ConfigTreeError: if it is neither a path nor a dict
    """
    if isinstance(value, str):
        return Absent(value)
    if isinstance(value, dict) and "path" in value and set(value) <= {"path", "only_if_link"}:
        return Absent(str(value["path"]), value.get("only_if_link"))
    raise ConfigTreeError(f"absent: {value!r} is neither a path nor a dict of path and only_if_link")


def to_transaction(params: dict[str, t.Any], want_diff: bool) -> Transaction:
    """Build the transaction from the module's parameters.

    :raises ConfigTreeError: for parameters that do not fit together
    """
    if params["payload"] is None:
        raise ConfigTreeError("config_tree: runs through its action plugin only, as flaskops.stack.config_tree")
    request = TreeRequest(
        root=params["root"],
        entries=decode_payload(params["payload"]),
        absent=[to_absent(value) for value in params["absent"]],
        owners=params["owners"],
        validate=params["validate"],
        validate_fallback=params["validate_fallback"],
        want_diff=want_diff,
    )
    service = Service(params["service"] or "", params["reload_check"], params["service_log"] or "", params["reload_timeout"])
    probe = SiteProbe(parse_listen(params["probe_listen"]), params["probe_sites"])
    return Transaction(request, service, probe=probe, who=params["who"])


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        transaction = to_transaction(module.params, module._diff)
        result = transaction.predict() if module.check_mode else transaction.run()
    except ConfigTreeError as error:
        module.fail_json(msg=str(error), **error.details)
    except ValueError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"config_tree: {module.params['root']}: {error}. It needs root and room on the disk")
    for warning in result.warnings:
        module.warn(warning)
    module.exit_json(**result.as_dict())


if __name__ == "__main__":
    main()
