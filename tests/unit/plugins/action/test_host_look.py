# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host whose nginx lacks what an application wants is told before anything changes there."""

from __future__ import annotations

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.flaskops.stack.plugins.action import host_look
from ansible_collections.flaskops.stack.tests.unit.render import action, describe, task_vars

APPS = [
    describe(nginx={"tls": {"self_signed": True, "http3": True}}),
    describe(name="blog", nginx={"tls": {"self_signed": True}}),
    describe(name="gone", state="absent", nginx={"tls": {"self_signed": True, "http3": True}}),
]


def failures_with(nginx: str, left_out: dict[str, str] | None = None) -> dict[str, str]:
    """Return why applications fail on a host with this version of nginx, as the role nginx_site asks for it."""
    known = task_vars("nginx_site", flask_apps=APPS)
    asked = Templar(DataLoader(), known).template(known["__nginx_site_asked"])
    answer = {**dict.fromkeys(host_look._OF_SITES, []), "nginx": nginx, "packages": [], "failures": {}}
    arguments = {"sites": asked, "variable": "nginx_site_apps", "left_out": left_out or {}}
    return action(host_look.ActionModule, "nginx_site", arguments, lambda *_asked: dict(answer)).run(task_vars=known)["failures"]


@pytest.mark.parametrize("nginx", ["1.22.1", "1.24.0", "0.9"])
def test_an_nginx_without_http3_fails_the_application_that_wants_it(nginx):
    found = failures_with(nginx)
    assert list(found) == ["shop"]
    assert found["shop"].startswith(f"shop: nginx.tls.http3 is true, but nginx {nginx} of this host has no HTTP/3")
    assert "Remove the key" in found["shop"]


@pytest.mark.parametrize("nginx", ["1.25.0", "1.26.3", "1.30.6", "2.0.0", ""])
def test_a_newer_nginx_and_one_that_nobody_knows_fail_nothing(nginx):
    assert failures_with(nginx) == {}


def test_an_application_that_failed_before_keeps_its_first_message():
    assert failures_with("1.22.1", {"shop": "shop: the gate refused it"}) == {"shop": "shop: the gate refused it"}
