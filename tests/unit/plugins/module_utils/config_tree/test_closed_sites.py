# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A closed site stays closed until somebody opens it, and a switch that nginx refuses changes nothing."""

from __future__ import annotations

import os

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.closed_sites import ClosedSites
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import ConfigTreeError


class Nginx:
    def __init__(self, refuses: str = "", dies: bool = False) -> None:
        self.refuses, self.dies, self.reloads = refuses, dies, 0

    def test(self) -> str:
        return self.refuses

    def reload(self) -> str:
        if self.dies:
            raise KeyboardInterrupt
        self.reloads += 1
        return ""


@pytest.fixture
def sites(tmp_path) -> ClosedSites:
    return ClosedSites(str(tmp_path / "closed"))


def test_a_site_is_closed_and_opened_by_one_file(sites, tmp_path):
    nginx = Nginx()
    assert sites.switch(nginx, ["shop", "blog"], True, "ada@vm") == ["shop", "blog"]
    assert sites.since("shop").startswith("closed since 20")
    assert sites.since("shop").endswith(" by ada@vm")
    assert "include flaskops/shop.closed.conf;" in (tmp_path / "closed/shop.conf").read_text()
    assert sites.switch(nginx, ["shop"], False, "ada@vm") == ["shop"]
    assert (sites.since("shop"), bool(sites.since("blog")), nginx.reloads) == ("", True, 2)
    assert sorted(os.listdir(tmp_path / "closed")) == ["blog.conf"]


def test_nothing_changes_twice(sites):
    nginx = Nginx()
    sites.switch(nginx, ["shop"], True, "ada@vm")
    before = sites.since("shop")
    assert sites.switch(nginx, ["shop"], True, "bob@vm") == []
    assert (sites.since("shop"), nginx.reloads) == (before, 1)


@pytest.mark.parametrize("closed", [True, False])
def test_what_nginx_refuses_is_taken_back(sites, closed):
    if not closed:
        sites.switch(Nginx(), ["shop"], True, "ada@vm")
    before = sites.since("shop")
    with pytest.raises(ConfigTreeError, match="^nginx refuses its configuration.*: no$"):
        sites.switch(Nginx(refuses="no"), ["shop"], closed, "ada@vm")
    assert sites.since("shop") == before


def test_the_run_after_a_killed_one_has_nginx_take_it(sites):
    with pytest.raises(KeyboardInterrupt):
        sites.switch(Nginx(dies=True), ["shop"], True, "ada@vm")
    nginx = Nginx()
    sites.switch(nginx, ["shop"], True, "ada@vm")
    assert nginx.reloads == 1
    sites.switch(nginx, ["shop"], True, "ada@vm")
    assert nginx.reloads == 1
