# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The program for the host is complete: Python starts it without the collection and without Ansible."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile

from ansible_collections.flaskops.stack.plugins.module_utils.tls.places import ACME_PROGRAM
from ansible_collections.flaskops.stack.plugins.plugin_utils.acme_program import acme_program, digests
from ansible_collections.flaskops.stack.plugins.plugin_utils.host_program import host_program


def test_python_starts_the_program_by_itself(tmp_path):
    """On a machine without /etc/nginx/flaskops/acme.json there is nothing to do."""
    program = tmp_path / "acme.pyz"
    program.write_bytes(acme_program())
    done = subprocess.run([sys.executable, "-I", str(program)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_equal_contents_make_the_same_program(tmp_path):
    before = acme_program()
    host_program.cache_clear()
    assert acme_program() == before
    assert digests(before) == {ACME_PROGRAM: hashlib.sha256(before).hexdigest()}
    (tmp_path / "p").write_bytes(before)
    packed = zipfile.ZipFile(tmp_path / "p").infolist()
    assert {info.date_time[0] for info in packed} == {1980}
    assert {info.compress_type for info in packed} == {zipfile.ZIP_STORED}, "compressors differ between controllers"
