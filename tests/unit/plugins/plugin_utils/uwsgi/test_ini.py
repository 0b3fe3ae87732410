# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The printer of uWSGI's ini dialect."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi.ini import literal, to_uwsgi_ini


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "[uwsgi]\n"),
        ({"master": True, "lazy": False}, "[uwsgi]\nmaster = true\nlazy = false\n"),
        ({"processes": 4, "ratio": 0.5, "empty": ""}, "[uwsgi]\nprocesses = 4\nratio = 0.5\nempty = \n"),
        ({"route": ["^/a x", "^/b y"]}, "[uwsgi]\nroute = ^/a x\nroute = ^/b y\n"),
        ({"route": ()}, "[uwsgi]\n"),
        ({"z": 1, "a": 2}, "[uwsgi]\nz = 1\na = 2\n"),
        ({"gone": None, "kept": 0}, "[uwsgi]\nkept = 0\n"),
        ({"flags": [True, 1]}, "[uwsgi]\nflags = true\nflags = 1\n"),
        ([{"option": "a", "value": 1, "reason": "Why."}, {"option": "b", "value": 2}], "[uwsgi]\n# Why.\na = 1\nb = 2\n"),
        ([{"option": "a", "value": None, "reason": "Why."}], "[uwsgi]\n"),
        ([{"option": "a", "value": [1, 2], "reason": "Why."}], "[uwsgi]\n# Why.\na = 1\na = 2\n"),
        ([{"option": "a", "value": 1}, {"option": "a", "value": 2}], "[uwsgi]\na = 1\na = 2\n"),
    ],
)
def test_what_is_printed(settings, text):
    assert to_uwsgi_ini(settings) == text


@pytest.mark.parametrize(("section", "begins"), [("emperor", "[emperor]\na = 1\n"), (None, "a = 1\n"), ("", "a = 1\n")])
def test_the_section_can_be_another_or_none(section, begins):
    assert to_uwsgi_ini({"a": 1}, section) == begins


@pytest.mark.parametrize("value", ["a\nb", "a\n", "100%", "a%%%", "%", ["fine", "100%"]])
def test_what_uwsgi_would_read_otherwise_is_refused(value):
    with pytest.raises(ValueError, match=r"uWSGI option 'procname' cannot have the value .*: no line breaks, and %% for a %"):
        to_uwsgi_ini({"procname": value})


@pytest.mark.parametrize("value", ["100%%", "%n", "%%%%", "a%d.b", "%%n"])
def test_magic_variables_are_the_users_to_write(value):
    assert f"= {value}\n" in to_uwsgi_ini({"procname": value})


@pytest.mark.parametrize(("text", "written"), [("100%", "100%%"), ("%n", "%%n"), ("%%", "%%%%"), ("plain", "plain")])
def test_a_literal_is_no_magic_variable(text, written):
    assert literal(text) == written
    assert to_uwsgi_ini({"a": literal(text)}) == f"[uwsgi]\na = {written}\n"
