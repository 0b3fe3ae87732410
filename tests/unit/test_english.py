# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Texts that people read contain no sentence that begins like a riddle; CONTRIBUTING.md has the rule."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import typing as t
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PLACES = (
    ".ci",
    ".config/molecule",
    "CONTRIBUTING.md",
    "Makefile",
    "README.md",
    "changelogs",
    "docs",
    "inventory",
    "molecule",
    "playbooks",
    "plugins",
    "roles",
    "templates",
    "tests",
    "tools",
)
# Beginnings of sentences whose noun is missing, or stands in the sentence before.
RIDDLES = tuple(
    re.compile(beginning)
    for beginning in (
        r"Of (?!course\b)",
        r"What (?!.*\?)",
        r"Who(m|se)?\b(?!.*\?)",
        r"Where (?!.*\?)(a|an|it|one|that|the|there|they|this|to)\b",
        r"(And|Nor|Or|Else)\b",
        r"(One|Those|That|Such) (that|of|with|who|where)\b",
        r"(One|Those|Such) (is|are)\b",
        r"Not (all|for|of|that|to)\b",
        r"Also where\b",
        r"(Its|Theirs|Ours|Yours) (is|are)\b",
        r"(So are|So is|Neither is|Neither are)\b",
    )
)
Text = tuple[int, str]


def sentences(text: str) -> t.Iterator[str]:
    """Yield the sentences of a text, without quotation."""
    text = re.sub(r"``?[^`]*``?", "`code`", " ".join(text.split()))
    yield from (sentence.strip() for sentence in re.split(r"(?<=[.!?]) +(?=[A-Z(`])", text) if sentence.strip())


def riddles(text: str) -> list[str]:
    """Return the sentences of a text that begin like a riddle."""
    return [sentence for sentence in sentences(text) if any(riddle.match(sentence.lstrip("(*-_ ")) for riddle in RIDDLES)]


def blocks(lines: t.Iterable[tuple[int, str]]) -> t.Iterator[Text]:
    """Yield consecutive numbered lines as one text; an empty line ends a text."""
    found: list[str] = []
    first = last = 0
    for number, line in lines:
        if found and (number != last + 1 or not line):
            yield first, " ".join(found)
            found = []
        if line:
            first = number if not found else first
            found.append(line)
        last = number
    if found:
        yield first, " ".join(found)


def markdown(text: str) -> t.Iterator[Text]:
    """Yield paragraphs, items of lists and cells of tables; headings and code are left out."""
    prose: list[tuple[int, str]] = []
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if bare.startswith("```"):
            fenced = not fenced
        if fenced or re.match(r"```|#|<!--|!\[", bare) or line.startswith("    "):
            prose.append((number, ""))
        elif bare.startswith("|"):
            yield from ((number, cell.strip()) for cell in re.split(r"(?<!\\)\|", bare) if cell.strip())
        elif re.match(r"([-*]|[0-9]+\.) ", bare):
            yield from blocks(prose)
            prose = [(number, bare.split(" ", 1)[1])]
        else:
            prose.append((number, bare))
    yield from blocks(prose)


def hashes(text: str) -> t.Iterator[Text]:
    """Yield comments that begin with a hash sign."""
    found = ((number, re.search(r"(?:^|\s)#+ (.*)$", line)) for number, line in enumerate(text.splitlines(), 1))
    yield from blocks((number, match.group(1).strip()) for number, match in found if match)


def jinja(text: str) -> t.Iterator[Text]:
    """Yield comments of a template, also those that reach the host."""
    for match in re.finditer(r"\{#-?(.*?)-?#\}", text, re.DOTALL):
        yield text.count("\n", 0, match.start()) + 1, match.group(1)
    yield from hashes(re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL))


def names(node: t.Any) -> t.Iterator[str]:
    """Yield every name, description and short description in YAML."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("name", "description", "short_description"):
                yield from (item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str))
            yield from names(value)
    elif isinstance(node, list):
        for item in node:
            yield from names(item)


def python(text: str) -> t.Iterator[Text]:
    """Yield comments, documentation strings, and the texts of Ansible's documentation."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    yield from blocks((token.start[0], token.string.lstrip("# ")) for token in tokens if token.type == tokenize.COMMENT)
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            for paragraph in re.split(r"\n\s*\n|:\w+[^:\n]*:", ast.get_docstring(node) or ""):
                yield getattr(node, "lineno", 1), paragraph
    for node in tree.body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Constant)
            and ast.unparse(node.targets[0]) in ("DOCUMENTATION", "RETURN", "EXAMPLES")
        ):
            yield from ((node.lineno, name) for name in names(yaml.safe_load(str(node.value.value))))


