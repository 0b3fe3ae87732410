# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The interpreter of a host tells steps of modules and of the service that renews certificates, and of nothing else."""

from __future__ import annotations

import os

import pytest
from ansible_collections.flaskops.stack.tests.chaos import chaos_steps

PAYLOAD = "/tmp/ansible_x/payload.zip/ansible_collections/flaskops/stack/plugins"
PROGRAM = "/var/lib/flaskops/acme.pyz"


def seen(*places: tuple[str, str]) -> tuple[list[str], str]:
    """Return the chain of functions and the module that the hook sees where functions of such files call each other, the outermost first."""
    if not places:
        return [link.rpartition(":")[0] for link in chaos_steps._chain()], chaos_steps._module()
    (path, function), *rest = places
    names = {"call": lambda: seen(*rest)}
    exec(compile(f"def {function}():\n    return call()", path, "exec"), names)
    return names[function]()


@pytest.mark.parametrize(
    ("places", "chain", "module"),
    [
        (
            [(f"{PAYLOAD}/modules/tls_certificate.py", "main"), (f"{PAYLOAD}/module_utils/tls/install.py", "install")],
            ["tls.install.install", "modules.tls_certificate.main"],
            "tls_certificate",
        ),
        (
            [
                (f"{PROGRAM}/__main__.py", "main"),
                (f"{PROGRAM}/flaskops/tls/install.py", "install"),
                (f"{PROGRAM}/flaskops/host/files.py", "w"),
            ],
            ["host.files.w", "tls.install.install", "__main__.main"],
            "flaskops-acme",
        ),
        ([("/usr/lib/python3/dist-packages/certbot/main.py", "main")], [], ""),
    ],
)
def test_a_step_is_named_by_our_functions(places, chain, module):
    assert seen(*places) == (chain, module)


@pytest.mark.parametrize(
    ("event", "arguments", "looks"),
    [
        ("open", ("/etc/shop", None, os.O_RDONLY), True),
        ("open", ("/etc/shop", None, os.O_WRONLY | os.O_CREAT), False),
        # Python's own input and output of a command that is started.
        ("open", (os.devnull, None, os.O_RDWR), True),
        # The file was opened, or made in memory, before.
        ("open", (3, "wb", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), True),
        ("os.rename", ("/etc/a", "/etc/b", -1, -1), False),
        ("os.mkdir", ("/var/lib/flaskops/programs/0a1b/ansible_collections/__pycache__", 0o777, -1), True),
        ("os.mkdir", ("/var/lib/flaskops/programs/.0a1b", 0o700, -1), False),
        ("subprocess.Popen", ("systemctl", ["systemctl", "show", "nginx.service"], None, None), True),
        ("subprocess.Popen", ("systemctl", ["systemctl", "reload", "nginx.service"], None, None), False),
    ],
)
def test_what_changes_nothing_is_no_step(event, arguments, looks):
    assert chaos_steps._only_looks(event, arguments) is looks
