# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""check_apps: the looks at the code of a source are taken before any host is asked, and one fault is told once."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.action.check_apps import _check
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import DirTree, SourceError
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.requirements.checked import PROJECT, write
from ansible_collections.flaskops.stack.tests.unit.render import complete

FLASK = "from flask import Flask\napp = Flask(__name__)\n"


@pytest.mark.parametrize(
    ("files", "wsgi", "says"),
    [
        ({"web/shop.py": FLASK, "web/requirements.txt": "flask\n"}, "shop:app", "'shop' is no module at the top of the source"),
        (
            {"shop.py": FLASK, "pyproject.toml": PROJECT.replace('"flask"', '"requests"') + '[dependency-groups]\nweb = ["flask"]\n'},
            "shop:app",
            "imports flask",
        ),
        ({"shop.py": FLASK}, "shop:app", "the source declares no requirements"),
        ({"shop.py": FLASK, "requirements.txt": "flask\n"}, "shop:server", "shop.py has no 'server'"),
        ({"shop.py": FLASK, "requirements.txt": "./lib\n"}, "shop:app", "names 'lib', which is not in the source"),
    ],
)
def test_each_look_is_taken_and_tells_one_problem(tmp_path, files, wsgi, says):
    write(tmp_path, files)
    with pytest.raises(SourceError) as told:
        _check(complete(wsgi=wsgi), DirTree(tmp_path, ()))
    assert says in told.value.problem
    assert told.value.others == []


def test_a_source_without_a_fault_is_taken(tmp_path):
    write(tmp_path, {"shop.py": FLASK, "requirements.txt": "flask\n"})
    _check(complete(wsgi="shop:app"), DirTree(tmp_path, ()))
