# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sites are asked before and after the reload, and a change that makes one worse is undone."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import ConfigTreeError, Entry
from ansible_collections.flaskops.stack.plugins.module_utils.nginx import sites as sites_module
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.sites import SiteAnswer, SiteProbe
from ansible_collections.flaskops.stack.tests.unit.plugins.module_utils.config_tree.played_host import FIRST, TREE_OF_FIRST, Host


class Sites(SiteProbe):
    """Sites that answer by what the service has loaded; `bad` in a file of theirs makes them fail."""

    def __init__(self, host: Host, *names: str) -> None:
        super().__init__([("", 0)], [{"name": name, "host": name, "routes": [{"probe": "/"}]} for name in names])
        self.host = host
        self.asked: list[set[str]] = []

    def look(self, names):
        self.asked.append(set(names))
        loaded = self.host.loaded.read_text() if self.host.loaded.exists() else ""
        answer = SiteAnswer(2, "answered 502") if "broken" in loaded else SiteAnswer(3, "answered 200")
        if "alone" in loaded:
            answer = SiteAnswer(2, "answered 502", alone=True)
        self._last = {request: answer for request in self.requests if request.site in names}
        return self._last


@pytest.fixture
def sites(host, monkeypatch):
    monkeypatch.setattr(sites_module, "_PATIENCE_SECONDS", 0)
    host.probe = Sites(host, "shop", "blog")
    return host.probe


BROKEN = [Entry("sites/shop", "shop", b"broken\n"), *FIRST[1:]]


def test_a_change_that_makes_a_site_worse_is_undone(host, sites):
    host.run(FIRST)
    with pytest.raises(ConfigTreeError, match="shop: shop/ answered 502, and answered 200 before the change. The old tree is back"):
        host.run(BROKEN)
    assert host.live() == TREE_OF_FIRST
    assert host.has_loaded_its_tree()
    assert not host.leftovers()
    assert not host.run(FIRST).changed


def test_sites_whose_files_change_are_asked_before_and_after(host, sites):
    host.run(FIRST)
    sites.asked.clear()
    host.run([Entry("sites/shop", "shop", b"shop 2\n"), *FIRST[1:]])
    assert sites.asked == [{"shop"}, {"shop"}]
    sites.asked.clear()
    assert not host.run([Entry("sites/shop", "shop", b"shop 2\n"), *FIRST[1:]]).changed
    assert sites.asked == [], "nothing has changed"


def test_all_sites_are_asked_when_a_shared_file_changes(host, sites):
    host.run(FIRST)
    sites.asked.clear()
    host.run([*FIRST, Entry("extra/common", "everybody", b"common\n")])
    assert sites.asked == [{"shop", "blog"}, {"shop", "blog"}]


def test_a_new_site_need_not_answer(host, sites):
    host.run(BROKEN)
    assert host.live()["sites/shop"] == "broken\n"


def test_nobody_is_asked_where_the_service_does_not_run(host, sites):
    host.active = False
    host.run(FIRST)
    assert sites.asked == []


ALONE = [Entry("sites/shop", "shop", b"alone\n"), *FIRST[1:]]
UNREACHED = "shop: shop/ answered 502, and the application was not reached; start it"


def test_a_site_whose_application_is_not_reached_fails_the_run_and_stays(host, sites):
    with pytest.raises(ConfigTreeError, match=UNREACHED):
        host.run(ALONE)
    assert host.live()["sites/shop"] == "alone\n"
    assert host.has_loaded_its_tree()


def test_no_later_run_is_green_before_the_site_answers(host, sites):
    with pytest.raises(ConfigTreeError, match=UNREACHED):
        host.run(ALONE)
    assert host.run(ALONE, check=True).reloaded
    with pytest.raises(ConfigTreeError, match=UNREACHED):
        host.run(ALONE)
    assert host.run(FIRST).changed
    sites.asked.clear()
    assert not host.run(FIRST).changed
    assert sites.asked == [], "a site that has answered is not asked again"


def test_a_site_that_was_mended_elsewhere_is_asked_after_a_reload(host, sites):
    with pytest.raises(ConfigTreeError, match=UNREACHED):
        host.run(ALONE)
    sites.unserved = lambda _names: {}
    reloads = len(host.reloads)
    assert host.run(ALONE).reloaded
    assert len(host.reloads) == reloads + 1
    assert not host.leftovers()


def test_a_site_that_changed_while_the_service_did_not_run_is_asked_later(host, sites):
    host.active = False
    host.run(ALONE)
    host.active = True
    with pytest.raises(ConfigTreeError, match=UNREACHED):
        host.run(ALONE)


def test_a_run_without_the_site_asks_nobody_and_forgets_nothing(host, sites):
    with pytest.raises(ConfigTreeError, match=UNREACHED):
        host.run(ALONE)
    host.probe = None
    host.run(ALONE)
    host.probe = sites
    with pytest.raises(ConfigTreeError, match=UNREACHED):
        host.run(ALONE)


def test_a_run_that_asks_no_site_reloads_nothing_for_one_that_has_not_answered(host, sites):
    with pytest.raises(ConfigTreeError, match=UNREACHED):
        host.run(ALONE)
    host.probe, reloads = None, len(host.reloads)
    assert not host.run(ALONE, check=True).changed
    assert not host.run(ALONE).changed
    assert len(host.reloads) == reloads
