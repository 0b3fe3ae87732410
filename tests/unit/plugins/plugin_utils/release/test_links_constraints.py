# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host reports the versions that it installed, and pip reads them on every other host."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.flaskops.stack.plugins.module_utils.release.pins import is_pin
from ansible_collections.flaskops.stack.plugins.plugin_utils.release import constraints

PINS = [
    "flask==3.1.3",
    "pyuwsgi==2.0.30.post1",
    "zope.interface==7.2",
    "typing_extensions==4.12.2",
    "a==1",
    "Jinja2==3.1.6",
    "torch==2.5.1+cu121",
    "x==1!2.0",
    "x==1.0a1",
    "x==1.0rc2.dev3",
    "x==v1.0",
    "x==1.0-1",
    "x==2024.1.1.dev20240101+g1234567.d2024",
]
HOSTILE = [
    "--index-url=http://evil.example/simple",
    "-i http://evil.example/simple",
    "--find-links /srv/evil",
    "-r /etc/shadow",
    "-c /etc/shadow",
    "-e git+https://evil.example/x",
    "flask @ http://evil.example/flask.whl",
    "http://evil.example/flask.whl",
    "./flask.whl",
    "flask==3.1.3 --hash=sha256:0",
    "flask==3.1.3 ; python_version > '3'",
    "flask==3.1.3 # comment",
    "flask==3.1.3\\",
    "flask>=3",
    "flask",
    "flask==*",
    "flask==3.*",
    "flask===3.1.3",
    "flask==3.1.3,<4",
    "flask[async]==3.1.3",
    "flask==${HOME}",
    "x==1:/srv/flask/evil/e.so",
    "-flask==1",
    "flask-==1",
    "fl\u00e4sk==1",
    "flask==\u0663",
    "flask==3.1.3\u2028--index-url=http://evil.example",
    "flask==3.1.3\x0b--index-url=http://evil.example",
    "flask==3.1.3\r--index-url=http://evil.example",
    " flask==3.1.3",
    "flask==3.1.3 ",
    "",
    "flask==" + "1" * 1000,
    "root:*:20785:0:99999:7:::",
]


@pytest.mark.parametrize("line", PINS)
def test_a_version_of_a_package_is_one(line):
    assert is_pin(line)


@pytest.mark.parametrize("line", HOSTILE)
def test_whatever_else_pip_would_obey_is_none(line):
    assert not is_pin(line)


@pytest.mark.parametrize("line", [line for line in HOSTILE if line])
def test_what_a_host_says_besides_versions_reaches_no_other_host(tmp_path, line):
    assert "is no version of a package" in constraints.remember(tmp_path, "shop-v1", f"flask==3.1.3\n{line}\nwerkzeug==3.1.3\n")
    assert constraints.known(tmp_path, "shop-v1") is None
    assert constraints.remember(tmp_path, "shop-v1", "flask==3.1.3\n") == "", "an honest host may still tell"
    assert constraints.known(tmp_path, "shop-v1") == "flask==3.1.3\n"


@pytest.mark.parametrize("told", [None, 1, ["flask==3"], {"flask": "3"}, b"flask==3"])
def test_an_answer_that_is_no_text_is_none(tmp_path, told):
    assert constraints.remember(tmp_path, "shop-v1", told) == "it told no versions"
    assert constraints.known(tmp_path, "shop-v1") is None


def test_a_long_line_and_a_terminals_orders_are_not_shown(tmp_path):
    said = constraints.remember(tmp_path, "shop-v1", "\x1b]0;owned\x07" + "x" * 10_000)
    assert len(said) < 200
    assert "\x1b" not in said


def test_a_host_answers_for_what_it_was_asked_and_nothing_else(tmp_path):
    answer = {"shop": "flask==3.1.3\n", "other": "flask==0.1\n", "../../evil": "flask==0.1\n"}
    assert constraints.harvest(tmp_path, {"shop": "v1", "silent": "v2"}, answer, "web1") == []
    assert [path.name for path in (tmp_path / "constraints").iterdir()] == ["shop-v1.txt"]


@pytest.mark.parametrize("answer", [None, [], "flask==3", 1])
def test_an_answer_of_another_kind_is_no_answer(tmp_path, answer):
    assert constraints.harvest(tmp_path, {"shop": "v1"}, answer, "web1") == []


def test_a_refusal_names_host_and_application(tmp_path):
    answer = {"shop": "--index-url=http://evil.example\n", "blog": "flask==3.1.3\n"}
    assert constraints.harvest(tmp_path, {"shop": "v1", "blog": "v1"}, answer, "web1") == [
        "web1: the versions that shop was built with are not passed on to other hosts: it told '--index-url=http://evil.example', which"
        " is no version of a package. Look whether somebody else writes to web1."
    ]
    assert constraints.known(tmp_path, constraints.key("blog", "v1")) == "flask==3.1.3\n"


def test_equal_virtualenvs_of_two_applications_have_their_own_versions(tmp_path):
    """The code of an application has a say in what is installed for it."""
    constraints.remember(tmp_path, constraints.key("evil", "v1"), "flask==2.2.0\n")
    assert constraints.known(tmp_path, constraints.key("honest", "v1")) is None


@pytest.mark.parametrize("line", [line for line in HOSTILE if line])
def test_what_stands_in_the_cache_besides_versions_reaches_no_host(tmp_path, line):
    constraints.remember(tmp_path, "shop-v1", "flask==3.1.3\n")
    (tmp_path / "constraints/shop-v1.txt").write_text(f"flask==3.1.3\n{line}\n")
    with pytest.raises(
        AnsibleActionFail, match=r"shop-v1.txt' on the controller has ['\"].*, which is no version of a package; remove the file"
    ) as caught:
        constraints.known(tmp_path, "shop-v1")
    assert "\n" not in str(caught.value)
