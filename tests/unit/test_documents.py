# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documents of plugins and roles: YAML that is read as it was meant.

A comma or a colon in a text without quotes makes a key of its own of what follows, and a number sign cuts the rest off. YAML has nothing to say
against it, and people read half a sentence, or that the document is malformed.
"""

from __future__ import annotations

import ast
import typing as t
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PLUGINS = [
    path for kind in ("modules", "filter", "lookup", "callback") for path in sorted((ROOT / "plugins" / kind).glob("*.py"))
]  # an action has its module's document
ROLES = sorted(ROOT.glob("roles/*/meta/argument_specs.yml"))

HEAD = {
    "short_description", "description", "version_added", "author", "options", "extends_documentation_fragment", "attributes", "notes", "seealso",
    "requirements",
}  # fmt: skip
KEYS = {
    "module": {"module", *HEAD},
    "filter": {"name", "positional", *HEAD},
    "fragment": {"options", "notes"},
    "role": {"short_description", "description", "author", "options", "version_added"},
    "option": {"description", "type", "elements", "required", "default", "choices", "aliases", "options", "suboptions", "no_log", "version_added"},
    "return": {"description", "type", "elements", "returned", "sample", "contains", "choices", "version_added"},
    "attribute": {"description", "support", "details", "platforms", "version_added"},
}  # fmt: skip
# What holds further things of the same kind, by name.
NESTED = {"options": "option", "suboptions": "option", "contains": "return", "attributes": "attribute"}
# Values that are an author's own, whatever keys they have.
FREE = {"default", "sample", "choices"}


def texts(path: Path) -> dict[str, str]:
    """Return the document strings of a plugin by name."""
    found = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Constant):
            found[node.targets[0].id] = node.value.value
    return {name: text for name, text in found.items() if name in ("DOCUMENTATION", "EXAMPLES", "RETURN")}


# The options of each documentation fragment, by its name.
FRAGMENTS = {
    path.stem: yaml.safe_load(ast.literal_eval(node.value))
    for path in sorted((ROOT / "plugins/doc_fragments").glob("*.py"))
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.Assign)
}


def faults(where: str, kind: str, document: t.Any) -> list[str]:
    """Return what is wrong with a document, an option or a return value, with what is below it."""
    if not isinstance(document, dict):
        return [f"{where} is {document!r}, no mapping"]
    found = [f"{where} has the key '{key}'" for key in document if key not in KEYS[kind]]
    found += [f"{where}.{key} is empty" for key, value in document.items() if value is None]
    for key in ("description", "short_description"):
        if key in document or (key == "description" and key in KEYS[kind]):
            found += unfinished(f"{where}.{key}", document.get(key))
    for key, below in NESTED.items():
        for name, inner in (document.get(key) or {}).items():
            if " " in str(name):
                found.append(f"{where}.{key} has the name '{name}'")
            found += faults(f"{where}.{name}", below, inner)
    return found


def unfinished(where: str, value: t.Any) -> list[str]:
    """Return the paragraphs that are no text, or end in the middle of a sentence; a short description is no sentence."""
    paragraphs = value if isinstance(value, list) else [value]
    wrong = [text for text in paragraphs if not isinstance(text, str) or not text.strip()]
    if not where.endswith("short_description"):
        wrong += [text for text in paragraphs if isinstance(text, str) and not text.rstrip().endswith((".", ":"))]
    return [f"{where} has {text!r}" for text in wrong]


def blanks(where: str, value: t.Any) -> list[str]:
    """Return keys with blanks and values that are nothing, anywhere in a value."""
    if isinstance(value, list):
        return [fault for item in value for fault in blanks(where, item)]
    if not isinstance(value, dict):
        return [f"{where} has an empty value"] if value is None else []
    return [
        *(f"{where} has the key '{key}'" for key in value if " " in str(key)),
        *(fault for key, inner in value.items() for fault in blanks(f"{where}.{key}", inner)),
    ]


def options(main: dict[str, t.Any]) -> set[str]:
    """Return the names of a module's options, with those of its documentation fragments."""
    return {*main.get("options", {}), *(option for name in fragments(main) for option in FRAGMENTS[name].get("options", {}))}


