# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The parts of ansible-core's templating that differ between its versions or are private. Support of another version goes here."""

from __future__ import annotations

import itertools
import re
import typing as t

import jinja2
import jinja2.nodes
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

_LINE_END = re.compile(r"\r\n?")


def read_template(loader: DataLoader, path: str) -> str:
    """Return the text of a file, decrypted if need be, as one that may be rendered.

    Lines end with a line feed, as jinja2 has it; ansible-core counts only line feeds when it puts back those at the end of a text.
    """
    return trust_as_template(_LINE_END.sub("\n", loader.get_text_file_contents(path)))


def raised_later(error: BaseException, marker: jinja2.Undefined) -> bool:
    """Return whether an error is what a marker has become: ansible-core goes on with a marker and raises the error at the end."""
    # By identity, as a marker raises when it is compared.
    return getattr(error, "source", None) is marker or getattr(marker, "_marker_captured_exception", None) is error


class CoreTemplar:
    """A templar of ansible-core that compiles each template once, and renders it with the variables of many."""

    def __init__(self, templar: Templar, search_path: t.Sequence[str]) -> None:
        """Prepare a copy of a templar.

        :param search_path: directories in which templates find what they extend, include and import
        """
        self._templar = templar.copy_with_new_env(searchpath=list(search_path))
        self._path = self._text = ""
        self._compiled: dict[t.Hashable, jinja2.Template] = {}
        # ansible-core makes an overlay of its environment for each text, and with it an empty cache.
        environment = self._templar._engine.environment
        self._make_overlay = environment.overlay
        self._environments: dict[t.Hashable, jinja2.Environment] = {(): self._compiling_once(environment)}
        environment.overlay = self._overlay

    def render(self, text: str, path: str, variables: dict[str, t.Any]) -> str:
        """Return the text of a template as if it was the only one.

        :param text: from :func:`read_template`
        :param path: absolute path of the template, for the positions of errors
        """
        self._path, self._text = path, text
        for template in itertools.chain.from_iterable(environment.cache.values() for environment in self._environments.values()):
            # A file imported without context keeps its variables, and macros may change them.
            template._module = None
        self._templar.available_variables = variables
        rendered = self._templar.template(text, escape_backslashes=False, overrides={"trim_blocks": True, "lstrip_blocks": True})
        return "" if rendered is None else str(rendered)

    def _overlay(self, **options: t.Any) -> jinja2.Environment:
        """Return an overlay of the environment, the same one for equal options."""
        key = tuple(sorted(options.items()))
        if key not in self._environments:
            self._environments[key] = self._compiling_once(self._make_overlay(**options))
        return self._environments[key]

    def _compiling_once(self, environment: jinja2.Environment) -> jinja2.Environment:
        """Have an environment keep the compiled template, with its path."""
        from_string = type(environment).from_string

        def compile_once(text: str | jinja2.nodes.Template, *args: t.Any, **named: t.Any) -> jinja2.Template:
            if not isinstance(text, str):
                return from_string(environment, text, *args, **named)
            # Values of variables are templates too, and are read again and again. The file's own text comes without its header for jinja2.
            if not self._text.endswith(text):
                if (environment, "", text) not in self._compiled:
                    self._compiled[environment, "", text] = from_string(environment, text, *args, **named)
                return self._compiled[environment, "", text]
            key = (environment, self._path, text)
            if key not in self._compiled:
                code = environment.compile(text, filename=self._path)
                self._compiled[key] = environment.template_class.from_code(environment, code, environment.make_globals(None))
            return self._compiled[key]

        environment.from_string = compile_once
        return environment
