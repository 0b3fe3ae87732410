# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The requirements that a description may name by its keys ``extra_requirements`` and ``build_constraints``."""

from __future__ import annotations

from packaging.requirements import InvalidRequirement, Requirement

from ...module_utils.app.uwsgi_package import SOURCES, WHEEL


def remedy(text: str) -> str:
    """Return what to write in place of a text that is no requirement (PEP 508), or would bring a second uWSGI; empty where it is one."""
    try:
        name = Requirement(text).name.lower()
    except InvalidRequirement:
        return 'write a requirement such as "psycopg[binary]==3.2.9"'
    return "remove it, as uwsgi.package brings uWSGI" if name in (WHEEL, SOURCES) else ""


def constraint_remedy(text: str) -> str:
    """Return what to write in place of a text that does not bound the versions of one package; empty where it does."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return 'write a package and its versions such as "setuptools<81"'
    # pip takes no extras and no URL in constraints.
    bounds = requirement.specifier and not requirement.extras and not requirement.url
    return "" if bounds else f'write a package and its versions, such as "{requirement.name[:80]}<81"'
