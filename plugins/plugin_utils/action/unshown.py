# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Arguments of modules that have secrets in them."""

from __future__ import annotations

import typing as t


class Unshown(dict[str, t.Any]):
    """Arguments that go to the host as they are, and that no message shows.

    With ANSIBLE_DEBUG, ansible-core prints the dict with the arguments of every module, whatever ``no_log`` says of them.
    """

    def __repr__(self) -> str:
        return "(arguments that are not shown)"
