# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pages of a release that nginx sends in place of its own: each is published under the name of its status."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.instance.static_files import MissingErrorPageError

PAGES = {"nginx": {"error_pages": {404: "shop/errors/missing.html"}, "maintenance": {"page": "closed.htm"}}}
FILES = ("shop/errors/missing.html", "shop/errors/missing.json", "shop/errors/other.html", "closed.htm")


@pytest.fixture
def candidate(host):
    """Make an instance whose release has files."""

    def candidate(files=FILES, **changes):
        one = host.candidate("one", **{**PAGES, **changes})
        for name in files:
            path = Path(one.release.path, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        return one

    return candidate


def published(one) -> dict[str, str]:
    place = Path(one.root, "public/one")
    return {str(path.relative_to(place)): path.read_text() for path in place.rglob("*") if path.is_file()}


def test_pages_stand_where_nginx_looks_for_them(candidate):
    one = candidate()
    one.publish()
    assert published(one) == {
        f".flaskops/{one.name}/404.html": "shop/errors/missing.html",
        f".flaskops/{one.name}/404.json": "shop/errors/missing.json",
        f".flaskops/{one.name}/closed.html": "closed.htm",
    }


def test_a_page_that_the_release_lacks_is_refused_with_the_remedy(candidate):
    with pytest.raises(MissingErrorPageError, match="'shop/errors/missing.html', the page for 404, is no file of the release") as refused:
        candidate(["shop/errors/missing.json", "closed.htm"]).publish()
    assert "correct error_pages" in refused.value.remedy


def test_a_directory_that_the_release_lacks_is_refused(candidate):
    with pytest.raises(MissingErrorPageError, match="'shop/errors' of the page for 404 is not a directory of the release"):
        candidate(["closed.htm"]).publish()


def test_a_link_is_no_page(candidate):
    one = candidate()
    page = Path(one.release.path, FILES[0])
    page.unlink()
    page.symlink_to("/etc/passwd")
    with pytest.raises(MissingErrorPageError):
        one.publish()
    assert f".flaskops/{one.name}/404.html" not in published(one)


def test_an_old_release_goes_live_again_without_the_page(candidate):
    one = candidate(["closed.htm"])
    one.publish(lenient=True)
    assert published(one) == {f".flaskops/{one.name}/closed.html": "closed.htm"}
