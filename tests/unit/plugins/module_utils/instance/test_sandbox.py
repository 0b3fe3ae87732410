# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The paths that a sandbox opens are checked before systemd would fail on them."""

from __future__ import annotations

import getpass
import os

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError
from ansible_collections.flaskops.stack.plugins.module_utils.instance import sandbox
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import DeployError


@pytest.fixture
def app(tmp_path):
    return {"name": "shop", "user": getpass.getuser(), "writable": [str(tmp_path)]}


def test_a_writable_path_is_accepted(app):
    sandbox.check(app)
    sandbox.check({**app, "name": "blog", "writable": []})


def test_a_missing_path_is_reported_with_the_remedy(app, tmp_path):
    with pytest.raises(DeployError) as caught:
        sandbox.check({**app, "writable": [str(tmp_path), f"{tmp_path}/a", f"{tmp_path}/b"]})
    assert str(caught.value).splitlines() == [
        f"shop.sandbox.write: {tmp_path}/{name} is not on this host; make it before, for {app['user']} to write to, or take it from the list."
        for name in "ab"
    ]


def test_a_path_that_its_user_may_not_write_to_is_refused(app, tmp_path, monkeypatch):
    def run(command, user, **_options):
        assert (user, command) == (os.getuid(), ["test", "-w", str(tmp_path)])
        raise CommandError("'test' ended with 1")

    monkeypatch.setattr(sandbox, "run", run)
    with pytest.raises(DeployError, match=f"^shop.sandbox.write: {tmp_path} is not writable for {app['user']}; give it to that user"):
        sandbox.check(app)
