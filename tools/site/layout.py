#!/usr/bin/env python3
"""Lay out the sources of the documentation site: the guides, a page about the playbooks, and the reference that antsibull-docs makes of the plugins.

layout.py RST TARGET: RST has what `antsibull-docs collection --squash-hierarchy` wrote. build.sh beside it makes pages of all this with Sphinx.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
REPOSITORY = "https://github.com/flaskops/flaskops.stack"
# The guides in the order of the menu, by its headings.
GUIDES = {
    "Begin": ("README.md", "docs/controllers.md", "docs/moving-in.md", "docs/architecture.md", "inventory/README.md"),
    "Applications": ("docs/applications.md", "docs/uwsgi.md", "docs/nginx.md", "docs/tls.md", "templates/README.md"),
    "Operate": (
        "docs/operations.md",
        "docs/monitoring.md",
        "docs/firewall.md",
        "docs/troubleshooting.md",
        "docs/messages.md",
        "docs/faults.md",
        "SECURITY.md",
    ),
    "Roles": (
        "roles/flask_app/README.md",
        "roles/uwsgi_service/README.md",
        "roles/nginx_site/README.md",
        "roles/flask_metrics/README.md",
        "roles/flask_firewall/README.md",
    ),
    "Background": ("docs/seed.md", "docs/requests.md", "docs/caches.md", "docs/benchmarks.md", "CHANGELOG.md"),
}
# Labels of Ansible's own documentation, which Sphinx could look up only with a network.
ANSIBLE = "https://docs.ansible.com/ansible/latest"
LABELS = {
    "common_return_values": f"{ANSIBLE}/reference_appendices/common_return_values.html",
    "action_plugins": f"{ANSIBLE}/plugins/action.html",
    "ansible_configuration_settings": f"{ANSIBLE}/reference_appendices/config.html",
}
# Pages of antsibull-docs that say nothing about this collection.
LEFT_OUT = {"environment_variables"}
LINK = re.compile(r"(?<=\]\()(?!https?:|#|mailto:)([^)#\s]+)")


def guides(root: Path = ROOT) -> dict[str, tuple[str, ...]]:
    """Return the guides by heading; one that nobody has put into the menu comes under Background."""
    listed = {page for pages in GUIDES.values() for page in pages}
    more = sorted(str(path.relative_to(root)) for path in (root / "docs").glob("*.md") if str(path.relative_to(root)) not in listed)
    return {**GUIDES, "Background": (*GUIDES["Background"], *more)}


def with_links(text: str, page: str, pages: set[str]) -> str:
    """Return a guide whose links lead to other guides or pictures of the site, and for all other files to the repository."""

    def target(found: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), found.group(1)))
        if path in pages or path.endswith(".svg"):
            return found.group(1)
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"{REPOSITORY}/{kind}/main/{path}"

    return LINK.sub(target, text)


def playbooks() -> str:
    """Return a page with every playbook: what its first comment says, and its text."""
    parts = ["# Playbooks", "Each playbook is called by its full name, as in `ansible-playbook -i hosts.yml flaskops.stack.site`."]
    for path in sorted((ROOT / "playbooks").glob("*.yml")):
        text = path.read_text()
        lines = text.removeprefix("---\n").splitlines()
        comment = [line.removeprefix("#").strip() for line in lines[: next(i for i, line in enumerate(lines) if not line.startswith("#"))]]
        play = re.search(r"^- name: (.*)$", text, re.MULTILINE)
        parts += [f"## flaskops.stack.{path.stem}", " ".join(comment) or f"{play.group(1) if play else path.stem}."]
        parts += [f"```yaml\n{text.strip()}\n```"]
    return "\n\n".join(parts) + "\n"


def private_plugins() -> set[str]:
    """Return the pages of plugins that only roles use."""
    kinds = {"modules": "module", "filter": "filter"}
    return {
        f"{path.stem}_{kind}"
        for folder, kind in kinds.items()
        for path in (ROOT / "plugins" / folder).glob("*.py")
        if "flaskops.stack.private" in path.read_text()
    }


def reference(text: str, private: set[str]) -> str:
    """Return a page of antsibull-docs without private plugins, and with plain links to Ansible's own documentation."""
    listed = tuple(f"* :ansplugin:`{page.rpartition('_')[0]} {page.rpartition('_')[2]} <" for page in private)
    found = "\n".join(line for line in text.splitlines() if line.strip() not in private and not line.startswith(listed)) + "\n"
    for label, url in LABELS.items():
        found = re.sub(rf":ref:`([^`<]+?)\s*<{label}>`", rf"`\1 <{url}>`__", found)
    return found


def menu() -> Iterator[str]:
    """Yield the parts of the menu."""
    for heading, pages in guides().items():
        entries = "\n".join(page.removesuffix(".md") for page in pages)
        yield f"```{{toctree}}\n:caption: {heading}\n:maxdepth: 1\n:hidden:\n\n{entries}\n```"
    yield "```{toctree}\n:caption: Reference\n:maxdepth: 1\n:hidden:\n\nplaybooks\nPlugins and roles <reference/index>\n```"


def lay_out(rst: Path, target: Path) -> None:
    """Write all sources of the site below a directory, which is emptied first."""
    shutil.rmtree(target, ignore_errors=True)
    pages = {page for some in guides().values() for page in some}
    for page in pages:
        (target / page).parent.mkdir(parents=True, exist_ok=True)
        (target / page).write_text(with_links((ROOT / page).read_text(), page, pages))
    for picture in (ROOT / "docs").rglob("*.svg"):
        place = target / picture.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture, place)
    (target / "playbooks.md").write_text(playbooks())
    (target / "index.md").write_text("\n\n".join([(HERE / "index.md").read_text(), *menu()]) + "\n")
    private = private_plugins()
    (target / "reference").mkdir()
    for path in rst.glob("*.rst"):
        if path.stem not in private | LEFT_OUT:
            (target / "reference" / path.name).write_text(reference(path.read_text(), private))
    shutil.copyfile(HERE / "conf.py", target / "conf.py")


if __name__ == "__main__":
    lay_out(Path(sys.argv[1]), Path(sys.argv[2]))
