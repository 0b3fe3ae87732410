# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The directories on the controller in which relative paths of a description are looked for."""

from __future__ import annotations

import os
import typing as t


def project_directories(task_vars: t.Mapping[str, t.Any]) -> list[str]:
    """Return the directories of the inventory and of the playbook, and the working directory, without repetition.

    With ``import_playbook: flaskops.stack.site`` the playbook's directory is the collection's. The project is then the working
    directory, for example under AWX.
    """
    places = [task_vars.get("inventory_dir"), task_vars.get("playbook_dir"), os.getcwd()]
    return list(dict.fromkeys(str(place) for place in places if place))
