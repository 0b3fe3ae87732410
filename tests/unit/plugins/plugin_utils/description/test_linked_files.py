# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""nginx follows the links of an application only where somebody has not been told of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.linked_files import warnings_of_links
from ansible_collections.flaskops.stack.tests.unit.render import complete

WRITE = {"sandbox": {"write": ["/srv/uploads/shop"]}}
OPEN = "location /protected/ { internal; alias /srv/uploads/shop/; }"
SAFE = OPEN.replace("internal;", "internal; disable_symlinks on from=/srv/uploads/shop/;")
DOCS = Path(__file__).parents[5] / "docs/nginx.md"


def told(nginx, **more) -> list[str]:
    return warnings_of_links([complete(**{**WRITE, **more}, nginx=nginx)])


@pytest.mark.parametrize(
    "nginx",
    [
        {"extra": [OPEN]},
        {"extra": ["location /p/ {\n  root '/srv/uploads/shop/deep';\n}"]},
        {"routes": [{"path": "/p/", "extra": ["root /srv/uploads/shop;"]}]},
        {"extra": ["location /s/ { alias /srv/flask/shop/shared/media/; }"]},
        {"extra": [OPEN.replace("internal", "disable_symlinks off")]},
        {"extra": [SAFE, OPEN.replace("protected", "open")]},
    ],
)
def test_a_place_where_the_application_makes_links_is_told(nginx):
    (line,) = told(nginx)
    assert line.startswith("shop.nginx: nginx sends files from /srv/")
    assert "add `disable_symlinks on from=/srv/" in line


@pytest.mark.parametrize(
    "nginx",
    [
        {"extra": [SAFE]},
        {"routes": [{"path": "/p/", "extra": ["root /srv/uploads/shop;", "disable_symlinks on from=/srv/uploads/shop/;"]}]},
        {"extra": ["disable_symlinks if_not_owner;", OPEN]},
        {"extra": ["location /p/ { alias /srv/uploads/shopping/; }"]},
        {"extra": ["location /p/ { alias /usr/share/doc/; }", "add_header X-Root /srv/uploads/shop/x;"]},
    ],
)
def test_other_places_are_not(nginx):
    assert told(nginx) == []


def test_the_recipe_of_the_page_is_not_told():
    recipe = re.search(r"```yaml\n(sandbox: .*?)```", DOCS.read_text(), re.DOTALL)
    assert recipe
    assert warnings_of_links([complete(**yaml.safe_load(recipe[1]))]) == []
