# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The main file of the program that a host keeps: it runs the module that its argument names, with parameters from standard input.

The action plugin of host_look packs it, with each module that it can run and the parts of the collection that they import, into one file for
the host.
"""

from __future__ import annotations

import importlib
import sys

from ansible_collections.flaskops.stack.plugins.module_utils.host.kept_module import answered

if __name__ == "__main__":
    answered(importlib.import_module(f"ansible_collections.flaskops.stack.plugins.modules.{sys.argv[1]}").main)
