"""Run commands as users and compare whether they work: python3 - 'JSON list of attempts'. One line for each difference.

An attempt is a dict of ``as`` (a user), ``run`` (a shell command) and ``works`` (a bool); with ``says``, a text its output must have.
"""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys

wrong = []
for attempt in json.loads(sys.argv[1]):
    # Not through a login shell: system users have none.
    command = ["runuser", "-u", attempt["as"], "--", "sh", "-c", attempt["run"]]
    environment = {**os.environ, "HOME": pwd.getpwnam(attempt["as"]).pw_dir}
    done = subprocess.run(command, check=False, cwd="/", env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    asked = f"{attempt['as']}: {attempt['run']}"
    if (done.returncode == 0) != attempt["works"]:
        wrong.append(f"{asked}: {'failed' if attempt['works'] else 'worked, but must not'}: {done.stdout.strip()}")
    elif attempt.get("says", "") not in done.stdout:
        wrong.append(f"{asked}: no {attempt['says']!r} in {done.stdout.strip()!r}")
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
