# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""host_look: hosts that the roles cannot work on are refused before anything on them changes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import debian, systemd
from ansible_collections.flaskops.stack.plugins.modules.host_look import named_elsewhere, require_usable


class RefusedError(Exception):
    pass


def look(monkeypatch, running=True, family=("debian",), **params):
    """Look at a host, and return the message of a refusal."""

    def refuse(msg):
        raise RefusedError(msg)

    monkeypatch.setattr(debian, "distribution", lambda: {"name": "Some Linux 1", "family": list(family)})
    monkeypatch.setattr(systemd, "is_running", lambda: running)
    monkeypatch.setattr(systemd, "masked_services", lambda names: [name for name in names if name == "nginx"])
    given = {"apps": [], "services": [], "listen": {}, **params}
    try:
        require_usable(SimpleNamespace(params=given, require_root=lambda: None, fail_json=refuse))
    except RefusedError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("params", [{"apps": [{"name": "shop"}]}, {"services": ["chrony"]}])
def test_a_host_without_systemd_is_refused_where_units_are_needed(params, monkeypatch):
    said = look(monkeypatch, running=False, **params)
    assert said.startswith("systemd does not run on the host, as in a container without an init, and the units of applications need it.")
    assert look(monkeypatch, running=False) == ""
    assert look(monkeypatch, **params) == ""


def test_other_distributions_and_masked_services_are_refused(monkeypatch):
    assert look(monkeypatch, family=("rhel", "fedora")).startswith("The host runs Some Linux 1; flaskops.stack supports the Debian family.")
    assert look(monkeypatch, services=["nginx"]).startswith("nginx.service is masked: somebody has switched it off on this host.")


@pytest.mark.parametrize("broken", ["a {" * 5000, "include \0/*;"])
def test_a_configuration_that_nginx_would_refuse_stops_no_look(tmp_path, broken):
    (tmp_path / "nginx.conf").write_text(f"http {{ {broken}")
    assert named_elsewhere(str(tmp_path), [{"app": "shop", "names": ["shop.test"], "listen": ["80"]}]) == {}
