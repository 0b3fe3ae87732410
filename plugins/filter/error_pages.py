# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: error_pages
short_description: Make the pages that nginx sends where it has no answer of an application
version_added: 1.0.0
description:
  - Returns the files of the pages, each as HTML and as JSON, in the form that M(flaskops.stack.config_tree) takes.
options:
  _input: {description: "By name of the page, its title and a sentence.", type: dict, required: true}
  owner: {description: Owner of the files., type: str, required: true}
positional: owner
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Show the page of a gateway that gets no answer
  ansible.builtin.debug:
    msg: "{{ {'502': ['The site is being restarted', 'Please try again in half a minute.']} | flaskops.stack.error_pages('me') }}"
"""

RETURN = r"""
_value: {description: Files., type: list, elements: dict}
"""

import html
import json
import typing as t

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


def error_pages(pages: t.Mapping[str, t.Sequence[str]], owner: str) -> list[dict[str, t.Any]]:
    """Return two files for each page, below ``flaskops/pages``, under the paths that nginx asks for."""
    files = []
    for name, (title, sentence) in pages.items():
        page = _PAGE.format(title=html.escape(title), sentence=html.escape(sentence))
        answer = json.dumps({"error": title, "message": sentence}) + "\n"
        files += [
            {"path": f"flaskops/pages/.flaskops/{name}.{kind}", "content": text, "owner": owner}
            for kind, text in (("html", page), ("json", answer))
        ]
    return files


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"error_pages": error_pages}
