# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Modules of the collection are compiled once, also when ansible-core imports them."""

from __future__ import annotations

import os
import subprocess
import sys

_IMPORT = """
from ansible.plugins.loader import action_loader, init_plugin_loader
init_plugin_loader([])
assert action_loader.get("flaskops.stack.check_apps", class_only=True)
import importlib.machinery, sys
rooms = ("ansible_collections.flaskops.stack.plugins.plugin_utils.", "ansible_collections.flaskops.stack.plugins.module_utils.")
modules = [module for name, module in sys.modules.items() if name.startswith(rooms) and not hasattr(module, "__path__")]
assert modules
print("\\n".join(module.__name__ for module in modules if not isinstance(module.__loader__, importlib.machinery.SourceFileLoader)))
"""


def test_python_keeps_the_code_of_modules_that_plugins_import():
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([sys.executable, "-c", _IMPORT], check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
