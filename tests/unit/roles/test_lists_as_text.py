# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""nginx_site: a variable that comes as a text, as by -e, makes the same files as in its own type."""

from __future__ import annotations

import re

import pytest
import yaml
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.flaskops.stack.plugins.action import check_apps
from ansible_collections.flaskops.stack.tests.unit.render import COLLECTION, action, describe, nginx_files, nginx_order, task_vars

APPS = [describe(nginx={"front": "proxy"}), describe(name="blog")]

SAME = [
    ({"nginx_site_listen": "81"}, {"nginx_site_listen": ["81"]}),
    ({"nginx_site_listen": [80]}, {"nginx_site_listen": ["80"]}),
    ({"nginx_site_listen": 8080}, {"nginx_site_listen": ["8080"]}),
    ({"nginx_site_listen": "[::]:80"}, {"nginx_site_listen": ["[::]:80"]}),
    ({"nginx_site_trusted_proxies": "10.0.0.0/8"}, {"nginx_site_trusted_proxies": ["10.0.0.0/8"]}),
    ({"nginx_site_front_addresses": "192.0.2.9"}, {"nginx_site_front_addresses": ["192.0.2.9"]}),
    ({"nginx_site_forwarded_ports": "8080"}, {"nginx_site_forwarded_ports": [8080]}),
    ({"nginx_site_worker_connections": "555"}, {"nginx_site_worker_connections": 555}),
    ({"nginx_site_catch_all": "false"}, {"nginx_site_catch_all": False}),
    ({"nginx_site_catch_all": "f"}, {"nginx_site_catch_all": False}),
    ({"nginx_site_manage_main": "no"}, {"nginx_site_manage_main": False}),
    ({"nginx_site_listen": None, "nginx_site_front_addresses": None}, {}),
]


@pytest.mark.parametrize(("written", "wanted"), SAME, ids=lambda value: str(value))
def test_a_text_is_the_value_that_it_says(written, wanted):
    assert nginx_files(APPS, **written) == nginx_files(APPS, **wanted)


@pytest.mark.parametrize(("written", "wanted"), [("no", []), ("t", ["blog", "shop"]), (False, []), ("1", ["blog", "shop"])])
def test_sites_are_probed_where_a_text_says_so(written, wanted):
    assert sorted(site["name"] for site in nginx_order(APPS, nginx_site_probe=written)["probe_sites"]) == wanted


def role_tasks(role: str, file: str = "main") -> list[dict]:
    return DataLoader().load_from_file(str(COLLECTION / f"roles/{role}/tasks/{file}.yml"), trusted_as_template=True)


def templated(value, known):
    return Templar(loader=DataLoader(), variables=known).template(value)


BAD = [
    ("nginx_site", "nginx_site_listen", "80,8081"),
    ("nginx_site", "nginx_site_listen", "8o"),
    ("nginx_site", "nginx_site_listen", "[80]"),
    ("nginx_site", "nginx_site_trusted_proxies", "10.0.0.0/33"),
    ("nginx_site", "nginx_site_forwarded_ports", "70000"),
    ("nginx_site", "nginx_site_front_addresses", {"a": "b"}),
    ("nginx_site", "nginx_site_backend_listen", "8000"),
    ("nginx_site", "nginx_site_catch_all", "maybe"),
    ("nginx_site", "nginx_site_worker_connections", "many"),
    ("flask_app", "flask_app_lock_timeout", "a minute"),
    ("flask_app", "flask_app_cache_dir", ""),
    ("uwsgi_service", "uwsgi_service_releases", "shop"),
    ("uwsgi_service", "uwsgi_service_allow_rejected", "maybe"),
    ("uwsgi_service", "uwsgi_service_lock_timeout", "-5"),
]


@pytest.mark.parametrize(("role", "name", "written"), BAD)
def test_a_bad_value_ends_the_first_task_of_the_role_with_one_line(role, name, written):
    first = role_tasks(role)[0]["flaskops.stack.check_apps"]
    known = task_vars(role, **{"flask_apps": [describe()], "flask_app_releases": {}, name: written})
    with pytest.raises(AnsibleActionFail, match=rf"^{name} is [^\n]*; [^\n]*\.$"):
        action(check_apps.ActionModule, role, templated(first, known), None).run(task_vars=known)


def test_bad_variables_and_bad_descriptions_are_told_together():
    arguments = {"apps": [describe(colour="red")], "variable": "flask_apps", "roles": ["nginx_site"]}
    with pytest.raises(AnsibleActionFail, match=r"^nginx_site_listen is '8o', .*\nshop\.colour is not a key"):
        action(check_apps.ActionModule, "nginx_site", arguments, None).run(task_vars={"nginx_site_listen": "8o"})


# --- validate.yml --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "asked"),
    [
        ({}, "80"),
        ({"nginx_site_listen": "81"}, "81"),
        ({"nginx_site_listen": [8080]}, "8080"),
        ({"nginx_site_listen": ["443 ssl", "192.0.2.1"]}, "192.0.2.1:80"),
        ({"nginx_site_listen": None}, "80"),
    ],
)
def test_routes_are_requested_where_the_role_listens(variables, asked):
    (play,) = DataLoader().load_from_file(str(COLLECTION / "playbooks/validate.yml"), trusted_as_template=True)
    (probe,) = [task for task in play["tasks"] if "flaskops.stack.site_probe" in task]
    known = {**play["vars"], **variables}
    assert templated(probe["flaskops.stack.site_probe"]["listen"], known) == asked
    assert nginx_order([], **variables)["probe_listen"][0] == asked


def test_a_bad_value_ends_the_first_task_of_validate_too():
    (play,) = DataLoader().load_from_file(str(COLLECTION / "playbooks/validate.yml"), trusted_as_template=True)
    first = templated(play["tasks"][0]["flaskops.stack.check_apps"], {})
    with pytest.raises(AnsibleActionFail, match=r"^nginx_site_listen is '8o', which cannot be used here; [^\n]*\.$"):
        action(check_apps.ActionModule, "validate", first, None).run(task_vars={"flask_apps": [describe()], "nginx_site_listen": "8o"})


def test_the_rule_where_plain_http_is_spoken_stands_in_one_place():
    texts = [path.read_text() for folder in ("roles", "playbooks") for path in (COLLECTION / folder).rglob("*.yml")]
    assert [text for text in texts if re.search(r"unix:\|| ssl\|| quic", text)] == []


def test_filters_refuse_with_the_same_line():
    with pytest.raises(AnsibleError, match="nginx_site_listen is '8o', which cannot be used here"):
        nginx_files(APPS, nginx_site_listen="8o")


def test_overlays_see_the_converted_value(tmp_path):
    """A block of the user's own may loop over the variable as the role's templates do."""
    overlay = tmp_path / "mine.conf.j2"
    overlay.write_text(
        "{% extends 'site_direct.conf.j2' %}\n{% block listen %}\n{% for a in nginx_site_listen %}\n    listen {{ a }};\n{% endfor %}\n{% endblock %}\n"
    )
    text = nginx_files([describe(nginx={"template": str(overlay)})], nginx_site_listen="81")["sites-available/shop.conf"]
    assert re.findall(r"listen (.*);", text) == ["81"]


@pytest.mark.parametrize("name", ["nginx_site_listen", "nginx_site_trusted_proxies", "nginx_site_front_addresses"])
def test_the_default_of_the_role_is_a_list(name):
    assert isinstance(yaml.safe_load((COLLECTION / "roles/nginx_site/defaults/main.yml").read_text())[name], list)
