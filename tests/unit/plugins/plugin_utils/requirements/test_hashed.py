# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Requirements files in which some lines have hashes: what can have none is installed by itself, and what pip would refuse is told."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.requirements.declared import declared
from ansible_collections.flaskops.stack.plugins.plugin_utils.requirements.locked import NOMINAL
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import DirTree
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.requirements.checked import PROJECT, one, write
from ansible_collections.flaskops.stack.tests.unit.render import complete

HASH = "--hash=sha256:" + "a" * 64
FLASK = f"flask==3.1.3 {HASH}"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {"pyproject.toml": PROJECT, "lib/setup.py": "", "vendor/common-1.0-py3-none-any.whl": "x"}


@pytest.mark.parametrize(
    "line",
    [
        ".",
        "./lib",
        "./vendor/common-1.0-py3-none-any.whl",
        f"common @ git+https://git.example.com/common.git@{COMMIT}",
        f"git+https://git.example.com/common.git@{COMMIT}#egg=common",
    ],
)
def test_what_can_have_no_hash_is_installed_by_itself(check, tmp_path, line):
    files = {"requirements.txt": f"{line}\n{FLASK}\n", **FILES}
    assert check(files) == []
    write(tmp_path, files)
    order = declared(complete(wsgi="app.py"), DirTree(tmp_path), NOMINAL).order
    assert (order["resolved"], order["loose"]) == ([FLASK], [line])


def test_a_file_with_a_hash_of_its_own_stays_with_the_others(check, tmp_path):
    wheel = f"./vendor/common-1.0-py3-none-any.whl {HASH}"
    files = {"requirements.txt": f"-e .\n{wheel}\n{FLASK}\n", **FILES}
    assert check(files) == []
    write(tmp_path, files)
    order = declared(complete(wsgi="app.py"), DirTree(tmp_path), NOMINAL).order
    assert (order["resolved"], order["loose"]) == ([wheel, FLASK], ["."])


@pytest.mark.parametrize("name", ["requirements.txt", "more.txt"])
def test_a_requirement_without_a_hash_beside_one_with_a_hash_is_refused(check, name):
    files = {"requirements.txt": f"{FLASK}\n-r more.txt\n", "more.txt": "# nothing\n"}
    told = one(check({**files, name: f"{files[name]}jinja2==3.1\nclick\n"}))
    assert told == (
        f"requirements: 'jinja2==3.1' in {name} (and 1 more) has no hash, and other requirements have hashes; make the whole file anew, as with"
        " `pip-compile --generate-hashes` or `uv export`, or remove all hashes."
    )


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("jinja2==3.1", "has no hash"),
        ("common @ https://example.com/common.zip", "has no hash"),
        (f"jinja2>=3.1 {HASH}", "has a hash and no version"),
        (f"jinja2 {HASH}", "has a hash and no version"),
        ("git+https://git.example.com/common.git", "is a repository without a whole commit"),
        ("-e git+https://git.example.com/common.git@v1#egg=common", "is a repository without a whole commit"),
    ],
)
def test_what_pip_would_refuse_is_told(check, line, says):
    told = one(check({"requirements.txt": f"{FLASK}\n{line}\n"}))
    assert told.startswith(f"requirements: '{line[:20]}")
    assert f" in requirements.txt {says}, and other requirements have hashes; " in told


@pytest.mark.parametrize(
    "line",
    [
        f"jinja2===3.1 {HASH}",
        f"jinja2[i18n]==3.1 ; python_version > '3' {HASH}",
        f"jinja2==3.1 \\\n    {HASH} \\\n    {HASH}",
        f"common @ https://example.com/common.zip {HASH}",
        f"common @ https://example.com/common.zip#sha256={'a' * 64}",
        "pywin32==306; sys_platform == 'win32'",
        "-c bounds.txt\njinja2",
        "--index-url https://example.com/simple",
    ],
)
def test_what_pip_takes_is_left_to_it(check, line):
    assert check({"requirements.txt": f"{FLASK}\n{line}\n", "bounds.txt": f"jinja2==3.1 {HASH}\n"}) == []


def test_without_hashes_nothing_needs_one(check):
    assert check({"requirements.txt": "flask\n-c bounds.txt\n", "bounds.txt": FLASK}) == []