def fragments(main: dict[str, t.Any]) -> list[str]:
    """Return the documentation fragments of a plugin."""
    named = main.get("extends_documentation_fragment", [])
    return [name.removeprefix("flaskops.stack.") for name in ([named] if isinstance(named, str) else named)]


def plugin_faults(documents: dict[str, str], kind: str) -> list[str]:
    """Return what is wrong with the documents of a plugin."""
    main = yaml.safe_load(documents["DOCUMENTATION"])
    found = faults("DOCUMENTATION", kind, main)
    for name, value in (yaml.safe_load(documents["RETURN"]) or {}).items():
        found += faults(f"RETURN.{name}", "return", value)
    for task in yaml.safe_load(documents["EXAMPLES"]):
        found += blanks("EXAMPLES", task)
        for name, arguments in task.items():
            if name == f"flaskops.stack.{main.get('module')}":
                found += [f"EXAMPLES has the option '{option}'" for option in arguments if option not in options(main)]
    return found


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_plugins_documents_are_read_as_meant(path):
    documents = texts(path)
    assert sorted(documents) == ["DOCUMENTATION", "EXAMPLES", "RETURN"]
    kind = "module" if path.parent.name == "modules" else "filter"
    assert plugin_faults(documents, kind) == []
    assert yaml.safe_load(documents["DOCUMENTATION"])["module" if kind == "module" else "name"] == path.stem


@pytest.mark.parametrize("name", FRAGMENTS)
def test_a_documentation_fragment_is_read_as_meant(name):
    assert faults(name, "fragment", FRAGMENTS[name]) == []


@pytest.mark.parametrize("path", ROLES, ids=lambda path: path.parents[1].name)
def test_a_roles_specification_is_read_as_meant(path):
    points = yaml.safe_load(path.read_text())["argument_specs"]
    assert [fault for name, point in points.items() for fault in faults(name, "role", point)] == []


GOOD = {
    "DOCUMENTATION": """
module: m
short_description: Something
description:
  - A sentence.
author: somebody
options:
  option: {description: An option., type: str}
""",
    "RETURN": """
value: {description: A value., type: str, returned: success}
""",
    "EXAMPLES": """
- name: Do it
  flaskops.stack.m: {option: text}
""",
}


@pytest.mark.parametrize(
    ("name", "before", "after", "fault"),
    [
        ("DOCUMENTATION", "An option.", "An option, or none.", "option has the key 'or none.'"),
        ("DOCUMENTATION", "An option.", "An option, sorted", "option has the key 'sorted'"),
        ("DOCUMENTATION", "An option.", "", "option.description is empty"),
        ("DOCUMENTATION", "type: str", "type: ", "option.type is empty"),
        ("DOCUMENTATION", "option: {", "an option: {", "has the name 'an option'"),
        ("DOCUMENTATION", "A sentence.", "A cause: an effect.", "has {'A cause': 'an effect.'}"),
        ("DOCUMENTATION", "A sentence.", "A sentence of the year #1.", "has 'A sentence of the year'"),
        ("DOCUMENTATION", "  - A sentence.", "", "description is empty"),
        ("DOCUMENTATION", "author", "auhtor", "has the key 'auhtor'"),
        ("RETURN", "A value.", "A value, by name.", "value has the key 'by name.'"),
        ("EXAMPLES", "option: text", "optoin: text", "has the option 'optoin'"),
        ("EXAMPLES", "option: text", "option: text, or none", "has the key 'or none'"),
        ("EXAMPLES", "option: text", "option: ", "has an empty value"),
    ],
)
def test_a_fault_is_found(name, before, after, fault):
    assert plugin_faults(GOOD, "module") == []
    found = plugin_faults({**GOOD, name: GOOD[name].replace(before, after, 1)}, "module")
    assert any(fault in line for line in found), found
