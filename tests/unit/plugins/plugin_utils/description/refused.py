# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The messages about descriptions that are refused."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError


def problems(*apps, **more) -> list[str]:
    with pytest.raises(AppError) as caught:
        resolve_apps(list(apps), **more)
    assert str(caught.value).split("\n") == caught.value.problems, "one line each"
    return caught.value.problems
