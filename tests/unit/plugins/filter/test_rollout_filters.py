# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters of the playbook rollout: sizes of batches, what goes back, and the table of what was done."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.flaskops.stack.plugins.filter.batch_sizes import batch_sizes
from ansible_collections.flaskops.stack.plugins.filter.rollout_deployed import deployed as rollout_deployed
from ansible_collections.flaskops.stack.plugins.filter.rollout_table import rollout_table
from ansible_collections.flaskops.stack.plugins.filter.rollout_verdict import rollout_verdict
from ansible_collections.flaskops.stack.plugins.filter.whole_fleet import whole_fleet


def outcome(*switched, **more):
    """Return the outcome of a server on which all went well but for what is said."""
    back = more.get("back", {})
    well = {"on_trial": True, "switched": list(switched), "confirmed": [name for name in switched if name not in back]}
    return {**well, **more}


def lost(*switched, **more):
    """Return the outcome of a server that could not be reached any more after its deployment."""
    return {"on_trial": True, "switched": list(switched), **more}


@pytest.mark.parametrize(
    ("written", "sizes"),
    [
        ("1,25%,100%", ["1", "25%", "100%"]),
        ("[1, 25%, 100%]", ["1", "25%", "100%"]),
        (5, ["5"]),
        ([1, "50%"], ["1", "50%"]),
        (" 2 , 3 ", ["2", "3"]),
    ],
)
def test_sizes_are_read_as_people_write_them(written, sizes):
    assert batch_sizes(written) == sizes


@pytest.mark.parametrize("written", ["", "0", "0%", "101%", "1,", "1;2", "-1", "a", [], [0], [1, None], True, "1.5", "٣"])
def test_other_sizes_are_refused_with_the_remedy(written):
    with pytest.raises(AnsibleFilterError, match="batches is .* is no size; write numbers of hosts"):
        batch_sizes(written)


@pytest.mark.parametrize(
    ("servers", "bad", "watched"),
    [
        ({"a": outcome("shop"), "b": outcome("shop", "blog")}, [], ["blog", "shop"]),
        ({"a": outcome("shop", "blog"), "b": outcome("blog", failures={"shop": "shop: x"})}, ["shop"], ["blog"]),
        ({"a": outcome("shop", "blog", worse={"blog": "blog: slower"}), "b": outcome("blog")}, ["blog"], ["shop"]),
        # Otherwise the servers after this batch would get a release that was rolled back.
        ({"a": outcome("shop", "blog"), "b": outcome("blog", kept={"shop": "shop: x was rolled back"})}, ["shop"], ["blog"]),
        # No application is to blame for nginx or a lock, whatever else has failed there.
        ({"a": outcome("shop", "blog"), "b": outcome(fault="nginx -t refuses x")}, ["blog", "shop"], []),
        ({"a": outcome("shop", "blog"), "b": outcome(fault="nginx -t refuses x", failures={"blog": "blog: x"})}, ["blog", "shop"], []),
    ],
)
def test_what_goes_back(servers, bad, watched):
    found = rollout_verdict(servers, list(servers), [])
    assert (found["bad"], found["watched"]) == (bad, watched)


def test_the_message_has_each_reason_once_and_tells_what_went_back():
    back = {"shop": {"instances": {"shop": {}}}}
    servers = {
        "a": outcome("shop", worse={"shop": "shop: slower"}, back=back),
        "b": outcome(fault="blog: x\nnginx -t refuses x", failures={"blog": "blog: x"}),
        "c": outcome("shop", worse={"shop": "shop: slower"}, back={"shop": {"failed": True, "msg": "no earlier release"}}),
        "d": outcome("api", confirmed=[], unconfirmed={"api": "api: its trial was over"}),
    }
    says = "the batch was taken back (shop): shop: slower\nblog: x\nnginx -t refuses x\napi: its trial was over"
    assert rollout_verdict(servers, list(servers), [])["message"] == says
    assert rollout_verdict({"c": servers["c"]}, ["c"], [])["message"] == "shop: slower"
    assert rollout_verdict({"e": outcome("shop")}, ["e"], [])["message"] == ""


def test_a_server_that_is_lost_with_its_switch_is_judged_with_its_batch():
    """Ansible takes it out of the batch; the servers of earlier batches have been judged, and those of later ones have not had their turn."""
    every = {"web1": outcome("shop"), "web2": outcome("shop"), "web3": lost("shop"), "web4": outcome(), "web5": {}}
    found = rollout_verdict(every, ["web2", "web4"], ["web1", "web2", "web3"])
    assert found == {
        "bad": ["shop"],
        "worse": [],
        "watched": [],
        "message": "web3: it could not be reached any more after it was switched",
    }
    for nothing in (lost(), {"on_trial": True}):
        assert rollout_verdict({**every, "web3": nothing}, ["web2", "web4"], [])["message"] == ""
    begun = rollout_verdict({**every, "web3": {"on_trial": True}}, ["web2", "web4"], ["web3"])
    assert begun["bad"] == ["shop"]
    assert begun["message"] == "web3: it could not be reached any more while it was switched; the playbook status shows what is live"


