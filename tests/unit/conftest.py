# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What all unit tests stand on."""

from __future__ import annotations

from ansible.plugins.loader import init_plugin_loader

# Templates use filters of this collection by their full names, which Ansible's own importer finds.
init_plugin_loader()
