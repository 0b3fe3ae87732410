# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: batch_sizes
short_description: Read the sizes of batches as people write them on a command line
version_added: 1.0.0
description:
  - Takes C(1,25%,100%) or a list of such sizes and returns a list for the keyword C(serial) of a play. A size is a number of hosts or a
    percentage of all of them, and the last size counts for the rest.
options:
  _input: {description: The sizes., type: raw, required: true}
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Deploy to one host first, then to the others
  hosts: flask_servers
  serial: "{{ '1,100%' | flaskops.stack.batch_sizes }}"
"""

RETURN = r"""
_value: {description: The sizes., type: list, elements: str, sample: ["1", "100%"]}
"""

import re
import typing as t

from ansible.errors import AnsibleFilterError

_SIZE = re.compile(r"[1-9][0-9]{0,5}|(100|[1-9][0-9]?)%")


def batch_sizes(sizes: object) -> list[str]:
    """Return the sizes, or fail with the variable, the value and the remedy."""
    written = list(sizes) if isinstance(sizes, (list, tuple)) else str(sizes).strip("[] ").split(",")
    found = [str(size).strip(" '\"") for size in written]
    bad = [size for size in found if not _SIZE.fullmatch(size)] if found else [""]
    if bad:
        raise AnsibleFilterError(
            f"batches is '{sizes}', and '{bad[0]}' is no size; write numbers of hosts from 1 and percentages from 1% to 100%, such as -e batches=1,25%,100%."
        )
    return found


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"batch_sizes": batch_sizes}
