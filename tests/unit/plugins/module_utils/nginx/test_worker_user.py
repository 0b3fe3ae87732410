# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""worker_user: whether nginx's workers may reach the sockets of applications."""

from __future__ import annotations

import grp
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.dump import distinct, read
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.worker_user import unreached


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "shop"
    path.mkdir(mode=0o710)
    path.chmod(0o710)
    return path


def look(user: str, directory: Path) -> list[str]:
    (tmp,) = read(f"# configuration file /etc/nginx/nginx.conf:\nhttp {{ upstream x {{ server unix:{directory}/x.sock; }} }}")
    return list(unreached([*read(f"# configuration file /etc/nginx/nginx.conf:\n\n{user}"), tmp], distinct([tmp])))


def test_a_user_who_may_not_enter_is_told_with_the_line_to_write(directory):
    (problem,) = look("user daemon;", directory)
    group = grp.getgrgid(directory.stat().st_gid).gr_name
    assert problem.startswith(f"/etc/nginx/nginx.conf:2 has `user daemon;`, and the workers of nginx then may not enter {directory},")
    assert f"write `user {group};` there" in problem


@pytest.mark.parametrize("user", ["user root;", "", "user no-such-user;", "user daemon no-such-group;"])
def test_others_are_left_to_nginx(directory, user):
    assert look(user, directory) == []


def test_the_second_word_is_the_group(directory):
    group = grp.getgrgid(directory.stat().st_gid).gr_name
    assert look(f"user daemon {group};", directory) == []


def test_a_directory_for_everybody_or_none_at_all_is_no_problem(directory):
    directory.chmod(0o711)
    assert look("user daemon;", directory) == []
    directory.rmdir()
    assert look("user daemon;", directory) == []
