# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The action ``acme_certificate``: which sites a host asks a CA about."""

from __future__ import annotations

from ansible_collections.flaskops.stack.plugins.action import acme_certificate
from ansible_collections.flaskops.stack.tests.unit.render import action, describe


def site(name: str, **tls) -> dict[str, object]:
    return describe(name=name, nginx={"server_names": [f"{name}.example.com"], **({"tls": tls} if tls else {})})


def test_a_host_asks_about_sites_with_acme_that_are_there_and_have_not_failed():
    asked = {}
    apps = [
        site("shop", acme=True),
        site("blog", acme=True),
        site("plain"),
        site("own", self_signed=True),
        {**site("gone", acme=True), "state": "absent"},
    ]
    plugin = action(
        acme_certificate.ActionModule,
        "nginx_site",
        {"apps": apps, "left_out": {"blog": "its build failed"}, "required": "false"},
        lambda name, order: asked.update(order, module=name) or {"problems": {}},
    )
    plugin.run(task_vars={})
    assert (asked["module"], asked["names"], asked["required"]) == ("acme_certificate", ["shop"], False)
    assert asked["program"]
