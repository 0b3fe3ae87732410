# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The common parts of proofs, fault harness and benchmarks: reading the result of a run, and writing its files."""

from __future__ import annotations

import configparser
import json
import zipfile

import pytest
from ansible_collections.flaskops.stack.tests.harness.controller import Controller, Run, counting_trips
from ansible_collections.flaskops.stack.tests.harness.host import CHECKOUT, Host
from ansible_collections.flaskops.stack.tests.harness.load import Load, Sample, percentile
from ansible_collections.flaskops.stack.tests.harness.source import Source, changed
from ansible_collections.flaskops.stack.tests.harness.wheel import wheel

SHOP, FEED = Host("shop"), Host("feed")


def task(name: str, **results: dict) -> dict:
    return {"task": {"name": name}, "hosts": results}


def run(*tasks: dict, before: str = "", errors: str = "", sent: str = "") -> Run:
    output = f"{before}{json.dumps({'plays': [{'tasks': list(tasks)}]}, indent=1)}" if tasks else before
    return Run(10.0, 12.5, 0, output, errors, sent)


def test_a_run_is_read_by_host():
    found = run(
        task("Build", shop={"changed": True, "made": ["/srv/a"], "warnings": ["mind"]}, feed={"changed": False}),
        task("Switch", shop={"removed": ["/srv/b"]}, feed={"failed": True, "msg": "feed: the port 80 is taken"}),
        before="[WARNING]: something else\n",
        sent='{"host": "shop", "task": "role : Build"}\n{"host": "shop", "task": "Switch"}\n',
    )
    assert found.changed == {"shop": ["Build"], "feed": []}
    assert (found.made["shop"], found.removed["shop"]) == (["/srv/a"], ["/srv/b"])
    assert found.messages == {"feed": "feed: the port 80 is taken"}
    assert found.trips == {"shop": ["Build", "Switch"]}
    assert found.said == "shop: mind"
    assert found.seconds == 2.5


def test_a_run_that_must_fail_says_why():
    found = run(task("Switch", feed={"failed": True, "msg": "the port 80 is taken"}))
    found.require_failure(FEED, "port 80", "is taken")
    with pytest.raises(AssertionError, match=r"has no \['port 81'\]"):
        found.require_failure(FEED, "port 81")
    with pytest.raises(AssertionError, match="should have failed"):
        found.require_failure(SHOP)
    with pytest.raises(AssertionError, match="the run failed"):
        found.require_success()


def test_a_run_without_results_is_no_success():
    with pytest.raises(AssertionError, match="no such inventory"):
        run(errors="no such inventory\n").require_success()


def test_a_run_that_must_change_nothing():
    run(task("Build", shop={"changed": False})).require_success().require_nothing_changed("it was there")
    with pytest.raises(AssertionError, match=r"it was there, but .*'Build'"):
        run(task("Build", shop={"changed": True})).require_nothing_changed("it was there")


def test_the_recap_that_people_read_is_counted():
    assert Run(0, 1, 0, "shop : ok=3 changed=2 \nfeed : ok=1 changed=1 ", "").changes == 3
    with pytest.raises(RuntimeError, match="ended with 2: no way"):
        Run(0, 1, 2, "no way", "").require_end()


def test_a_controller_has_what_the_manual_asks_for_and_what_it_is_told(tmp_path):
    controller = Controller(tmp_path, {"defaults": {"forks": "3"}})
    written = configparser.ConfigParser()
    written.read(controller.configuration)
    assert dict(written["defaults"]) == {"inject_facts_as_vars": "false", "forks": "3"}
    assert dict(written["connection"]) == {"pipelining": "true"}


def test_a_playbook_is_run_and_heard(tmp_path, monkeypatch):
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "minimal")
    book = tmp_path / "book.yml"
    book.write_text(
        json.dumps([{"hosts": "flask_servers", "gather_facts": False, "tasks": [{"name": "Tell", "debug": {"msg": "{{ word }}"}}]}])
    )
    controller = Controller(tmp_path, {"defaults": {"stdout_callback": "ansible.posix.json"}})
    inventory = controller.inventory("one", {"shop": {"ansible_connection": "local"}}, {"word": "hello"})
    found = controller.run(inventory, book, "--limit", "shop", **counting_trips()).require_success()
    assert [(name, host, result["msg"]) for name, host, result in found.results] == [("Tell", "shop", "hello")]
    assert found.code == 0
    assert sorted(path.name for path in tmp_path.glob("*-*")) == []


def test_code_has_another_page_each_time(tmp_path):
    source = Source(tmp_path, CHECKOUT / "tests" / "apps" / "ledger")
    first, second = source.write("one"), source.copy().write("one")
    assert first != second
    assert first in (source.root / "page.py").read_text()
    assert source.package() == {"package": f"ledger=={next((tmp_path / 'wheels').glob('*.whl')).name.split('-')[1]}"}


def test_a_description_is_changed_where_it_is_said():
    app = {"name": "shop", "source": {"path": "a"}, "env": {"A": "1", "B": "2"}}
    assert changed(app, source={"git": "b"}, env={"A": "3", "B": None}) == {"name": "shop", "source": {"git": "b"}, "env": {"A": "3"}}
    assert app["env"] == {"A": "1", "B": "2"}


def test_a_wheel_records_its_files(tmp_path):
    with zipfile.ZipFile(wheel(tmp_path, "paper", "1.0", {"paper.py": "SIZE = 4\n"}, ["Flask"])) as archive:
        assert archive.read("paper.py") == b"SIZE = 4\n"
        assert "Requires-Dist: Flask" in archive.read("paper-1.0.dist-info/METADATA").decode()
        recorded = [line.split(",")[0] for line in archive.read("paper-1.0.dist-info/RECORD").decode().splitlines()]
        assert sorted(recorded) == sorted(archive.namelist())


def test_a_percentile_is_in_milliseconds():
    samples = [Sample(0, seconds / 1000, 200, "{}") for seconds in range(1, 101)]
    assert percentile(samples, 99) == 100
    assert percentile(samples, 50) == 51
    assert Sample(0, 0.1, 200, '{"page": "one"}').page == "one"
    assert Sample(0, 0.1, 502, "<html>").page == ""


class Asked(Host):
    """A host with a load that is behind: each look shows one more of the requests that were due."""

    def __init__(self, dues: list[float]) -> None:
        super().__init__("asked")
        self.dues, self.looks = dues, 0

    def background(self, script: str, *arguments: str) -> None:
        assert script == "load.py"

    def lines(self, path: str) -> list:
        self.looks += 1
        return [[due, 0.1, 200, '{"page": "first"}'] for due in self.dues[: self.looks - 1]]


def test_a_load_has_begun_when_there_is_an_answer():
    host = Asked([1.0])
    Load([host], "shop", 1, "/run/load").begin()
    assert host.looks == 2


def test_a_load_that_is_behind_is_waited_for(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    host = Asked([1.0, 2.0, 3.0, 4.0])
    load = Load([host], "shop", 1, "/run/load")
    load.require_no_loss(host, 1.0, 3.5, ["first"])
    assert host.looks == 5
    # Nothing more comes after the end.
    load.over = True
    assert [sample.due for sample in load.come_to(9.0, host)] == [1.0, 2.0, 3.0, 4.0]
