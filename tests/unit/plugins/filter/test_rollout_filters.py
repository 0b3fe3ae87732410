# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters of the playbook rollout: sizes of batches, what goes back, and the table of what was done."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.flaskops.stack.plugins.filter.batch_sizes import batch_sizes
from ansible_collections.flaskops.stack.plugins.filter.rollout_bad import rollout_bad
from ansible_collections.flaskops.stack.plugins.filter.rollout_judged import rollout_judged
from ansible_collections.flaskops.stack.plugins.filter.rollout_table import rollout_table
from ansible_collections.flaskops.stack.plugins.filter.whole_fleet import whole_fleet


def outcome(*switched, message="", failures=None, worse=None, back=None, **more):
    """Return what has become of a server on which all went well but for what is said."""
    back = back or {}
    confirmed = [name for name in switched if name not in back]
    well = {"taken_up": [], "on_trial": True, "confirmed": confirmed, "unconfirmed": {}}
    told = {"switched": list(switched), "message": message, "failures": failures or {}, "worse": worse or {}, "back": back}
    return {**told, **well, **more}


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
    ("servers", "bad"),
    [
        ({"a": outcome("shop"), "b": outcome("shop", "blog")}, []),
        ({"a": outcome("shop", "blog"), "b": outcome("blog", message="shop: x", failures={"shop": "shop: x"})}, ["shop"]),
        ({"a": outcome("shop", "blog", worse={"blog": "blog: slower"}), "b": outcome("blog")}, ["blog"]),
        # No application is to blame for nginx or a lock.
        ({"a": outcome("shop", "blog"), "b": outcome(message="nginx -t refuses x")}, ["blog", "shop"]),
    ],
)
def test_what_goes_back(servers, bad):
    assert rollout_bad(servers) == bad


def test_the_table_has_a_row_for_everything_that_happened():
    servers = {
        "web1": outcome(
            "shop", "blog", back={"shop": {"instances": {"shop": {}}}, "blog": {"failed": False, "msg": "blog: no earlier release\nmore"}}
        ),
        "web2": outcome("shop", message="blog: x", failures={"blog": "blog: x\nmore"}),
        "web3": outcome(message="nginx -t refuses x\nmore"),
        "web4": outcome(),
        "webserver5": {},
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
    ]


def test_the_table_tells_what_was_not_confirmed():
    away = outcome("shop")
    del away["confirmed"]
    servers = {
        "web1": outcome("shop", "blog", confirmed=["shop"], unconfirmed={"blog": "blog: is not on trial any more\nmore"}),
        "web2": away,
        "web3": outcome("shop", taken_up=["shop"]),
        "web4": outcome("shop", taken_up=["shop"], back={"shop": {"instances": {"shop": {}}}}),
        "web5": {**away, "on_trial": False},
    }
    assert rollout_table(servers)[1:] == [
        "web1  shop  switched",
        "web1  blog  switched, and was not confirmed: blog: is not on trial any more",
        "web2  shop  switched, and goes back by itself: the server could not be reached any more",
        "web3  shop  was switched by a run that did not end",
        "web4  shop  was switched by a run that did not end, then taken back",
        "web5  shop  switched, and stays: the server could not be reached any more",
    ]


def test_check_mode_takes_nothing_back():
    assert rollout_table({"web1": outcome("shop", back={"shop": {"skipped": True}})})[1] == "web1  shop  switched, and would be taken back"


def test_a_server_that_is_lost_after_its_switch_is_judged_with_its_batch():
    """Ansible takes it out of the batch; the servers of earlier batches have been judged, and those of later ones have not had their turn."""
    lost = outcome("shop")
    del lost["confirmed"]
    every = {"web1": outcome("shop"), "web2": outcome("shop"), "web3": lost, "web4": outcome(), "web5": {}}
    judged = rollout_judged(every, ["web2", "web4"])
    assert list(judged) == ["web2", "web4", "web3"]
    assert judged["web3"]["message"] == "web3: it could not be reached any more after it was switched"
    assert rollout_bad(judged) == ["shop"]
    assert rollout_judged({**every, "web3": {**outcome(), "confirmed": []}}, ["web2"]) == {"web2": outcome("shop")}


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


def test_without_the_group_the_servers_are_those_of_the_pattern():
    assert whole_fleet("stage", {"all": ["stage"]}) == ["stage"]
