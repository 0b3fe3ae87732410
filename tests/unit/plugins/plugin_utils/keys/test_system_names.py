# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Directories of the system and of packages, which no application can have for its own."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.system_names import remedy


@pytest.mark.parametrize(
    "name",
    [
        "flaskops",
        "flaskops/tls",
        "nginx",
        "nginx/body",
        "systemd",
        "systemd/linger",
        "dpkg",
        "apt",
        "apt/lists",
        "NetworkManager",
        "journal",
    ]
    + [
        "postgresql/17/main",
        "postgresql-17",
        "redis_6380",
        "tomcat9",
        "openvpn@office",
        "dpkg.log",
        "syslog.1",
        "kern.log",
        "wtmp",
        "shells.state",
    ],
)
def test_a_directory_of_the_system_is_refused(name):
    assert remedy(name)


@pytest.mark.parametrize(
    "name", ["shop", "shop/web", "pgadmin", "radicale/collections", "trac", "apt-cacher-web", "my.app", "app2", "shop/log"]
)
def test_other_directories_are_an_applications_to_have(name):
    assert remedy(name) == ""


def test_nothing_that_a_new_host_has_is_an_applications():
    # The names in /var/lib and /var/log of a Debian 13 with nothing but systemd, Python and sudo.
    there = "apt dbus dpkg misc pam private python shells.state sudo systemd ucf wtmpdb README apt btmp dpkg.log journal lastlog private runit wtmp"
    assert [name for name in there.split() if not remedy(name)] == []
