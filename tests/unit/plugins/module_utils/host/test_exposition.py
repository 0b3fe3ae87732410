# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Samples as Prometheus reads them."""

from __future__ import annotations

from ansible_collections.flaskops.stack.plugins.module_utils.host.exposition import Metric, Sample, render

UP = Metric("up", "Whether it runs.", "gauge")
ASKED = Metric("asked_total", "Requests.", "counter")


def test_samples_of_one_metric_are_together():
    samples = [Sample(UP, {"app": "a"}, 1), Sample(ASKED, {}, 7), Sample(UP, {"app": "b", "pool": "p"}, 0)]
    assert render(samples) == (
        "# HELP up Whether it runs.\n"
        "# TYPE up gauge\n"
        'up{app="a"} 1\n'
        'up{app="b",pool="p"} 0\n'
        "# HELP asked_total Requests.\n"
        "# TYPE asked_total counter\n"
        "asked_total 7\n"
    )


def test_large_numbers_keep_all_digits():
    assert render([Sample(ASKED, {}, 2**53)]).endswith(" 9007199254740992\n")
    assert render([Sample(UP, {}, 1795905986.3028417)]).endswith(" 1795905986.3028417\n")


def test_a_label_stays_one_label():
    line = render([Sample(UP, {"revision": 'a"} 1\nup{app="other"} 0\\'}, 1)]).splitlines()[-1]
    assert line == 'up{revision="a\\"} 1\\nup{app=\\"other\\"} 0\\\\"} 1'


def test_a_label_is_short():
    assert len(render([Sample(UP, {"revision": "x" * 10_000}, 1)])) < 300
