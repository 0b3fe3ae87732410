#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cache_purge
short_description: Remove answers from the response cache of an application
version_added: 1.0.0
description:
  - Removes all cached answers of an application, or all variants of the answers for given URLs. At the next request nginx asks the
    application again. It is neither reloaded nor restarted.
options:
  directory: {description: Directory of the application's response cache., type: path, required: true}
  root: {description: The key C(root) of the application's description., type: path, required: true}
  urls:
    description: Host and URI of the requests, with or without a scheme. An empty list removes all answers.
    type: list
    elements: str
    default: []
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Reports which answers would be removed., support: full}
  diff_mode: {description: Has nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Remove the cached answers for one page
  flaskops.stack.cache_purge:
    directory: /var/cache/nginx/shop
    root: /srv/flask/shop
    urls: [shop.example.com/api/prices]
"""

RETURN = r"""
removed: {description: Keys of the answers that were removed., type: list, elements: str, returned: always}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.cache import purge


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "root": {"type": "path", "required": True},
            "urls": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    removed = purge(module.params["directory"], module.params["urls"], f"{module.params['root']}/public", module.check_mode)
    module.exit_json(changed=bool(removed), removed=removed)


if __name__ == "__main__":
    main()
