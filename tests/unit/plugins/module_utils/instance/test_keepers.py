# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which instances and releases stay, decided without a host."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.instance.prune import Inventory, keepers


def inventory(*instances: str, releases: str = "", protected: str = "", were_live: str | None = None, linked: str = "") -> Inventory:
    """Return an inventory.

    :param instances: ``id=release``, the newest first
    :param releases: ids, the newest first; without them those of the instances
    :param were_live: ids of instances; without them all
    """
    release_of = dict(instance.split("=") for instance in instances)
    return Inventory(
        instances=list(release_of),
        releases=releases.split() or list(dict.fromkeys(release_of.values())),
        release_of=release_of,
        protected=set(protected.split()),
        were_live=set(release_of) if were_live is None else set(were_live.split()),
        linked=set(linked.split()),
    )


FIVE = ("i5=r5", "i4=r4", "i3=r3", "i2=r2", "i1=r1")


@pytest.mark.parametrize(
    ("keep", "instances", "releases"),
    [
        (2, {"i5", "i4"}, {"r5", "r4"}),
        (3, {"i5", "i4", "i3"}, {"r5", "r4", "r3"}),
        (9, {"i5", "i4", "i3", "i2", "i1"}, {"r5", "r4", "r3", "r2", "r1"}),
    ],
)
def test_the_newest_releases_stay_with_an_instance_each(keep, instances, releases):
    found = inventory(*FIVE, protected="i5 i4")
    assert keepers(found, keep) == (instances, releases)


def test_protected_instances_stay_with_their_releases_beyond_the_number():
    found = inventory(*FIVE, protected="i5 i2 i1")
    assert keepers(found, 2) == ({"i5", "i2", "i1"}, {"r5", "r2", "r1"})


def test_releases_that_links_point_to_stay_without_an_instance():
    found = inventory("i1=r1", releases="r3 r2 r1", protected="i1", linked="r3 r1")
    assert keepers(found, 2) == ({"i1"}, {"r3", "r1"})


def test_a_link_to_a_release_that_is_gone_keeps_nothing():
    found = inventory("i1=r1", protected="i1", linked="r9")
    assert keepers(found, 2) == ({"i1"}, {"r1"})


def test_a_candidate_that_never_was_live_goes_and_its_release_does_not_count():
    found = inventory("bad=r3", "i2=r2", "i1=r1", protected="i2", were_live="i2 i1")
    assert keepers(found, 2) == ({"i2", "i1"}, {"r2", "r1"})


def test_of_several_instances_of_a_release_the_newest_that_was_live_stays():
    found = inventory("live=r2", "c=r1", "b=r1", "a=r1", protected="live", were_live="live b a")
    assert keepers(found, 2) == ({"live", "b"}, {"r2", "r1"})


def test_a_release_with_a_protected_instance_keeps_no_other():
    found = inventory("live=r2", "b=r1", "a=r1", protected="live a")
    assert keepers(found, 3) == ({"live", "a"}, {"r2", "r1"})


def test_prebuilt_code_keeps_protected_instances_alone():
    found = inventory("c=", "b=", "a=", releases="theirs", protected="c b")
    assert keepers(found, 5).instances == {"c", "b"}
