# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""dump: what nginx -T prints, read as nginx reads it."""

from __future__ import annotations

import random
import re

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.nginx import dump
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.dump import distinct, read
from ansible_collections.flaskops.stack.tests.unit.hostile import in_time
from ansible_collections.flaskops.stack.tests.unit.render import describe, nginx_files


def dumped(**files: str) -> str:
    """Return a dump of files below /etc/nginx; a double underscore in a name is a slash."""
    return "nginx: the configuration file syntax is ok\n" + "".join(
        f"# configuration file /etc/nginx/{name.replace('__', '/')}.conf:\n{text}\n" for name, text in files.items()
    )


def test_a_directive_has_its_words_file_and_line():
    (http,) = read(dumped(nginx='http {\n  # a comment; with { marks }\n  log_format x\n    \'a "b"\' "c;d" e\\ f;\n}\n'))
    assert http.name == "http"
    (log_format,) = http.block
    assert log_format.args == ("x", 'a "b"', "c;d", "e\\ f")
    assert log_format.place == "/etc/nginx/nginx.conf:3"


def test_braces_of_variables_and_of_patterns_are_no_blocks():
    (server,) = read(dumped(nginx='server { rewrite ^/${name}x$ /a; location ~ "^/a{2}$" { return 200; } listen 80; }'))
    assert [inner.name for inner in server.block] == ["rewrite", "location", "listen"]


def test_an_included_file_stands_in_place_of_the_include():
    (http,) = read(dumped(nginx="http { include sub/*.conf; server { include /etc/nginx/inner.conf; } }", sub__a="no;", inner="listen 80;"))
    assert [inner.place for inner in http.block] == ["/etc/nginx/sub/a.conf:1", "/etc/nginx/nginx.conf:1"]
    assert [inner.place for inner in http.block[1].block] == ["/etc/nginx/inner.conf:1"]


def test_files_are_included_in_the_order_of_their_names_and_not_from_below():
    text = "# configuration file /etc/nginx/nginx.conf:\ninclude conf.d/*;\n"
    text += "".join(
        f"# configuration file /etc/nginx/conf.d/{name}:\n{word};\n" for name, word in {"z": "last", "a": "first", "b/c": "below"}.items()
    )
    assert [directive.name for directive in read(text)] == ["first", "last"]


def test_files_that_include_each_other_come_to_an_end():
    assert len(read(dumped(nginx="include nginx.conf; listen 80;"))) < 100


def test_programs_inside_of_blocks_are_passed_over():
    (server,) = read(dumped(nginx="server {\n  content_by_lua_block {\n    if x then y = {1} end\n  }\n  listen 80;\n}"))
    assert [(inner.name, inner.line) for inner in server.block] == [("content_by_lua_block", 2), ("listen", 5)]


def test_what_is_no_dump_has_no_directives():
    assert read("") == []
    assert read("nginx: [emerg] no") == []


_WORDS = [
    "a",
    "listen",
    "$x",
    "${x}y",
    "a#b",
    'a"b',
    "it's",
    '"x; y"',
    "'z{ }'",
    '""',
    "a\\ b",
    '"q\\"r"',
    "a}",
    "^/a$",
    "~(?<n>.)",
    '"# no"',
]
_BLANKS = [" ", "\n", "\t", "  ", " # comment; {\n", "\n#\n\n"]


def _block(chosen: random.Random, depth: int) -> str:
    text = ""
    for _ in range(chosen.randrange(5)):
        words = [word + chosen.choice(_BLANKS) for word in chosen.choices(_WORDS, k=chosen.randint(1, 4))]
        end = f"{{{_block(chosen, depth - 1)}}}" if depth and chosen.random() < 0.3 else ";"
        text += chosen.choice(_BLANKS) + "".join(words) + end
    return text + chosen.choice(_BLANKS)


@pytest.mark.parametrize("seed", range(100))
def test_directives_that_are_read_at_once_are_what_their_words_are(seed, monkeypatch):
    text = dumped(nginx=_block(random.Random(seed), 3))
    at_once = read(text)
    monkeypatch.setattr(dump, "_PLAIN", re.compile("(?!)"))
    assert at_once == read(text)


def test_the_files_of_the_role_are_read_at_once(monkeypatch):
    slow = []
    statement = dump._Reader._statement
    monkeypatch.setattr(dump._Reader, "_statement", lambda self: slow.append(self.at) or statement(self))
    files = {path: text for path, text in nginx_files([describe()]).items() if not text.startswith("->")}
    read_ = [directive for path, text in files.items() for directive in dump._Reader(dump.DumpedFile(path, text)).block()]
    # The others have a backslash, or are the end of a file.
    assert len(slow) - len(files) < len(distinct(read_)) / 10


def test_a_file_that_is_included_often_is_looked_at_once():
    top = read(dumped(nginx="http { server { include x.conf; } server { include x.conf; } }", x="listen 80;"))
    assert [directive.name for directive in distinct(top)] == ["http", "server", "listen", "server"]


def test_the_line_is_where_the_first_word_stands():
    (one, two) = read(dumped(nginx="# a\n\n  one\n  b; # c\n\ttwo \\\\;"))
    assert [one.place, two.place] == ["/etc/nginx/nginx.conf:3", "/etc/nginx/nginx.conf:5"]


@pytest.mark.parametrize(
    "text", ["\n" * 200_000, "a" + " " * 200_000 + "\\", "#\n" * 100_000, "a " * 100_000, "'" * 100_001, "#" * 200_000]
)
def test_a_file_of_any_shape_is_read_in_time_that_grows_with_its_length(text):
    in_time(lambda: read(dumped(nginx=f"listen 80;\n{text}")), 5)