def changes(document: t.Any) -> t.Iterator[str]:
    """Yield the texts of a fragment of the changelog: a summary, and lists by section."""
    for texts in document.values() if isinstance(document, dict) else ():
        yield from (item for item in (texts if isinstance(texts, list) else [texts]) if isinstance(item, str))


def yaml_file(text: str) -> t.Iterator[Text]:
    """Yield comments, the names of plays and tasks, and the texts of a fragment of the changelog."""
    yield from hashes(text)
    for document in yaml.safe_load_all(text):
        yield from ((1, found) for found in (*names(document), *changes(document)))


READERS: dict[str, t.Callable[[str], t.Iterator[Text]]] = {
    ".md": markdown,
    ".py": python,
    ".yml": yaml_file,
    ".j2": jinja,
    ".sh": hashes,
    "": hashes,
}


def files() -> list[Path]:
    found = [path for place in PLACES for path in ([ROOT / place] if (ROOT / place).is_file() else (ROOT / place).rglob("*"))]
    return sorted(path for path in found if path.is_file() and path.suffix in READERS and "__pycache__" not in path.parts)


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_sentence_begins_like_a_riddle(path: Path) -> None:
    texts = READERS[path.suffix](path.read_text())
    found = [f"{path.relative_to(ROOT)}:{line}: {sentence}" for line, text in texts for sentence in riddles(text)]
    assert not found, "write whole sentences with the noun in them (CONTRIBUTING.md, Plain English):\n" + "\n".join(found)


@pytest.mark.parametrize("place", PLACES)
def test_every_place_exists(place: str) -> None:
    assert (ROOT / place).exists()


RIDDLE = "Of one that has ended before its time."


@pytest.mark.parametrize(
    "text",
    [
        RIDDLE,
        "What says that it is complete may not outlive a power cut that takes what it is said of.",
        "Who says where requests go has somebody else answer them.",
        "Where that is a single one, what follows counts.",
        "Two workers start. And nowhere else.",
        "Nor is writing to it.",
        "One that still drains is taken back.",
        "The next run waits for them. Not for what a hook starts, which may stay.",
        "Also where it ends of its own accord: a reload is an end here.",
    ],
)
def test_a_riddle_is_found(text: str) -> None:
    assert len(riddles(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "The instance has already stopped; cancel its drain timer.",
        "Of course a reload is not needed.",
        "What does a switch cost? It costs one rename.",
        "Where possible, the tests use the shipped playbooks.",
        '"Of one that has ended before its time." is a quotation.',
    ],
)
def test_a_plain_sentence_is_accepted(text: str) -> None:
    assert not riddles(text)


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".md", f"# Title\n\nA text.\n{RIDDLE}\n"),
        (".md", f"- An item.\n- {RIDDLE}\n"),
        (".md", f"| a | b |\n|---|---|\n| c | {RIDDLE} |\n"),
        (".py", f"x = 1\n# {RIDDLE}\n"),
        (".py", f'def f():\n    """A text.\n\n    :param x: {RIDDLE}\n    """\n'),
        (".py", f'DOCUMENTATION = """\noptions:\n  x: {{description: ["{RIDDLE}"]}}\n"""\n'),
        (".yml", f"- name: {RIDDLE}\n"),
        (".yml", f"x: 1 # {RIDDLE}\n"),
        (".j2", f"{{#- {RIDDLE} -#}}\n"),
        (".j2", f"# {RIDDLE}\n"),
        ("", f"all: # {RIDDLE}\n"),
    ],
)
def test_every_kind_of_file_is_read(suffix: str, text: str) -> None:
    assert [found for _line, read in READERS[suffix](text) for found in riddles(read)] == [RIDDLE]


def test_headings_and_code_are_not_prose() -> None:
    assert not list(markdown("# What happens\n\n    Of code\n\n```\nOf code\n```\n"))
