# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The keys of the source of an application's code."""

from __future__ import annotations

from .key import ABSOLUTE, Key, path_remedy

DEFAULT_EXCLUDES = (".git", ".hg", ".svn", "__pycache__", "*.pyc", ".venv", "venv", ".tox", ".pytest_cache", ".mypy_cache")
SOURCE_KINDS = ("path", "git", "archive", "package", "prebuilt")
# Never empty (that would ship the inventory directory with its secrets) and never starting with `-` (git would take it for an option).
_PLACE = r"(?!-)[^\x00-\x1f\x7f]+"

SOURCE = Key(
    "dict",
    "Source of the code: exactly one of `path`, `git`, `archive`, `package`, `prebuilt`.",
    required=True,
    keys={
        "path": Key(
            "str",
            "Directory on the controller, relative to the inventory's or the playbook's directory.",
            pattern=_PLACE,
            remedy="write a path, . for the inventory's own directory",
        ),
        "git": Key(
            "str",
            "URL or path of a repository that the controller can reach. `version` chooses a branch, a tag or a commit.",
            pattern=_PLACE,
            remedy="write a URL or a path",
        ),
        "version": Key(
            "str",
            "Branch, tag or commit of `git`. For `prebuilt`, a label of your choice that changes with the code.",
            default="HEAD",
            pattern=r"[^\s\x00-\x1f\x7f^-][^\s\x00-\x1f\x7f]*",
            remedy="write a branch, a tag or a commit, as one word",
        ),
        "archive": Key(
            "str",
            "Tar or zip archive, a file on the controller or an https URL. If all its files are in one top directory, that directory is"
            " left out.",
            pattern=_PLACE,
            remedy="write a URL or a path",
        ),
        "sha256": Key(
            "str",
            "SHA-256 checksum of `archive`. It is required for a URL.",
            pattern=r"[0-9a-f]{64}",
            remedy="write the 64 hexadecimal digits that sha256sum prints",
        ),
        "package": Key(
            "str",
            "Requirement with a pinned version. The controller fetches it from its package index.",
            pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._ -]+\])?==[A-Za-z0-9.!+_-]+",
            remedy='pin one version, such as "httpbin==0.10.2"',
        ),
        "prebuilt": Key(
            "str",
            "Directory on the host with code that something else put there. It requires `virtualenv`.",
            pattern=ABSOLUTE,
            remedy=path_remedy("/opt/shop"),
        ),
        "virtualenv": Key(
            "str",
            "Virtualenv on the host that `prebuilt` uses. It must contain uWSGI.",
            pattern=ABSOLUTE,
            remedy=path_remedy("/opt/shop-venv"),
        ),
        "subdir": Key(
            "str",
            "Directory inside the source that becomes the root of the release.",
            default="",
            pattern=r"(?!/)(?!.*\.\.)[^\s]*",
            remedy="write a path relative to the source, without ..",
        ),
        "gitignore": Key(
            "bool",
            "Whether `path` leaves out what git ignores by the files `.gitignore`, where the directory is in a checkout of git.",
            default=True,
        ),
        "exclude": Key(
            "list",
            "Patterns of file names that `path` and `archive` leave out.",
            default=DEFAULT_EXCLUDES,
            elements=Key("str", "A shell pattern."),
        ),
    },
)