def test_failures_of_all_roles_are_known_and_a_message_that_says_no_more_is_no_fault():
    switch = {"switched": ["shop"], "taken_up": ["api"], "instances": {"shop": {"id": "two"}, "api": {"id": "a2"}, "blog": {"id": "b1"}}}
    told = {**switch, "failures": {"blog": "blog: x"}, "notices": ["mail: m2 was rolled back"]}
    found = rollout_deployed(told, {"blog": "an earlier look at it"}, {"shop": "shop: no certificate"}, "blog: x\nshop: no certificate")
    assert found == {
        "switched": ["shop", "api"],
        "taken_up": ["api"],
        "instances": {"shop": "two", "api": "a2"},
        "failures": {"blog": "blog: x", "shop": "shop: no certificate"},
        "kept": {"mail": "mail: m2 was rolled back"},
        "fault": "",
    }
    assert rollout_deployed(told, {}, {}, "nginx -t refuses x\nblog: x")["fault"] == "nginx -t refuses x\nblog: x"
    assert rollout_deployed({}, {"blog": "blog: no source"}, {}, "blog: no source")["failures"] == {"blog": "blog: no source"}


def test_the_table_has_a_row_for_everything_that_happened():
    servers = {
        "web1": outcome(
            "shop", "blog", back={"shop": {"instances": {"shop": {}}}, "blog": {"failed": False, "msg": "blog: no earlier release\nmore"}}
        ),
        "web2": outcome("shop", failures={"blog": "blog: x\nmore"}),
        "web3": outcome(fault="nginx -t refuses x\nmore"),
        "web4": outcome(),
        "webserver5": {},
        "web6": {"on_trial": True},
        "web7": outcome(kept={"shop": "shop: r2 was rolled back\nmore"}),
    }
    assert rollout_table(servers) == [
        "host        app   outcome",
        "web1        shop  switched, then taken back",
        "web1        blog  switched, and could not go back: blog: no earlier release",
        "web2        shop  switched",
        "web2        blog  failed: blog: x",
        "web3        -     failed: nginx -t refuses x",
        "web4        -     nothing to switch",
        "webserver5  -     not deployed in this run",
        "web6        -     could not be reached any more while it was deployed",
        "web7        shop  keeps its release: shop: r2 was rolled back",
    ]


def test_the_table_tells_what_was_not_confirmed():
    servers = {
        "web1": outcome("shop", "blog", confirmed=["shop"], unconfirmed={"blog": "blog: is not on trial any more\nmore"}),
        "web2": lost("shop"),
        "web3": outcome("shop", taken_up=["shop"]),
        "web4": outcome("shop", taken_up=["shop"], back={"shop": {"instances": {"shop": {}}}}),
        "web5": lost("shop", on_trial=False),
    }
    assert rollout_table(servers)[1:] == [
        "web1  shop  switched",
        "web1  blog  switched, and was not confirmed: blog: is not on trial any more",
        "web2  shop  switched, and goes back by itself if there was a release before: the server could not be reached any more",
        "web3  shop  was switched by a run that did not end",
        "web4  shop  was switched by a run that did not end, then taken back",
        "web5  shop  switched, and stays: the server could not be reached any more",
    ]


def test_check_mode_takes_nothing_back():
    assert rollout_table({"web1": outcome("shop", back={"shop": {"skipped": True}})})[1] == "web1  shop  switched, and would be taken back"


GROUPS = {"all": ["app1", "app2", "app3", "stage"], "flask_servers": ["app1", "app2", "app3"], "new": ["app3"], "staging": ["stage"]}


@pytest.mark.parametrize(
    ("target", "servers"),
    [
        ("flask_servers", ["app1", "app2", "app3"]),
        ("app2", ["app1", "app2", "app3"]),
        ("app*:!app1", ["app1", "app2", "app3"]),
        (["new", "app1"], ["app1", "app2", "app3"]),
        ("staging", ["stage"]),
        ("app3,stage", ["app3", "stage"]),
    ],
)
def test_a_part_of_the_fleet_is_told_with_the_whole_of_it(target, servers):
    assert whole_fleet(target, GROUPS) == servers


@pytest.mark.parametrize("target", ["flask_servers", "app3", "stage"])
def test_a_fleet_of_its_own_is_whole_whatever_the_target_is(target):
    assert whole_fleet(target, GROUPS, "new") == ["app3"]


def test_a_fleet_that_is_no_group_is_refused():
    with pytest.raises(AnsibleFilterError, match="^flask_fleet is 'stagging', but must be a group of the inventory with servers"):
        whole_fleet("app1", GROUPS, "stagging")


def test_without_the_group_the_servers_are_those_of_the_pattern():
    assert whole_fleet("stage", {"all": ["stage"]}) == ["stage"]
