# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A process on the host learns the secrets of applications from its order and from the files of instances."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app.secret_values import learn_secrets
from ansible_collections.flaskops.stack.plugins.module_utils.host.environment_file import environment_file, variables_in
from ansible_collections.flaskops.stack.plugins.module_utils.host.managed import HEADER
from ansible_collections.flaskops.stack.plugins.module_utils.host.shown import clean

VALUES = ["plain", "", 'a "quoted" one', "back\\slash\\", "`$x` $(y)", 'two\nlines\nB="no assignment"', "end\\\\", "caf\u00e9 \udc80"]


@pytest.mark.parametrize("value", VALUES, ids=ascii)
def test_a_value_of_an_environment_file_comes_back(value):
    assert variables_in(HEADER + environment_file({"A": value, "B": "other"})) == {"A": value, "B": "other"}


def test_all_values_come_back():
    assert list(variables_in(environment_file({f"A{index}": value for index, value in enumerate(VALUES)})).values()) == VALUES


def test_the_secrets_of_the_order_and_of_every_instance_on_the_host_are_hidden(host):
    old = host.candidate("old")
    old.app["files"]["secrets"] = environment_file({"TOKEN": "old-s3cr3t"})
    old.write()
    new = host.candidate("new")
    new.app["files"]["secrets"] = environment_file({"TOKEN": "new-s3cr3t"})
    learn_secrets([new.app])
    assert clean("old-s3cr3t new-s3cr3t") == "*** ***"


def test_secrets_of_an_order_to_build_are_hidden_and_its_environment_is_not():
    index = {"PIP_INDEX_URL": "https://me:pip-s3cr3t@pypi.example.com/simple"}
    learn_secrets([{"environment": {"MODE": "production", "TOKEN": "build-s3cr3t"}, "secrets": ["TOKEN"], "build_environment": index}])
    assert "s3cr3t" not in clean("Looking in indexes: https://me:pip-s3cr3t@pypi.example.com/simple/flask, or with pip-s3cr3t")
    assert clean("production build-s3cr3t") == "production ***"


def test_an_application_that_never_was_on_the_host_has_none(tmp_path):
    learn_secrets([{"name": "shop", "config_dir": str(tmp_path / "missing")}])
    assert clean("anything") == "anything"
