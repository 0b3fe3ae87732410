# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Applications that failed: how their messages go from task to task, and that nginx leaves their files alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.flaskops.stack.tests.unit.render import describe, nginx_files, nginx_order

FAILED = {"blog": "blog: the release cannot be built: no"}
CATCH_ALL = "sites-enabled/flaskops-catch-all.conf"


def every_host(name: str) -> dict:
    return describe(name=name, nginx={"server_names": ["_"]})


def owners(*apps: dict, **variables: object) -> list[str]:
    """Return whose files the role would remove if they are not among those that it writes."""
    return nginx_order(apps, **variables)["owners"]


@pytest.mark.parametrize(
    "failed", [{"nginx_site_left_out": FAILED}, {"uwsgi_service_result": {"failures": FAILED}}, {"flask_app_failures": FAILED}], ids=str
)
def test_the_files_of_an_application_that_failed_are_neither_written_nor_removed(failed):
    apps = [describe(), describe(name="blog")]
    assert not [path for path in nginx_files(apps, **failed) if "blog" in path]
    assert "sites-enabled/shop.conf" in nginx_files(apps, **failed)
    assert owners(*apps, **failed) == ["nginx_site", "shop"]
    assert owners(*apps) == ["nginx_site", "shop", "blog"]


def test_an_application_whose_removal_failed_keeps_its_files():
    apps = [describe(), describe(name="blog", state="absent")]
    assert owners(*apps, nginx_site_left_out=FAILED) == ["nginx_site", "shop"]


def test_the_default_server_stays_as_it_is_where_the_application_for_every_host_failed():
    """The site for every host may be on the server already, or not yet."""
    apps = [describe(), every_host("blog")]
    assert CATCH_ALL not in nginx_files(apps, nginx_site_left_out=FAILED), "it may be a second default beside the site of the failed one"
    assert owners(*apps, nginx_site_left_out=FAILED) == ["shop"], "where it is needed still it is not removed"
    assert CATCH_ALL in nginx_files([describe(), describe(name="blog")], nginx_site_left_out=FAILED)


@pytest.mark.parametrize("register", ["__nginx_site_looked", "__nginx_site_certificates"])
def test_an_application_whose_certificate_is_bad_is_left_out_from_then_on(register):
    apps, look = (
        [describe(), describe(name="blog")],
        {"__nginx_site_looked": {"sites": {"own_certificates": ["blog"]}, "failures": {}}},
    )
    failed = {**look, register: {**look.get(register, {}), "failures": FAILED}}
    assert not [path for path in nginx_files(apps, **failed) if "blog" in path]
    assert owners(*apps, **failed) == ["nginx_site", "shop"]
    assert "sites-enabled/blog.conf" in nginx_files(apps, **look)


def test_failures_of_an_earlier_run_of_the_role_in_the_same_play_are_forgotten():
    assert "sites-enabled/blog.conf" in nginx_files([describe(name="blog")], __nginx_site_certificates={"failures": FAILED})


# --- what the tasks make of it -------------------------------------------------------------------------------------------------

SAYS = "shop.source.path: '/srv/nowhere' does not exist"
CAUGHT = """
- hosts: flask_servers
  gather_facts: false
  tasks:
    - block:
        - ansible.builtin.import_role: {name: flaskops.stack.flask_app}
          vars: {flask_app_fail_at_end: %s}
        - ansible.builtin.debug: {msg: "went on without {{ flask_app_failures | list }}"}
          tags: always
      rescue:
        - ansible.builtin.debug: {msg: "caught {{ ansible_failed_result.msg }}"}
          tags: always
"""


@pytest.fixture
def run(tmp_path: Path):
    """Return a function that runs those tasks of a playbook that every run has, which ask no host, and returns status and output."""
    (tmp_path / "ansible.cfg").write_text("[defaults]\ndisplay_failed_stderr = false\n")
    apps = [describe(source={"path": "/srv/nowhere"}), describe(name="blog", source={"path": "blog"}, wsgi="app.py")]
    (tmp_path / "blog").mkdir()
    (tmp_path / "blog/app.py").write_text("app = 1")
    (tmp_path / "blog/requirements.txt").write_text("flask\n")
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False}
    variables = {**local, "flask_apps": apps, "flask_app_cache_dir": str(tmp_path / "cache")}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"flask_servers": {"hosts": {"web1": variables}}}))

    def run(playbook: str, *options: str) -> tuple[int, str]:
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        command = [program, "-i", "hosts.yml", "--tags", "none_of_these", *options, playbook]
        environment = {**os.environ, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return done.returncode, " ".join(done.stdout.replace("''", "'").split())

    return run


@pytest.mark.parametrize("options", [(), ("-e", '{"nginx_site_left_out": {}}')])
def test_the_shipped_playbook_fails_at_its_end_with_the_message(run, options):
    status, output = run("flaskops.stack.site", *options)
    assert status == 2
    _before, fatal, after = output.partition("fatal: [web1]: FAILED!")
    assert SAYS in after
    assert "blog" not in after.partition("PLAY RECAP")[0]
    assert (fatal, "failed=1" in after, "rescued=0" in after) == ("fatal: [web1]: FAILED!", True, True)
    assert "TASK [flaskops.stack.flask_app : build | Set the releases, and what failed" in output.partition(SAYS)[0], "the run has gone on"


def test_a_role_that_is_used_alone_fails_at_its_own_end_and_can_be_rescued(run, tmp_path):
    (tmp_path / "play.yml").write_text(CAUGHT % "true")
    status, output = run("play.yml")
    assert (status, "went on" in output, f"caught {SAYS}" in output) == (0, False, True), output


def test_a_role_that_leaves_failures_to_others_has_them_as_a_fact(run, tmp_path):
    (tmp_path / "play.yml").write_text(CAUGHT % "false")
    status, output = run("play.yml")
    assert (status, "went on without ['shop']" in output) == (0, True), output
