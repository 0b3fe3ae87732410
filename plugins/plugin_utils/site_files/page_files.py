# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pages that nginx sends where it has no answer of an application, each as HTML and as JSON."""

from __future__ import annotations

import html
import json
import typing as t
from http import HTTPStatus

from ..description.error_pages import release_pages

# Names of RFC 9110 that Python has since 3.13. A page has the same text from every controller.
_NEW_NAMES = {413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
# No script, no address of another server, and readable in the dark and on a telephone.
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 20vh auto 0; padding: 0 1.5rem }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{sentence}</p>
</body>
</html>
"""


def page_files(pages: t.Mapping[str, t.Sequence[str]], owner: str, apps: t.Sequence[t.Mapping[str, t.Any]] = ()) -> list[dict[str, t.Any]]:
    """Return two files for each page, below ``flaskops/pages``, under the paths that nginx asks for.

    :param pages: by name of the page, its title and a sentence
    :param apps: complete descriptions; an application with pages of its release gets such files too, for a release that lacks them
    """
    files = [file for name, words in pages.items() for file in _files(f"/.flaskops/{name}", words, owner)]
    for app in apps:
        for name in release_pages(app["nginx"]):
            words = pages[name] if name in pages else _words(int(name))
            files += _files(f"{app['nginx']['pages_url']}{name}", words, app["name"])
    return files


def _files(url: str, words: t.Sequence[str], owner: str) -> list[dict[str, t.Any]]:
    title, sentence = words
    page = _PAGE.format(title=html.escape(title), sentence=html.escape(sentence))
    answer = json.dumps({"error": title, "message": sentence}) + "\n"
    return [{"path": f"flaskops/pages{url}.{kind}", "content": text, "owner": owner} for kind, text in (("html", page), ("json", answer))]


def _words(status: int) -> tuple[str, str]:
    """Return the title and the sentence of a page for a status, as RFC 9110 names it."""
    names = {**{each.value: each.phrase for each in HTTPStatus}, **_NEW_NAMES}
    return names.get(status, f"Error {status}"), f"The server answered with status {status}."
