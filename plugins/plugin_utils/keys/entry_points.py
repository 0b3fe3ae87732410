# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The entry points that a description may name by its key ``wsgi``."""

from __future__ import annotations

import ast
import re

_NAME = r"[A-Za-z_][\w.]*"
_FACTORY = r"[A-Za-z_]\w*(\([^\x00-\x1f\x7f]*\))?"
PATTERN = rf"(?!/)(?![^(]*\.\.)({_NAME}:{_FACTORY}|{_NAME}|[\w./-]+\.py(:[A-Za-z_]\w*)?)"


def remedy(text: str) -> str:
    """Return what to write in place of a factory whose arguments are no constants, empty where they are.

    uWSGI replaces ``$(NAME)`` and ``@(FILE)`` in its configuration (its manual, "Configuring uWSGI").
    """
    arguments = re.search(r":\w+(\(.*\))$", text)
    if arguments and not _are_constants(arguments.group(1)):
        return "give a factory constants only, such as \"shop:create_app('production')\"; it can read everything else from its environment"
    return "give a factory no text with $( or @(, which uWSGI would replace" if "$(" in text or "@(" in text else ""


def _are_constants(arguments: str) -> bool:
    """Return whether arguments in parentheses are numbers, texts and the like, as Python writes them."""
    try:
        call = ast.parse(f"call{arguments}", mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            return False
        for value in [*call.args, *(keyword.value for keyword in call.keywords)]:
            ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return False
    return all(keyword.arg for keyword in call.keywords)
