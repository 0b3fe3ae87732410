# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A run tells once what code keeps in the memory of one process, before a host is asked, and goes on."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.action import check_apps
from ansible_collections.flaskops.stack.tests.unit.render import action, describe


@pytest.mark.parametrize("wanted", [True, False])
def test_the_check_of_a_source_warns_in_one_line(tmp_path, monkeypatch, wanted):
    (tmp_path / "code").mkdir()
    (tmp_path / "code/requirements.txt").write_text("flask\n")
    (tmp_path / "code/app.py").write_text("import os\napp = 1\nSECRET_KEY = os.urandom(24)\n")
    app = describe(name="shop", source={"path": str(tmp_path / "code")}, wsgi="app.py", memory_warnings=wanted)
    arguments = {"apps": [app], "variable": "flask_apps", "cache_dir": str(tmp_path / "kept")}
    check = action(check_apps.ActionModule, "flask_app", arguments, lambda *_call: pytest.fail("no connection is made"))
    said: list[str] = []
    monkeypatch.setattr(type(check._display), "warning", lambda _self, text, **_more: said.append(text))
    assert not check.run(task_vars={}).get("failed")
    assert len(said) == wanted
    assert not said or said[0].startswith("shop: app.py, line 3, makes a new SECRET_KEY at each start")
