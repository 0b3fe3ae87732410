# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reading the log of the load during a switch."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.tests.bench import switching
from ansible_collections.flaskops.stack.tests.bench.switching import Sample


def test_lines_of_the_log_are_requests():
    log = "1700000000000000\t200\t1500\n1700000001000000\t-1\t20000000\t9\n1700000002"
    assert switching.parse(log) == [Sample(1_700_000_000.0, 200, 1.5), Sample(1_700_000_001.0, -1, 20_000.0)]
    assert switching.parse("") == []


@pytest.mark.parametrize(("share", "value"), [(99, 99), (100, 100), (50, 50), (0, 1)])
def test_a_percentile_is_a_value_that_was_measured(share, value):
    assert switching.percentile(list(range(100, 0, -1)), share) == value


def test_no_requests_have_no_percentile():
    with pytest.raises(ValueError, match="no requests"):
        switching.percentile([], 99)


def test_a_request_counts_where_it_begins():
    samples = [Sample(moment, 200, moment) for moment in (1.0, 2.0, 3.0)]
    assert switching.within(samples, 1.5, 3.0) == [2.0, 3.0]
