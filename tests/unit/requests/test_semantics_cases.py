# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The requests that both fronts and plain nginx are sent."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

FILES = Path(__file__).parents[3] / "molecule" / "requests" / "files"


def test_every_request_can_be_made_and_has_a_title_of_its_own(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["semantics.py", "direct"])
    monkeypatch.syspath_prepend(str(FILES))
    cases = runpy.run_path(str(FILES / "semantics.py"))["every"]()
    titles = [(case.group, case.title) for case in cases]
    assert len(titles) > 100
    assert len(set(titles)) == len(titles)
