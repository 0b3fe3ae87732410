# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The mark of plugins that only the roles use; ``make site`` leaves these plugins out of the documentation site."""

from __future__ import annotations


class ModuleDocFragment:
    # ansible-doc refuses a fragment without options.
    DOCUMENTATION = r"""
options: {}
notes:
  - This plugin is private to the collection. A role calls it, and its options and results may change in any version. Use the role in its place.
"""
