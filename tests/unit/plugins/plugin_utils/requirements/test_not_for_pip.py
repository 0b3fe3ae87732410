# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines that no version of pip reads are refused before a host is asked, and all others are left to it."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.requirements.checked import one

FREEZE = "write NAME==VERSION, as `pip list --format=freeze` does"
CONDA = f"is a line of conda; {FREEZE}"
MACHINE = f"is a path of the machine that conda built the package on; {FREEZE}"
OPTION = "is an option of the command `pip install`, which no requirements file may have; remove the option"
PYTHON = "is no package, but Python itself; remove the line, and name an interpreter of the host in `python`"
MODULE = "is no package, but a module of Python itself; remove the line"
MERGE = "is left from a merge that was not finished; resolve the conflict"
COMMAND = "is a command; write what it installs, each requirement on a line of its own"
SHORT = "has the short form of an address of ssh, which pip does not read; write git+ssh://USER@HOST/PATH"
REPOSITORY = "is the address of a repository, which pip would take for that of a file; write git+ before https"
WINDOWS = "has a path as Windows writes it; write / in the place of \\, and a path inside the source"
NOTHING = "is no requirement that pip reads; write NAME==VERSION, each requirement on a line of its own"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("flask=3.0.0=py311_0", CONDA),
        ("flask=3.0.0", CONDA),
        ("flask @ file:///home/conda/feedstock_root/build_artifacts/flask_1/work", MACHINE),
        ("flask @ file:///tmp/build/80754af9/flask_1600000000000/work", MACHINE),
        ("flask @ file:///C:/ci/flask_1600000000000/work", MACHINE),
        ("flask @ file:///croot/flask_1/work", MACHINE),
        ("pkg-resources==0.0.0", "is no package; older versions of pip on Debian and Ubuntu wrote it; remove the line"),
        ("python==3.11", PYTHON),
        ("python", PYTHON),
        ("sqlite3", MODULE),
        ("os==1.0", MODULE),
        ("=======", MERGE),
        ("pip install flask", COMMAND),
        ("python3 -m pip install flask", COMMAND),
        ("-U flask", OPTION),
        ("--user", OPTION),
        ("--no-deps", OPTION),
        ("-e git+git@git.example.com:acme/common.git#egg=common", SHORT),
        ("common @ git+git@git.example.com:acme/common.git", SHORT),
        ("https://git.example.com/acme/common.git", REPOSITORY),
        ("common @ https://git.example.com/acme/common.git@v1", REPOSITORY),
        (".\\libs\\common", WINDOWS),
        ("-e .\\libs\\common", WINDOWS),
        ("libs\\common.whl", WINDOWS),
        ("Package    Version", NOTHING),
        ("Flask      3.1.3", NOTHING),
        ("flask, jinja2", NOTHING),
        ("flask^3.0", NOTHING),
        ('"flask==3.0"', NOTHING),
    ],
)
def test_a_line_that_pip_never_takes_is_refused_before_the_host(check, line, says):
    assert one(check({"requirements.txt": f"click\n{line}\n"})) == f"requirements: '{line}' in requirements.txt {says}."


def test_a_path_of_windows_is_told_with_what_it_would_be(check):
    told = one(check({"requirements.txt": "C:\\Users\\me\\common-1.0-py3-none-any.whl\n"}))
    assert told.endswith(f" in requirements.txt {WINDOWS}.")


def test_each_side_of_an_unfinished_merge_is_told(check):
    lines = check({"requirements.txt": "<<<<<<< HEAD\nflask==3\n=======\nflask==2\n>>>>>>> new\n"})
    assert [line.partition(" in ")[0] for line in lines] == [
        "requirements: '<<<<<<< HEAD'",
        "requirements: '======='",
        "requirements: '>>>>>>> new'",
    ]


def test_no_message_has_the_token_of_a_repository(check):
    told = one(check({"requirements.txt": "https://me:s3cret@git.example.com/acme/common.git\n"}))
    assert "s3cret" not in told
    assert "***@git.example.com" in told


@pytest.mark.parametrize(
    "line",
    [
        "flask==3.0.0",
        "flask===3.0.0",
        "flask>=3",
        "flask~=3.0",
        "flask!=3.0,>2",
        "flask (>=3)",
        "flask [async] >=3",
        "flask;python_version>'3'",
        "flask>=1.0.*",
        "flask \\",
        "--index-url=https://example.com",
        "-i https://example.com/simple",
        "--trusted-host example.com",
        "--require-hashes",
        "flask @ https://x/?a=b",
        "flask@https://example.com/flask.zip",
        "git+https://example.com/acme/common.git@v1",
        "-e git+ssh://git@example.com/acme/common.git#egg=common",
        "common @ git+ssh://git@example.com:22/acme/common.git",
        "pip==25.3",
        "pip-tools",
        "python-dotenv==1.0",
        "os-client-config",
        "json5",
        "flask --config-settings a=b",
        # pip installs nothing for a line that is for another system.
        ".\\libs\\common; sys_platform == 'win32'",
        "C:\\common-1.0-py3-none-any.whl; sys_platform == 'win32'",
    ],
)
def test_other_lines_are_left_to_pip(check, line):
    assert check({"requirements.txt": f"{line}\n"}) == []
