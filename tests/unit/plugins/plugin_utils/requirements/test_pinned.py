# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which requirements are on exactly one version of a package."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.requirements.locked import NOMINAL
from ansible_collections.flaskops.stack.plugins.plugin_utils.requirements.pinned import options, pinned

FLASK = {"flask": "flask==3.1.3"}


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["Flask==3.1.3"], FLASK),
        (["Flask [async, dotenv] == 3.1.3"], FLASK),
        (['Flask==3.1.3; python_version >= "3.8"'], FLASK),
        (["Flask==3.1.3", "flask>=3"], FLASK),
        (["Flask==3.1.3", "flask == 3.1.3"], FLASK),
        (["zope_event==6.2"], {"zope-event": "zope-event==6.2"}),
        (["Flask==3.1.3 --hash=sha256:bb  --hash=sha256:aa"], {"flask": "flask==3.1.3 sha256:aa sha256:bb"}),
        (["Flask==3.1.3 --hash sha256:aa"], {"flask": "flask==3.1.3 sha256:aa"}),
        # Versions are left open.
        (["Flask"], {}),
        (["Flask>=3.1.3"], {}),
        (["Flask==3.1.*"], {}),
        (["Flask===3.1.3"], {}),
        (["Flask==3.1.3,!=3"], {}),
        # Nothing is installed for it.
        (['Flask==3.1.3; python_version < "3.8"'], {}),
        (["--index-url https://pypi.example.com", "-e ."], {}),
        # Two lines disagree, also about the hashes.
        (["Flask==3.1.3", "flask==3.1.2"], {}),
        (["Flask==3.1.3", "flask==3.1.3 --hash=sha256:aa"], {}),
        # It may come from somewhere else, or be built in a way of its own.
        (["Flask @ https://example.com/flask.whl"], {}),
        (["Flask==3.1.3", "flask @ git+https://example.com/flask"], {}),
        (["./flask"], {}),
        (["git+https://example.com/flask==3.1.3"], {}),
        (["Flask==3.1.3 --config-settings=debug=1"], {}),
        (["Flask==${VERSION}"], {}),
        (["Flask==3.1.3; not a marker"], FLASK),
    ],
)
def test_a_pin_names_one_version_and_where_it_may_come_from(lines, found):
    assert pinned(lines, [], NOMINAL) == found


@pytest.mark.parametrize(
    ("constraints", "found"),
    [
        (["flask==3.1.3"], FLASK),
        # It is required by nothing.
        (["redis==8.1.0"], {}),
        (["flask @ https://example.com/flask.whl", "flask==3.1.3"], {}),
        (['flask==3.1.3; python_version < "3.8"'], {}),
    ],
)
def test_constraints_pin_what_is_required(constraints, found):
    assert pinned(["Flask>=3"], constraints, NOMINAL) == found


def test_options_of_pip_are_told_from_requirements():
    lines = ["--index-url https://b", "flask==3", "-e .", "--editable lib", "--pre", "-r https://example.com/more.txt", "--pre"]
    assert options(lines) == ["--index-url https://b", "--pre", "-r https://example.com/more.txt"]
