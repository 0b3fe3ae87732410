# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Code of the plugins, which runs on the controller. Python keeps it compiled, as it does for every installed package.

The loader of ansible-core compiles the source of a collection's module in each process that imports it (``get_code`` in
``ansible/utils/collection_loader/_collection_finder.py``). With some 150 modules this takes longer than most tasks.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import sys
import types
import typing as t
from importlib.machinery import ModuleSpec

_PLUGINS = __name__.rpartition(".")[0]
_ROOMS = (f"{_PLUGINS}.module_utils.", f"{_PLUGINS}.plugin_utils.")


class _CompiledCode(importlib.abc.MetaPathFinder):
    """Finds these modules for Python's own loader, and leaves all others, and folders, to the finders after it."""

    def find_spec(self, name: str, path: t.Sequence[str] | None = None, target: types.ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith(_ROOMS) or not path:
            return None
        file = os.path.join(path[0], f"{name.rpartition('.')[2]}.py")
        return importlib.util.spec_from_file_location(name, file) if os.path.isfile(file) else None


sys.meta_path.insert(0, _CompiledCode())
