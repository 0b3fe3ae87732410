# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Alert rules and dashboard use metrics that there are, and the program that writes them runs by itself."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import yaml
from ansible_collections.flaskops.stack.plugins.module_utils.host.exposition import Metric
from ansible_collections.flaskops.stack.plugins.module_utils.instance import metrics
from ansible_collections.flaskops.stack.plugins.module_utils.instance.metrics_service import CONFIG
from ansible_collections.flaskops.stack.plugins.plugin_utils.host_program import METRICS_PROGRAM, host_program

ROOT = Path(__file__).parents[2]
NAMES = {value.name for value in vars(metrics).values() if isinstance(value, Metric)}
ALERTS = [rule for group in yaml.safe_load((ROOT / "docs/monitoring/alerts.yml").read_text())["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((ROOT / "docs/monitoring/dashboard.json").read_text())


def named(expressions: list[str]) -> set[str]:
    return {name for expression in expressions for name in re.findall(r"\bflaskops_\w+", expression)}


def test_alerts_are_about_metrics_that_there_are():
    assert named([rule["expr"] for rule in ALERTS]) - NAMES == set()


def test_every_alert_is_tested_and_says_what_it_is_about():
    tests = yaml.safe_load((ROOT / "molecule/flask_metrics/files/alerts_test.yml").read_text())["tests"]
    assert [test["alertname"] for each in tests for test in each["alert_rule_test"]] == [rule["alert"] for rule in ALERTS]
    assert all(rule["labels"]["severity"] in ("warning", "critical") for rule in ALERTS)
    assert all(set(rule["annotations"]) == {"summary", "description"} for rule in ALERTS)


def test_the_dashboard_shows_metrics_that_there_are():
    expressions = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    queries = [variable["definition"] for variable in DASHBOARD["templating"]["list"] if variable["type"] == "query"]
    annotations = [annotation["expr"] for annotation in DASHBOARD["annotations"]["list"]]
    assert named([*expressions, *queries, *annotations]) - NAMES == set()


def test_panels_of_the_dashboard_do_not_overlap():
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [(x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _y in cells) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)


def test_python_starts_the_program_by_itself(tmp_path):
    """The program imports everything first, so a part that was left out would be told here; then it misses the file of a host with the role."""
    (tmp_path / "metrics.pyz").write_bytes(host_program(METRICS_PROGRAM))
    done = subprocess.run([sys.executable, "-I", "metrics.pyz"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"{CONFIG} is missing; run the role flaskops.stack.flask_metrics again\n")
