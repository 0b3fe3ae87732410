#!/usr/bin/env python3
"""Print for each worker how often another one took its place, the longest time in seconds in between, by systemd's words, and a part of it.

The first argument is the name of the application, the others are its workers with `overlap: false`. The time does not contain the imports of
the application. The part is the time divided by how many processes have waited for each processor, since a busy machine delays systemd too.
"""

import json
import os
import subprocess
import sys

# systemd's catalog: a unit begins to stop, and it has started (systemd.journal-fields(7), sd-messages.h).
STOPPING, STARTED = "de5b426a63be47a7b6ac3eaac82e2f6f", "39f53479d3a045ac8e11786248231fbf"
busy = max(1.0, *(load / (os.cpu_count() or 1) for load in os.getloadavg()))

for worker in sys.argv[2:]:
    command = ["journalctl", "--quiet", "--output=json", "_PID=1", f"--unit=flask-{sys.argv[1]}.{worker}.1@*"]
    stopped, pauses = 0, []
    journal = subprocess.run(command, check=False, capture_output=True, text=True)
    # journalctl ends with 1 where no unit fits, as on a host without these workers.
    if journal.returncode > 1:
        sys.exit(journal.stderr)
    for line in journal.stdout.splitlines():
        entry = json.loads(line)
        at = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
        if entry.get("MESSAGE_ID") == STOPPING:
            stopped = at
        elif entry.get("MESSAGE_ID") == STARTED and stopped:
            pauses.append(at - stopped)
            stopped = 0
    print(worker, len(pauses), max(pauses, default=0), max(pauses, default=0) / busy)
