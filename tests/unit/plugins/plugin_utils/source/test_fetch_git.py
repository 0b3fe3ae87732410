# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fetching sources from repositories on this machine."""

from __future__ import annotations

import os
import subprocess

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.plugins.plugin_utils.source import git
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.git_command import git_remedy, git_words
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import SourceError
from ansible_collections.flaskops.stack.tests.unit.archives import names
from ansible_collections.flaskops.stack.tests.unit.repository import Repository


@pytest.mark.parametrize(
    ("version", "commit"),
    [
        ("main", "second"),
        ("HEAD", "second"),
        ("feature", "feature"),
        ("v1", "first"),
        ("light", "first"),
        ("refs/heads/feature", "feature"),
    ],
)
def test_a_version_is_a_branch_or_a_tag(get, origin, version, commit):
    tree = get(git=origin.url, version=version)
    assert tree.revision == getattr(origin, commit)
    assert tree.read("app.py") == {"first": b"1", "second": b"2", "feature": b"3"}[commit]


def test_without_a_version_it_is_what_the_repository_shows_first(get, origin):
    assert get(git=origin.url).revision == origin.second


@pytest.mark.parametrize("digits", [40, 12, 7])
@pytest.mark.parametrize("commit", ["first", "middle", "second", "feature"])
def test_a_version_is_a_commit(get, origin, commit, digits):
    wanted = getattr(origin, commit)
    assert get(git=origin.url, version=wanted[:digits]).revision == wanted


@pytest.mark.parametrize("digits", [40, 7])
def test_a_commit_is_found_after_another_version_was_fetched(get, origin, places, digits):
    assert get(git=origin.url, version="main").revision == origin.second
    assert get(git=origin.url, version=origin.middle[:digits]).revision == origin.middle


def test_a_repository_may_be_a_path(get, origin, places):
    os.symlink(origin.repository.place, places.inventory / "shop")
    assert get(git="shop", version="v1").read("app.py") == b"1"
    assert get(git=str(origin.repository.place), version="main").revision == origin.second


def test_a_directory_of_the_repository_can_be_the_source(get, origin, tmp_path):
    assert names(get(git=origin.url, subdir="web"), tmp_path) == {"site.py"}


def test_work_that_is_not_committed_is_not_fetched(get, origin, tmp_path):
    (origin.repository.place / "app.py").write_text("not committed")
    assert get(git=origin.url).read("app.py") == b"2"


def test_a_branch_is_looked_up_once_for_each_run(get, origin, places):
    assert get(git=origin.url, version="main").revision == origin.second
    third = origin.repository.commit("third", {"app.py": "4"})
    # All hosts of a run get one commit, whenever they come.
    assert get(git=origin.url, version="main").revision == origin.second
    for memo in places.run.iterdir():
        memo.unlink()
    assert get(git=origin.url, version="main").revision == third


def test_a_branch_that_was_rewritten_is_fetched(get, origin, places):
    get(git=origin.url, version="feature")
    origin.repository.git("branch", "--force", "feature", origin.first)
    for memo in places.run.iterdir():
        memo.unlink()
    assert get(git=origin.url, version="feature").revision == origin.first


def test_a_commit_that_is_known_needs_no_repository(get, origin, places, tmp_path):
    get(git=origin.url, version=origin.first)
    for memo in places.run.iterdir():
        memo.unlink()
    origin.repository.place.rename(tmp_path / "gone")
    assert get(git=origin.url, version=origin.first).read("app.py") == b"1"


def test_two_repositories_are_not_mixed_up(get, origin, tmp_path):
    other = Repository(tmp_path / "other")
    other.commit("other", {"app.py": "other"})
    assert get(git=origin.url, version="main").read("app.py") == b"2"
    assert get(git=f"file://{tmp_path}/other", version="main").read("app.py") == b"other"


@pytest.mark.parametrize("version", ["nothing", "0" * 40, "abcdef1"])
def test_a_version_that_is_not_there_is_told(refused, origin, version):
    key, problem = refused(git=origin.url, version=version)
    assert key == "git"
    assert problem.startswith(f"'{origin.url}' at '{version}' could not be fetched (")


def test_a_version_that_is_not_there_is_told_with_gits_words(refused, origin):
    _key, problem = refused(git=origin.url, version="nothing")
    assert "no message" not in problem


def test_a_repository_that_is_not_there_is_told_with_gits_words(refused, tmp_path):
    _key, problem = refused(git=f"file://{tmp_path}/nowhere", version="main")
    assert "does not appear to be a git repository" in problem or "does not exist" in problem


def test_a_path_that_is_no_repository_is_told(refused, places):
    assert refused(git="nowhere", version="main")[0] == "git"
    (places.inventory / "shop").mkdir()
    assert refused(git="shop", version="main")[0] == "git"


def test_no_message_has_the_password_of_a_url(refused, monkeypatch):
    def fails(_repository, *arguments, **_more):
        words = f"fatal: unable to access '{next(item for item in arguments if 'example' in item)}': no route"
        raise subprocess.CalledProcessError(128, "git", stderr=words.encode())

    monkeypatch.setattr(git, "git", fails)
    _key, problem = refused(git="https://user:hunter2@git.example.com/shop.git", version="main")
    assert "hunter2" not in problem
    assert "https://***@git.example.com/shop.git" in problem


def test_a_controller_without_git_is_told(refused, origin, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refused(git=origin.url) == ("git", "the controller has no git")


def test_an_option_is_no_version(refused, origin):
    with pytest.raises((AppError, SourceError)):
        refused(git=origin.url, version="--upload-pack=id")


@pytest.mark.parametrize(
    ("stderr", "words", "remedy"),
    [
        (
            "git@github.com: Permission denied (publickey).\nfatal: Could not read from remote repository.\n\nPlease make sure you have",
            "git@github.com: Permission denied (publickey).",
            "give the user who runs Ansible a key of the repository",
        ),
        (
            "Host key verification failed.\r\nfatal: Could not read from remote repository.\n",
            "Host key verification failed.",
            "add the server to known_hosts",
        ),
        ("fatal: Could not read from remote repository.\n", "fatal: Could not read from remote repository.", "check the URL, the version"),
        (
            "fatal: could not read Username for 'https://github.com': terminal prompts disabled\n",
            "fatal: could not read Username for 'https://github.com': terminal prompts disabled",
            "write a token from a vault into the address, or use ssh",
        ),
        (
            "fatal: detected dubious ownership in repository at '/srv/shop/.git'\nTo add an exception for this directory, call:\n",
            "fatal: detected dubious ownership in repository at '/srv/shop/.git'",
            "run `git config --global --add safe.directory /srv/shop/.git` as the user who runs Ansible, or give that user the directory",
        ),
        (
            "fatal: unable to access 'https://git.example.com/x.git/': SSL certificate problem: unable to get local issuer certificate\n",
            "fatal: unable to access 'https://git.example.com/x.git/': SSL certificate problem: unable to get local issuer certificate",
            "have git trust the authority of the server",
        ),
        (
            "fatal: unable to access 'https://git.example.com/x.git/': Could not resolve host: git.example.com\n",
            "fatal: unable to access 'https://git.example.com/x.git/': Could not resolve host: git.example.com",
            "correct the name of the server",
        ),
    ],
)
def test_why_a_repository_cannot_be_fetched_has_its_remedy(stderr, words, remedy):
    assert git_words(subprocess.CalledProcessError(128, "git", stderr=stderr.encode())) == words
    assert git_remedy(words).startswith(remedy)
