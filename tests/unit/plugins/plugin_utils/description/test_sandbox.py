# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sandbox of an application opens only places that may be written to."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.description.refused import problems
from ansible_collections.flaskops.stack.tests.unit.render import complete, describe


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/srv/flask/shop", "overlaps its root '/srv/flask/shop'; it may write to /srv/flask/shop/shared."),
        ("/srv/flask/shop/releases", "overlaps its root"),
        ("/srv/flask/shop/shared/x", "it may write to /srv/flask/shop/shared."),
        ("/srv/flask", "overlaps its root"),
        ("/etc/flask/shop/x", "overlaps its config_dir"),
        ("/run/flask/shop", "overlaps its run_dir"),
        ("/home/shop", "do not see the host's /home; use a place such as /var/lib."),
        ("/tmp/shop", "do not see the host's /tmp"),
        ("/root/x", "do not see the host's /root"),
        ("/var", "cannot be used here; write an absolute path"),
        ("var/lib/shop", "cannot be used here; write an absolute path"),
        ("/var/lib/../shop", "cannot be used here; write an absolute path"),
        ("/var/lib/a b", "cannot be used here; write an absolute path"),
    ],
)
def test_nothing_is_writable_that_must_not_be_or_is_not_seen(path, says):
    (problem,) = problems(describe(sandbox={"write": ["/var/lib/fine", path]}))
    assert problem.startswith(f"shop.sandbox.write[1] is '{path}', ")
    assert says in problem


@pytest.mark.parametrize("path", ["/var/lib/shop", "/srv/shop", "/srv/flask/shopping", "/homes/shop", "/opt/tmp/x"])
def test_what_only_looks_alike_may_be_written_to(path):
    assert complete(sandbox={"write": [path]})["sandbox"]["write"] == [path]


def test_one_application_does_not_write_to_another():
    blog = describe(name="blog", sandbox={"write": ["/srv/flask/shop/shared", "/var/lib/both"]})
    shop = describe(sandbox={"write": ["/var/lib/both"]})
    assert problems(shop, blog) == [
        "flask_apps: blog.sandbox.write '/srv/flask/shop/shared' overlaps shop.root '/srv/flask/shop'; share a directory outside of both."
    ]


@pytest.mark.parametrize(
    ("sandbox", "says"),
    [
        ({"network": "off"}, "shop.sandbox.network is 'off', but must be one of any, local, none"),
        ({"network": False}, "shop.sandbox.network is False, but must be text"),
        ({"devices": "yes"}, "shop.sandbox.devices is 'yes', but must be true or false"),
        ({"system_calls": ["@resources User=root"]}, "shop.sandbox.system_calls[0] is "),
        ({"system_calls": ["~@mount"]}, "shop.sandbox.system_calls[0] is '~@mount', which cannot be used here"),
        ({"writes": []}, "shop.sandbox.writes is not a key of the description; did you mean 'write'"),
    ],
)
def test_a_switch_that_is_none_is_refused(sandbox, says):
    (problem,) = problems(describe(sandbox=sandbox))
    assert problem.startswith(says)
