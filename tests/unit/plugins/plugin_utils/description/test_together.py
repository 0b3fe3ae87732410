# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two applications on one host do not get into each other's way."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.description.refused import problems
from ansible_collections.flaskops.stack.tests.unit.render import describe

TOGETHER = [
    ({}, {"name": "shop"}, "flask_apps: the name 'shop' is used by 'shop' twice; give each application its own."),
    ({}, {"name": "blog", "nginx": {"server_names": ["shop"]}}, "flask_apps: the server name 'shop' is used by 'shop' and 'blog'; give each"),
    (
        {"nginx": {"server_names": ["Shop.Example.com"]}},
        {"name": "blog", "nginx": {"server_names": ["blog.example.com", "shop.example.COM"]}},
        "flask_apps: the server name 'shop.example.com' is used by 'shop' and 'blog'; give each application its own, or a prefix of its own.",
    ),
    ({}, {"name": "blog", "user": "flask-shop"}, "flask_apps: the user 'flask-shop' is used by 'shop' and 'blog'; "),
    ({}, {"name": "blog", "root": "/srv/flask/shop"}, "flask_apps: the root '/srv/flask/shop' is used by 'shop' and 'blog'; "),
    ({}, {"name": "blog", "config_dir": "/etc/flask/shop"}, "flask_apps: the config_dir '/etc/flask/shop' is used by 'shop' and 'blog'; "),
    ({}, {"name": "blog", "run_dir": "/run/flask/shop"}, "flask_apps: the run_dir '/run/flask/shop' is used by 'shop' and 'blog'; "),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "begins"), TOGETHER)
def test_applications_do_not_get_into_each_others_way(one, other, begins):
    assert any(line.startswith(begins) for line in problems(describe(**one), describe(**other)))


def test_applications_with_similar_names_do_not_share_a_cache_zone():
    one, other = resolve_apps([describe(name="a-b"), describe(name="a_b")])
    assert one["nginx"]["cache_zone"] != other["nginx"]["cache_zone"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"root": "/srv/a/x"}, {"root": "/srv/a"}),
        ({"root": "/srv/a"}, {"config_dir": "/srv/a"}),
        ({"socket": "/run/x.sock"}, {"socket": "/run/x.sock"}),
    ],
)
def test_applications_do_not_live_in_each_others_directories(one, other):
    assert problems(describe(**one), describe(name="blog", **other))


@pytest.mark.parametrize("name", ["nginx_site", "flaskops-catch-all"])
def test_no_application_has_the_name_of_what_the_role_puts_there(name):
    assert problems(describe(name=name))


def test_one_application_cannot_have_a_server_name_twice():
    (line,) = problems(describe(nginx={"server_names": ["a", "A"]}))
    assert line.startswith("flask_apps: the server name 'a' is used by 'shop' twice; ")
