# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: new_inventory
short_description: Make the text of a first inventory
version_added: 1.0.0
description:
  - Makes an inventory with one server and one application from the answers that the playbook C(flaskops.stack.new) has got. It runs on the
    controller only and writes nothing.
  - Fails if a file is at O(path).
options:
  app: {description: Name of the application., type: str, default: ""}
  source:
    description: Directory of the project, URL of its git repository, or a package with its version, such as C(httpbin==0.10.2).
    type: str
    default: ""
  wsgi: {description: "Entry point, such as C(shop.wsgi:app).", type: str, default: ""}
  server: {description: Name or address of the server., type: str, default: ""}
  domains:
    description: Names of the site, separated by blanks or commas. Without one, the site has the name or the address of the server.
    type: str
    default: ""
  login: {description: Account on the server that Ansible logs in as., type: str, default: ""}
  path: {description: Path that the inventory is to have; the path of a project's directory is written relative to it., type: str, required: true}
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Changes nothing in either mode., support: full}
  diff_mode: {description: Has nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Make an inventory
  flaskops.stack.new_inventory:
    app: shop
    source: ../shop
    wsgi: shop.wsgi:app
    server: 192.0.2.10
    login: deploy
    path: hosts.yml
  register: made
"""

RETURN = r"""
path: {description: The absolute path., type: str, returned: success}
apps: {description: "The description of the application, with an absolute path.", type: list, elements: dict, returned: success}
text: {description: The inventory., type: str, returned: success}
"""
