# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The resolved versions of requirements: the first host decides, the others follow."""

from __future__ import annotations

import threading

from ansible_collections.flaskops.stack.plugins.plugin_utils.release import constraints


def test_nothing_is_known_at_first(tmp_path):
    assert constraints.known(tmp_path, "venv") is None


def test_the_first_word_stands(tmp_path):
    constraints.remember(tmp_path, "venv", "flask==3\n")
    constraints.remember(tmp_path, "venv", "flask==4\n")
    constraints.remember(tmp_path, "other", "flask==5\n")
    assert constraints.known(tmp_path, "venv") == "flask==3\n"
    assert constraints.known(tmp_path, "other") == "flask==5\n"


def test_nothing_to_constrain_is_known_too(tmp_path):
    constraints.remember(tmp_path, "venv", "")
    assert constraints.known(tmp_path, "venv") == ""


def test_a_host_that_comes_meanwhile_waits_for_the_outcome(tmp_path):
    seen: list[str | None] = []

    def other_host() -> None:
        with constraints.first_to_resolve(tmp_path, ["venv"]):
            seen.append(constraints.known(tmp_path, "venv"))

    with constraints.first_to_resolve(tmp_path, ["venv"]):
        thread = threading.Thread(target=other_host)
        thread.start()
        thread.join(0.05)
        assert seen == []
        constraints.remember(tmp_path, "venv", "flask==3\n")
    thread.join(60)
    assert seen == ["flask==3\n"]


def test_hosts_build_at_the_same_time_what_is_resolved(tmp_path):
    constraints.remember(tmp_path, "venv", "flask==3\n")
    with constraints.first_to_resolve(tmp_path, ["venv"]), constraints.first_to_resolve(tmp_path, ["venv"]):
        pass


def test_one_host_may_ask_twice_for_one(tmp_path):
    with constraints.first_to_resolve(tmp_path, ["b", "a", "b"]):
        pass
