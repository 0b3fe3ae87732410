# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Paths that templates and variables of the role spell out, and Python too: both say the same."""

from __future__ import annotations

import configparser
import importlib.util
import re
import sys
from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree import closed_sites, drained_backends
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.site_mark import BY_ITS_MARK
from ansible_collections.flaskops.stack.plugins.module_utils.tls import certbot, places
from ansible_collections.flaskops.stack.tests.unit.render import COLLECTION, complete, describe, nginx_files, task_vars

TLS = {"server_names": ["shop.example.com"], "tls": {"acme": True}}


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return nginx_files([describe(nginx=TLS)])


@pytest.fixture(scope="module")
def service() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read_string(task_vars("nginx_site")["__nginx_site_acme_service"])
    return parser


def test_nginx_reads_the_certificates_where_they_are_installed(files):
    of_shop = places.CertificatePlaces("shop")
    assert f"include {of_shop.live_file(places.SWITCH_FILE)[:-1]}[f];" in files["sites-available/shop.conf"]
    assert f"ssl_certificate {of_shop.live_file(places.CHAIN_FILE)};" in files["flaskops/shop.tls.conf"]
    assert f"ssl_certificate_key {of_shop.live_file(places.KEY_FILE)};" in files["flaskops/shop.tls.conf"]


def test_nginx_reads_which_sites_are_closed_where_that_is_written(files):
    assert f"include {closed_sites.ROOT}/shop.con[f];" in files["sites-available/shop.conf"]


def test_a_ca_is_answered_from_where_certbot_puts_its_proofs(files, service):
    assert f"root {certbot.WEBROOT};" in files["sites-available/shop.conf"]
    assert f"/run/{service['Service']['RuntimeDirectory']}" == certbot.WEBROOT


def test_the_service_runs_the_program_that_is_installed_for_the_sites_that_are_described(files, service, monkeypatch):
    assert service["Service"]["ExecStart"].split()[-1] == places.ACME_PROGRAM
    program = acme_program(monkeypatch)
    assert service["Unit"]["ConditionPathExists"] == program.CA
    assert {program.CA, f"{program.DIRECTORY}/shop{program.SITE}"} <= {f"/etc/nginx/{path}" for path in files}


def test_the_path_of_a_mark_is_let_through(files):
    pattern = BY_ITS_MARK.replace(".", r"\.") + "$"
    assert pattern in files["conf.d/flaskops-tls.conf"]
    assert pattern in files["flaskops/shop.closed.conf"]


def test_what_is_removed_with_an_application_is_what_it_had():
    known = task_vars("nginx_site")
    left = [path.format(app="shop") for path in Templar(loader=DataLoader(), variables=known).template(known["__nginx_site_leftovers"])]
    cache = complete()["nginx"]["cache_dir"]
    assert set(left) == {
        cache,
        places.CertificatePlaces("shop").directory,
        f"{closed_sites.ROOT}/shop.conf",
        f"{drained_backends.ROOT}/shop.json",
    }


def acme_program(monkeypatch: pytest.MonkeyPatch):
    """Return the program of the service as a module; it imports the collection under the name that the packed one has."""
    packed = "ansible_collections.flaskops.stack.plugins.module_utils"
    text = (COLLECTION / "roles/nginx_site/files/acme.py").read_text()
    for name in sorted(set(re.findall(r"^from flaskops\.([a-z_.]+) import", text, re.MULTILINE))):
        monkeypatch.setitem(sys.modules, f"flaskops.{name}", importlib.import_module(f"{packed}.{name}"))
    spec = importlib.util.spec_from_file_location("acme_of_role", Path(COLLECTION / "roles/nginx_site/files/acme.py"))
    module = importlib.util.module_from_spec(spec)
    for package in ("flaskops", "flaskops.config_tree", "flaskops.host", "flaskops.nginx", "flaskops.tls"):
        monkeypatch.setitem(sys.modules, package, type(sys)(package))
    spec.loader.exec_module(module)
    return module
