# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sources of the documentation site: every guide is in the menu, links lead somewhere, and no private plugin has a page."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYOUT = runpy.run_path(str(ROOT / "tools/site/layout.py"))
PAGES = {"docs/a.md", "docs/b.md", "README.md"}


def test_every_guide_is_in_the_menu_once():
    pages = [page for some in LAYOUT["guides"]().values() for page in some]
    assert len(pages) == len(set(pages))
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")} <= set(pages)
    assert [page for page in pages if not (ROOT / page).is_file()] == []


def test_every_role_has_its_page_in_the_menu():
    assert {f"roles/{path.name}/README.md" for path in (ROOT / "roles").iterdir()} == set(LAYOUT["guides"]()["Roles"])


def test_a_new_guide_comes_under_background(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/new.md").touch()
    assert LAYOUT["guides"](tmp_path)["Background"][-1] == "docs/new.md"


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("[b](b.md)", "[b](b.md)"),
        ("[b](b.md#part)", "[b](b.md#part)"),
        ("[r](../README.md)", "[r](../README.md)"),
        ("[p](picture.svg)", "[p](picture.svg)"),
        ("[i](../inventory/fleet)", f"[i]({LAYOUT['REPOSITORY']}/tree/main/inventory/fleet)"),
        ("[m](../Makefile)", f"[m]({LAYOUT['REPOSITORY']}/blob/main/Makefile)"),
        ("[n](https://nginx.org/en/)", "[n](https://nginx.org/en/)"),
        ("[h](#heading)", "[h](#heading)"),
    ],
)
def test_links_lead_to_guides_or_to_the_repository(link, target):
    assert LAYOUT["with_links"](link, "docs/a.md", PAGES) == target


def test_the_page_of_playbooks_has_each_with_its_words():
    page = LAYOUT["playbooks"]()
    names = [path.stem for path in sorted((ROOT / "playbooks").glob("*.yml"))]
    assert re.findall(r"^## flaskops\.stack\.(.*)$", page, re.MULTILINE) == names
    assert "Roll an application back to the release that was live before" in page


def test_private_plugins_have_no_page_and_no_line():
    private = LAYOUT["private_plugins"]()
    assert "host_look_module" in private
    assert "uwsgi_info_module" not in private
    text = "* :ansplugin:`host_look module <flaskops.stack.host_look#module>`\n* :ansplugin:`uwsgi_info module <x>`\n   host_look_module\n"
    assert LAYOUT["reference"](text, private) == "* :ansplugin:`uwsgi_info module <x>`\n"
