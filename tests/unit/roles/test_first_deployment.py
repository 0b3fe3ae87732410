# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A bare host gets the packages of all roles by one run of apt, and the directories and files of nginx by one task."""

from __future__ import annotations

import typing as t

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.flaskops.stack.tests.unit.render import describe, task_vars

DROP_IN = "/etc/systemd/system/nginx.service.d/flaskops.conf"
LOOK = {"packages": [], "directories": [], "files": [], "certificates": [], "acme": [], "former_backend": ""}


def value(role: str, expression: str, **variables: t.Any) -> t.Any:
    known = task_vars(role, flask_apps=[describe()], **variables)
    return Templar(loader=DataLoader(), variables=known).template(known[expression])


def of_nginx(expression: str, **look: t.Any) -> t.Any:
    return value("nginx_site", expression, __nginx_site_looked={"sites": {**LOOK, **look}})


@pytest.mark.parametrize(
    ("sites", "beside"),
    [
        ({"packages": ["logrotate", "nginx"], "ipv6": True}, ["logrotate", "nginx"]),
        ({"packages": [], "ipv6": True}, []),
        # The role nginx_site keeps the package from starting nginx.
        ({"packages": ["logrotate", "nginx"], "ipv6": False}, []),
        # Nobody has looked for that role, as where flask_app is used alone.
        (None, []),
    ],
)
def test_packages_of_sites_are_installed_with_those_of_applications(sites, beside):
    plan = {"packages": ["python3-venv"], **({"sites": sites} if sites else {})}
    assert value("flask_app", "__flask_app_packages_of_sites", __flask_app_plan=plan) == beside


def test_only_those_directories_and_files_are_made_that_the_host_lacks():
    assert of_nginx("__nginx_site_lack_directories") == {}
    assert of_nginx("__nginx_site_lack_files") == {}
    assert of_nginx("__nginx_site_lack_directories", directories=["/run/flaskops-nginx"]) == {"/run/flaskops-nginx": "0750 www-data"}
    files = of_nginx("__nginx_site_lack_files", files=[DROP_IN])
    assert list(files) == [DROP_IN]
    assert "[Service]\n" in files[DROP_IN]


@pytest.mark.parametrize(
    ("look", "moves"),
    [
        ({"files": [DROP_IN], "former_backend": "127.0.0.1:8000"}, True),
        # A first deployment.
        ({"files": [DROP_IN]}, False),
        # The files of an nginx that was removed.
        ({"files": [DROP_IN], "former_backend": "127.0.0.1:8000", "packages": ["nginx"]}, False),
        # The move is over.
        ({"former_backend": "127.0.0.1:8000"}, False),
    ],
)
def test_only_a_host_with_the_address_of_a_former_release_moves_to_the_socket(look, moves):
    assert of_nginx("__nginx_site_moves", **look) is moves
