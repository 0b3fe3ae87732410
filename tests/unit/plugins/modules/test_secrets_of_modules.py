# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Modules with the secrets of applications in their order fail without showing them."""

from __future__ import annotations

import base64
import contextlib
import json
import typing as t

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flaskops.stack.plugins.module_utils.app import history
from ansible_collections.flaskops.stack.plugins.module_utils.host import lock
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError
from ansible_collections.flaskops.stack.plugins.module_utils.host.environment_file import environment_file
from ansible_collections.flaskops.stack.plugins.module_utils.release.build import Built
from ansible_collections.flaskops.stack.plugins.modules import flask_release, uwsgi_instance

SECRET = "hunter22-hunter22"


class Failed(Exception):
    """The module has failed with a message."""


class Ended(Exception):
    """The module has ended with a result."""


@pytest.fixture
def run(monkeypatch):
    """Run a module's ``main`` with parameters; its failure is the exception ``Failed``, and its end ``Ended``."""

    def fail(_self, msg, **result):
        raise Failed(json.dumps([msg, result]))

    def end(_self, **result):
        raise Ended(json.dumps(result))

    def run(main: t.Callable[[], None], **params: t.Any) -> None:
        def init(self, **_more):
            self.params, self.check_mode = params, False

        monkeypatch.setattr(AnsibleModule, "__init__", init)
        monkeypatch.setattr(AnsibleModule, "fail_json", fail)
        monkeypatch.setattr(AnsibleModule, "exit_json", end)
        monkeypatch.setattr(lock, "held", lambda *_args: contextlib.nullcontext())
        main()

    return run


def encoded(**order: t.Any) -> str:
    return base64.b64encode(json.dumps(order).encode()).decode()


@pytest.mark.parametrize("mode", ["migrate", "apply"])
def test_a_hook_that_prints_a_secret_of_the_order(run, monkeypatch, mode):
    def fail(*_args):
        raise CommandError(f"the hook said {SECRET}\x1b[2J")

    monkeypatch.setattr(uwsgi_instance, mode, fail)
    app = {"name": "shop", "files": {"secrets": environment_file({"TOKEN": SECRET})}}
    with pytest.raises(Failed) as failed:
        run(uwsgi_instance.main, mode=mode, order=encoded(apps=[app], who="me", lock_timeout=1))
    assert json.loads(str(failed.value))[0] == "the hook said ***\\x1b[2J"


def test_a_rollback_whose_instance_logs_a_secret_of_its_own(run, monkeypatch, host):
    old = host.candidate("old")
    old.app["files"]["secrets"] = environment_file({"TOKEN": SECRET})
    old.write()

    def fail(*_args):
        raise CommandError(f"the log said {SECRET}")

    monkeypatch.setattr(uwsgi_instance, "rollback", fail)
    with pytest.raises(Failed) as failed:
        run(uwsgi_instance.main, mode="rollback", order=encoded(apps=[host.app()], release="", who="me", lock_timeout=1))
    assert json.loads(str(failed.value))[0] == "the log said ***"


def test_a_build_that_prints_a_secret(run, monkeypatch, tmp_path):
    monkeypatch.setattr(flask_release, "build_all", lambda apps, _archives: [Built([], f"the hook said {SECRET}", 1.0) for _app in apps])
    release = {"id": "r1", "revision": "abc", "virtualenv_id": "v1"}
    app = {"name": "shop", "root": str(tmp_path), "environment": {"TOKEN": SECRET}, "secrets": ["TOKEN"], "release": release}
    payload = encoded(apps=[app], accounts=[], archives={})
    with pytest.raises(Ended) as ended:
        run(flask_release.main, mode="build", apps=[], payload=payload, archives={}, who="me", lock_timeout=1)
    assert json.loads(str(ended.value))["failures"] == {"shop": "shop: the release cannot be built: the hook said ***"}
    assert SECRET not in str(ended.value)
    assert history.read(str(tmp_path), 1)[0]["reason"] == "the hook said ***"
