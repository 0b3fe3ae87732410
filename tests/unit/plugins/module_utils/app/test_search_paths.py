# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PATH and PYTHONPATH of the processes of an application."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app.layout import Release
from ansible_collections.flaskops.stack.plugins.module_utils.app.search_paths import search_paths


def paths(imports: str = "", **own: str) -> dict[str, str]:
    return search_paths(Release("r1", "/r", "/v", "", "", imports), own, "/usr/bin:/bin")


@pytest.mark.parametrize(
    ("imports", "own", "path", "pythonpath"),
    [
        ("", {}, "/v/bin:/usr/bin:/bin", None),
        ("src", {}, "/v/bin:/r/src/bin:/usr/bin:/bin", "/r/src"),
        # The console scripts of a package lie in the release, and import from it.
        (".", {}, "/v/bin:/r/bin:/usr/bin:/bin", "/r"),
        ("", {"PYTHONPATH": "lib:/opt/x"}, "/v/bin:/usr/bin:/bin", "/r/lib:/opt/x"),
        ("src", {"PYTHONPATH": ".:src"}, "/v/bin:/r/src/bin:/usr/bin:/bin", "/r:/r/src"),
        ("src", {"PATH": "/opt/bin"}, "/opt/bin", "/r/src"),
        ("", {"PYTHONPATH": ""}, "/v/bin:/usr/bin:/bin", None),
    ],
)
def test_programs_and_modules_are_found(imports, own, path, pythonpath):
    assert paths(imports, **own) == {"PATH": path, **({"PYTHONPATH": pythonpath} if pythonpath else {})}
