"""The hooks run `python hooks.py KIND`, which writes down as whom it ran, where and with what.

The hooks `migrate` and `after_switch` write to the application's own files, found from the release that they run in. A build does not
reach these, so it writes into its release, and `after_switch` takes that over.
"""

import getpass
import json
import os
import sys
import time

line = {
    "kind": sys.argv[1],
    "time": time.time(),
    "user": getpass.getuser(),
    "directory": os.getcwd(),
    "prefix": sys.prefix,
    "mode": os.environ["LEDGER_MODE"],
    "secret": os.environ["LEDGER_SECRET"],
}
BUILT, ALL = "built.jsonl", "../../shared/hooks.jsonl"
if line["kind"] == "build":
    with open(BUILT, "w", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
else:
    with open(ALL, "a+", encoding="utf-8") as file:
        file.seek(0)
        before = file.readlines()
        if line["kind"] == "after_switch" and os.path.exists(BUILT):
            with open(BUILT, encoding="utf-8") as built:
                file.writelines(text for text in built if text not in before)
        file.write(json.dumps(line) + "\n")
