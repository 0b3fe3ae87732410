"""Load one URL with wrk and print JSON: python3 load.py URL HOST SECONDS CONNECTIONS UNIT… Run inside a host.

Requests, those that failed, seconds, latencies in milliseconds, and the seconds of processor time that the processes of each unit took.
A unit may be the beginning of its name.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

REPORT = """
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('\\n{"requests":%d,"seconds":%f,"failed":%d,"p50":%f,"p99":%f,"max":%f}\\n',
    summary.requests, summary.duration / 1e6, errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
"""
TICK = os.sysconf("SC_CLK_TCK")


def processor_time(unit: str) -> float:
    """Return the seconds that the processes of a unit have taken so far, with those of children that have ended."""
    ticks = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cgroup") as groups, open(f"/proc/{pid}/stat") as stat:
                if f"/{unit}" in groups.read():
                    # The name, in parentheses, may have blanks; utime, stime, cutime and cstime are fields 14 to 17.
                    ticks += sum(map(int, stat.read().rpartition(")")[2].split()[11:15]))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return ticks / TICK


def main() -> None:
    url, host, seconds, connections, *units = sys.argv[1:]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(REPORT)
        script.flush()
        before = [processor_time(unit) for unit in units]
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", script.name, "-H", f"Host: {host}", url]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        taken = {unit: processor_time(unit) - earlier for unit, earlier in zip(units, before, strict=True)}
    print(json.dumps({**json.loads(done.stdout.strip().splitlines()[-1]), "processor": taken}))


if __name__ == "__main__":
    main()
