# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The harness sees when nginx presents another certificate than the one that is live."""

from __future__ import annotations

import json
import ssl

import pytest
from ansible_collections.flaskops.stack.tests.chaos import certificate
from ansible_collections.flaskops.stack.tests.unit.certificates import pair

NOW = 1_800_000_000
LIVE, OTHER = pair("ledger.test"), pair("other.test")


@pytest.fixture
def live(tmp_path, monkeypatch):
    """Install a certificate that is valid for ten more seconds of a clock that stands still, and return the function that has nginx present one."""
    version = tmp_path / "0a1b"
    version.mkdir()
    (version / "fullchain.pem").write_text(LIVE.chain)
    (version / "meta.json").write_text(json.dumps({"not_after": NOW + 10}))
    (tmp_path / "live").symlink_to("0a1b")
    monkeypatch.setattr(certificate.time, "time", lambda: NOW)
    monkeypatch.setattr(certificate, "LIVE", str(tmp_path / "live"))
    return lambda chain: monkeypatch.setattr(certificate, "presented", lambda: ssl.PEM_cert_to_DER_cert(chain))


@pytest.mark.parametrize(("presented", "said"), [(LIVE, ""), (OTHER, "nginx presents another certificate than 0a1b\n")])
def test_the_certificate_that_is_live_is_the_one_to_present(live, capsys, presented, said):
    live(presented.chain)
    certificate.main()
    assert capsys.readouterr().out == said


def test_one_that_is_due_is_told(live, capsys, monkeypatch):
    live(LIVE.chain)
    monkeypatch.setattr(certificate.time, "time", lambda: NOW + 60)
    certificate.main()
    assert capsys.readouterr().out == "the certificate has been due for 50 s\n"


def test_a_host_without_one_is_told(live, capsys, monkeypatch):
    monkeypatch.setattr(certificate, "LIVE", "/nowhere")
    certificate.main()
    assert capsys.readouterr().out.startswith("no certificate of ledger.test: ")
