# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text of YAML in which nothing that a host has written is taken for a template of Ansible."""

from __future__ import annotations

import re
import typing as t

import yaml

_TEMPLATE = re.compile(r"\{\{|\{%|\{#")


class Template(str):
    """A text of ours that is a template."""


class _InventoryDumper(yaml.SafeDumper):
    """Writes a text of the host that looks like a template with the tag ``!unsafe``, so that Ansible never evaluates it."""

    def ignore_aliases(self, data: t.Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("!unsafe" if _TEMPLATE.search(value) else "tag:yaml.org,2002:str", value)


_InventoryDumper.add_representer(str, _text)
_InventoryDumper.add_representer(Template, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:str", str(value)))


def to_yaml(value: t.Any) -> str:
    """Return a value as YAML; texts that are to be templates are a :class:`Template`."""
    return yaml.dump(value, Dumper=_InventoryDumper, sort_keys=False, allow_unicode=True, width=120)
