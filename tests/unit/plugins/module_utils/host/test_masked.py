# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Services that somebody has switched off so that nothing starts them."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import systemd


@pytest.mark.parametrize(("target", "masked"), [("/dev/null", ["nginx"]), ("/lib/systemd/system/nginx.service", []), (None, [])])
def test_a_masked_service_is_a_link_to_nothing(tmp_path, monkeypatch, target, masked):
    monkeypatch.setattr(systemd, "UNIT_DIR", str(tmp_path))
    if target:
        (tmp_path / "nginx.service").symlink_to(target)
    assert systemd.masked_services(["nginx"]) == masked
