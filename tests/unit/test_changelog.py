# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The fragments of the changelog, beside what `antsibull-changelog lint` requires of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FRAGMENTS = sorted((ROOT / "changelogs/fragments").glob("*.yml"))


def texts(fragment: Path) -> str:
    return " ".join(
        text for section in yaml.safe_load(fragment.read_text()).values() for text in ([section] if isinstance(section, str) else section)
    )


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda path: path.name)
def test_links_of_a_fragment_lead_somewhere(fragment):
    """The links are relative to CHANGELOG.md."""
    broken = [target for target in re.findall(r"<(?!https:)([^>#]+)[^>]*>`__", texts(fragment)) if not (ROOT / target).is_file()]
    assert broken == []


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda path: path.name)
def test_a_fragment_is_written_as_antsibull_reads_it(fragment):
    """Links and code of Markdown would be printed as they stand."""
    assert re.findall(r"\]\(|(?<!`)`[^`<]+`(?![`_])", texts(fragment)) == []


def test_every_fragment_is_read():
    """antsibull-changelog reads these endings and no other, and says nothing of a file that it leaves out."""
    there = [path.name for path in (ROOT / "changelogs/fragments").iterdir() if path.name != ".keep"]
    assert [name for name in there if not name.endswith(".yml")] == []
