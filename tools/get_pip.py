"""Bring pip into a virtualenv of `ansible-test`: the pip of Python itself, in place of a file that ansible-test would fetch from a server of its own."""

import ensurepip
import runpy
import sys
import sysconfig
from pathlib import Path

# Debian keeps the wheel in a directory of its own.
bundled = sysconfig.get_config_var("WHEEL_PKG_DIR") or Path(ensurepip.__file__).with_name("_bundled")
wheel = next(Path(bundled).glob("pip-*.whl"))
sys.path.insert(0, str(wheel))
sys.argv = ["pip", "install", *(word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel"))]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
