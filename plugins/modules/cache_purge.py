#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cache_purge
short_description: Take answers out of the response caches of applications
version_added: 1.0.0
description:
  - Removes all cached answers of an application, or all variants of the answers for given URLs. At the next request nginx asks the
    application again. It is neither reloaded nor restarted.
options:
  only:
    description: Name of the application whose answers are removed, or C(all).
    type: str
    default: all
  urls:
    description: Host and URI of the requests, with or without a scheme. An empty list removes all answers.
    type: list
    elements: str
    default: []
extends_documentation_fragment: flaskops.stack.apps
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Reports which answers would be removed., support: full}
  diff_mode: {description: Has nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Remove the cached answers for one page
  flaskops.stack.cache_purge:
    only: shop
    urls: [shop.example.com/api/prices]
"""

RETURN = r"""
removed: {description: Keys of the answers that were removed., type: list, elements: str, returned: always}
failures:
  description: Messages of applications that failed, by application, with those of C(left_out). Without failures the dict is empty.
  type: dict
  returned: always
"""

from ansible_collections.flaskops.stack.plugins.module_utils.app.response_cache import purge
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule


def main() -> None:
    # The action plugin knows from the descriptions where the caches lie.
    cache = {"name": {"required": True}, "directory": {"type": "path", "required": True}}
    module = HostModule(
        argument_spec={
            "caches": {"type": "list", "elements": "dict", "required": True, "options": cache},
            "urls": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    module.require_root()
    removed: list[str] = []
    failures: dict[str, str] = {}
    for place in module.params["caches"]:
        try:
            removed += purge(place["directory"], module.params["urls"], module.check_mode)
        except OSError as error:
            failures[place["name"]] = f"{place['name']}: its cached answers cannot be removed, or not all of them: {error}"
    module.exit_json(changed=bool(removed), removed=removed, failures=failures)


if __name__ == "__main__":
    main()
