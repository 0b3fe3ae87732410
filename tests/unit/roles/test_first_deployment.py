# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A bare host gets the packages of all roles by one run of apt."""

from __future__ import annotations

import typing as t

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.flaskops.stack.tests.unit.render import describe, task_vars


def value(role: str, expression: str, **variables: t.Any) -> t.Any:
    known = task_vars(role, flask_apps=[describe()], **variables)
    return Templar(loader=DataLoader(), variables=known).template(known[expression])


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
