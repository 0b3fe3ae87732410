# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of every module whose action takes descriptions of applications; see plugin_utils/action/apps_action.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  apps:
    description: Descriptions of applications, as in C(flask_apps). By default, those of C(variable).
    type: list
    elements: dict
  variable:
    description: Name of the variable that the descriptions are from.
    type: str
    default: flask_apps
  left_out:
    description: Messages of applications that failed earlier in the run, by application. Nothing is done about these applications.
    type: dict
    default: {}
"""
