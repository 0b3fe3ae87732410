# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The program of flaskops-metrics.service: it writes the state of the applications of this host for Prometheus.

The action plugin flask_metrics packs it, with the parts of the collection that it imports, into one file for the host.
"""

from __future__ import annotations

import sys
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

from flaskops.host.exposition import Sample, render
from flaskops.host.files import write_atomically
from flaskops.host.json_file import read_object
from flaskops.instance import status
from flaskops.instance.metrics import WRITTEN, samples_of
from flaskops.instance.metrics_service import CONFIG
from flaskops.tls.places import CertificatePlaces

# An application that lets its statistics wait for some seconds makes the others wait less.
AT_ONCE = 16


def samples(app: dict[str, t.Any]) -> list[Sample]:
    """Return the samples of one application."""
    record = CertificatePlaces(app["name"]).record()
    state = status.describe_all([app])[app["name"]]
    return list(samples_of(app["name"], state, record.not_after if record else None))


def main() -> int:
    config = read_object(CONFIG)
    if config is None:
        print(f"{CONFIG} is missing; run the role flaskops.stack.flask_metrics again", file=sys.stderr)
        return 1
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = [sample for some in pool.map(samples, config["apps"]) for sample in some]
    # The node exporter reads the file as a user of its own.
    write_atomically(config["file"], render([*found, Sample(WRITTEN, {}, time.time())]), 0o644)
    return 0


if __name__ == "__main__":
    sys.exit(main())
