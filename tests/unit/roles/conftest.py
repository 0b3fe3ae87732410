# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The fixture that renders sites."""

from __future__ import annotations

import json

import pytest
from ansible_collections.flaskops.stack.tests.unit.parse import Directive, nginx
from ansible_collections.flaskops.stack.tests.unit.render import nginx_files


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Render the sites of descriptions and return the `http` block; equal ones once."""
    seen: dict[str, Directive] = {}

    def render(*apps, **variables):
        key = json.dumps([apps, variables])
        if key not in seen:
            seen[key] = nginx(nginx_files(apps, **variables), tmp_path_factory.mktemp("nginx"))
        return seen[key]

    return render
