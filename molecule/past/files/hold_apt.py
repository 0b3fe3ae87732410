"""Hold the lock of apt for some seconds, as unattended upgrades do, and leave a file when it is free: hold_apt.py SECONDS FILE."""

import fcntl
import pathlib
import sys
import time

with open("/var/lib/dpkg/lock-frontend", "w", encoding="ascii") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    time.sleep(float(sys.argv[1]))
    pathlib.Path(sys.argv[2]).touch()
