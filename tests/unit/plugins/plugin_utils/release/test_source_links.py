# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Links of a source are refused on the controller or nowhere: a host takes what the controller has taken."""

from __future__ import annotations

import os
import random
import subprocess
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.inner_links import leading_out
from ansible_collections.flaskops.stack.plugins.module_utils.release.build import _leading_out
from ansible_collections.flaskops.stack.plugins.plugin_utils.release.source_checks import check_source
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.git import GitTree
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import DirTree, SourceError, Tree
from ansible_collections.flaskops.stack.tests.unit.render import complete

INNER = [
    {"a/b": "../app.py"},
    {"d": "a", "e": "d/mod.py"},
    {"current": "versions/2", "static": "current/../../a"},
    {"a/back": "../a/./mod.py"},
    {"missing": "not/there"},
    {"a/up": ".."},
]
OUTER = [
    {"out": "/etc/passwd"},
    {"out": ".."},
    {"a/out": "../../x"},
    {"d": "a/..", "out": "d/../x"},
    {"up": "a/..", "a/out": "../up/../x"},
    {"a/one": "two", "a/two": "one"},
    {"out": "/"},
]


def source(place: Path, links: Mapping[str, str]) -> DirTree:
    """A directory with a few files and with links."""
    (place / "versions/2").mkdir(parents=True)
    (place / "a").mkdir()
    for file in ("app.py", "a/mod.py", "versions/2/x.py"):
        (place / file).write_text("app = 1\n")
    for name, target in links.items():
        os.symlink(target, place / name)
    return DirTree(place)


def shipped(tree: Tree, place: Path) -> list[tarfile.TarInfo]:
    tree.write_tar(place / "shipped.tar.gz")
    with tarfile.open(place / "shipped.tar.gz") as archive:
        return archive.getmembers()


def refused(tree: Tree) -> str:
    try:
        check_source(complete(source={"path": "."}, wsgi="app.py"), tree)
    except SourceError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("links", INNER, ids=str)
def test_inner_links_are_taken_on_both_sides(tmp_path, links):
    tree = source(tmp_path / "source", links)
    assert tree.links() == links
    assert refused(tree) == ""
    assert _leading_out(shipped(tree, tmp_path)) == []


@pytest.mark.parametrize("links", OUTER, ids=str)
def test_other_links_are_refused_on_both_sides(tmp_path, links):
    tree = source(tmp_path / "source", links)
    assert "is a link that leads out of the source or in a circle; put what it leads to into the source" in refused(tree)
    assert _leading_out(shipped(tree, tmp_path))


def test_links_of_a_repository_are_those_that_are_shipped(tmp_path):
    source(tmp_path / "source", {"a/b": "../app.py", "out": "../x"})
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", str(tmp_path / "source"), *words], check=True)
    tree = GitTree(tmp_path / "source", "HEAD")
    assert tree.links() == {"a/b": "../app.py", "out": "../x"}
    assert refused(tree) == (
        "git: 'out' is a link that leads out of the source or in a circle;"
        " commit what it leads to, below source.subdir if there is one, or remove the link"
    )
    assert GitTree(tmp_path / "source", "HEAD", "a").links() == {"b": "../app.py"}
    assert "'b' is a link that leads out" in refused(GitTree(tmp_path / "source", "HEAD", "a"))


def test_both_sides_agree_with_the_file_system(tmp_path):
    """A link that is taken leads to a path inside, wherever other links lead to."""
    generator = random.Random(15)
    (tmp_path / "outside").mkdir()
    outer = 0
    for number in range(300):
        parts = ("a", "b", "versions", "..", ".", "l1", "l2", "l3")
        links = {
            f"{generator.choice(('', 'a/', 'versions/'))}l{n}": "/".join(generator.choices(parts, k=generator.randint(1, 5)))
            for n in (1, 2, 3)
        }
        tree = source(tmp_path / f"{number}/source", links)
        wrong = leading_out(links)
        assert bool(wrong) == bool(_leading_out(shipped(tree, tmp_path))) == bool(refused(tree))
        outer += bool(wrong)
        for name in set(links) - set(wrong):
            # Where nothing is at the end, the path of what would be there counts.
            real = os.path.realpath(tree.root / name)
            assert real == str(tree.root) or real.startswith(f"{tree.root}/"), (links, name)
    assert 30 < outer < 270


def test_a_link_that_takes_too_long_to_follow_leads_out():
    """Each of forty links in one path can have two thousand parts, and a build can make a million of them."""
    assert leading_out({"short": "a/../" * 100 + "b"}) == []
    chain = {f"link{number}": "a/../" * 140 + f"link{number + 1}" for number in range(30)}
    began = time.process_time()
    assert leading_out(chain) == [f"link{number}" for number in range(29)]
    assert time.process_time() - began < 1
