# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backends that are taken out: which ones a server's name means, and that no site is left without any."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.drained_backends import DrainedBackends, drain, restore
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import ConfigTreeError

ONE, TWO, SIX = "192.0.2.11:8000", "192.0.2.12:8000", "[2001:db8::1]:8000"
SITES = {"shop": [ONE, TWO], "blog": [TWO, SIX]}


def names(drained):
    return {app: sorted(addresses) for app, addresses in drained.items()}


@pytest.mark.parametrize(
    ("server", "out"),
    [
        ("192.0.2.11", {"shop": [ONE]}),
        (ONE, {"shop": [ONE]}),
        ("192.0.2.12", {"shop": [TWO], "blog": [TWO]}),
        ("2001:db8::1", {"blog": [SIX]}),
        (SIX, {"blog": [SIX]}),
    ],
)
def test_a_server_is_taken_out_of_every_site_that_has_it_and_put_back(server, out):
    drained = drain(SITES, {}, server, "ada@vm")
    assert names(drained) == out
    assert all(since.startswith("since 20") and since.endswith(" by ada@vm") for each in drained.values() for since in each.values())
    assert drain(SITES, drained, server, "ben@vm") == drained, "it is told who was the first"
    assert not any(restore(SITES, drained, server).values())


@pytest.mark.parametrize("server", ["", "192.0.2.1", "8000", "192.0.2.11:80", "app2"])
@pytest.mark.parametrize("change", [lambda server: drain(SITES, {}, server, "me"), lambda server: restore(SITES, {}, server)])
def test_a_server_that_no_site_has_is_told_with_those_that_there_are(server, change):
    with pytest.raises(ConfigTreeError) as told:
        change(server)
    assert str(told.value).startswith(f"backend is '{server}', which is no server of a site on this host; write -e backend=NAME")
    assert str(told.value).endswith(f"{ONE}, {TWO}, {SIX}.")


def test_the_last_server_of_a_site_stays():
    with pytest.raises(ConfigTreeError, match=f"^shop: without {TWO} no backend is left: {ONE} is out already; put it back before"):
        drain(SITES, drain(SITES, {}, ONE, "me"), TWO, "me")
    with pytest.raises(ConfigTreeError, match=f"^shop: without {ONE} no backend is left: the site has no other"):
        drain({"shop": [ONE]}, {}, ONE, "me")


def test_a_server_that_has_left_the_description_can_be_put_back():
    assert restore({"shop": [ONE]}, {"shop": {TWO: "since"}}, "192.0.2.12") == {"shop": {}}


def test_what_is_out_is_on_the_disk_until_it_is_put_back(tmp_path):
    places = DrainedBackends(str(tmp_path / "drained"))
    assert places.by_application() == ({}, {})
    places.put({"shop": {TWO: "since"}, "blog": {}})
    assert places.by_application() == ({"shop": {TWO: "since"}}, {})
    assert places.of("blog") == {}
    places.put({"shop": {}})
    assert places.by_application() == ({}, {})


@pytest.mark.parametrize("text", ["{", "[]", '{"192.0.2.11:8000": 1}'])
def test_a_damaged_file_is_told_for_its_application_alone(tmp_path, text):
    places = DrainedBackends(str(tmp_path))
    places.put({"blog": {TWO: "since"}})
    (tmp_path / "shop.json").write_text(text)
    found, failures = places.by_application()
    assert found == {"blog": {TWO: "since"}}
    assert "shop.json" in failures["shop"]
