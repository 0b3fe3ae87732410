# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A release packs what is for users, and tells them which plugins are theirs."""

from __future__ import annotations

import fnmatch
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
IGNORED = yaml.safe_load((ROOT / "galaxy.yml").read_text())["build_ignore"]
# Everything that ships, by the first part of its path, and of tests/ what ansible-test reads.
SHIPPED = {
    "CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md", "changelogs", "docs", "galaxy.yml", "inventory", "meta", "playbooks", "plugins", "roles",
    "templates", "tests/sanity",
}  # fmt: skip
# Users write these in their plays and templates; all other plugins are private.
FOR_USERS = {
    "modules": {"cache_purge", "check_apps", "config_tree", "flask_command", "flask_confirm", "flask_logs_info", "flask_rollback", "site_maintenance",
        "site_pause", "site_probe", "site_traffic_info", "uwsgi_info"},
    "filter": {"resolve_apps", "to_uwsgi_ini"},
}  # fmt: skip


def is_packed(path: str) -> bool:
    """Return whether a file is packed: neither it nor a directory above it fits a pattern, as ansible-galaxy compares them."""
    parts = path.split("/")
    return not any(fnmatch.fnmatch("/".join(parts[:end]), pattern) for end in range(1, len(parts) + 1) for pattern in IGNORED)


def tracked() -> list[str]:
    """Return every file of the repository, also those that are not committed yet."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()


def test_only_what_is_for_users_ships():
    packed = [path for path in tracked() if is_packed(path)]
    tops = {"/".join(path.split("/")[:2]) if path.startswith("tests/") else path.split("/")[0] for path in packed}
    assert tops == SHIPPED, "list a new file for development in build_ignore of galaxy.yml"


def test_plugins_that_only_roles_use_are_marked_private():
    for kind, names in FOR_USERS.items():
        private = {path.stem for path in (ROOT / "plugins" / kind).glob("*.py") if "flaskops.stack.private" in path.read_text()}
        assert {path.stem for path in (ROOT / "plugins" / kind).glob("*.py")} - private == names


def test_every_ignored_finding_has_its_reason():
    for path in (ROOT / "tests/sanity").glob("ignore-*.txt"):
        lines = path.read_text().splitlines()
        assert lines == sorted(lines)
        assert [line for line in lines if not line.partition(" # ")[2].strip()] == []
