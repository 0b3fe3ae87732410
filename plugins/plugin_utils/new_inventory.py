# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The first inventory of a project, made from five answers of a person."""

from __future__ import annotations

import ipaddress
import os
import re
import typing as t

import yaml

_HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*", re.IGNORECASE)
# As useradd takes them; see useradd(8).
_LOGIN = re.compile(r"[a-z_][a-z0-9_.-]{0,31}", re.IGNORECASE)
_REPOSITORY = re.compile(r"(https?|ssh|git|file)://|[\w.-]+@[\w.-]+:|.*\.git/?$")
# The last key of the text is nginx.server_names, so this line continues the mapping nginx.
_TLS = "        # tls: {acme: true} # a certificate of Let's Encrypt, which the server renews by itself\n"
# A relative path that climbs higher leads to nothing that moves together with the inventory.
_MOST_STEPS_UP = 3
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[^]]*\])?==\S+")


class NewInventoryError(Exception):
    """Answers that no inventory can be made from; the message has a line for each problem."""


class Answers(t.NamedTuple):
    """The answers of a person, as texts.

    :param app: the name of the application
    :param source: a directory, the URL of a git repository, or a package with its version
    :param wsgi: the entry point
    :param server: the name or the address of the server
    :param domains: the names of the site, separated by blanks or commas; empty for the server's own address
    :param login: the account that Ansible logs in as
    """

    app: str
    source: str
    wsgi: str
    server: str
    domains: str
    login: str


def require_usable(answers: Answers) -> None:
    """Check what no description has, and that nothing is left out.

    :raises NewInventoryError: with a line for each problem
    """
    examples = {"app": "shop", "source": "../shop", "wsgi": "shop.wsgi:app", "server": "192.0.2.10", "login": "deploy"}
    problems = [
        f"{name} is empty; write -e {name}={example}, or answer the question"
        for name, example in examples.items()
        if not getattr(answers, name).strip()
    ]
    if answers.server and not (_HOST_NAME.fullmatch(answers.server) or _is_address(answers.server)):
        problems.append(f"server is {answers.server!r}, but must be the name or the address of one server; write one such as 192.0.2.10")
    if answers.login and not _LOGIN.fullmatch(answers.login):
        problems.append(f"login is {answers.login!r}, but must be the name of an account on the server; write one such as deploy")
    if problems:
        raise NewInventoryError("\n".join(problems))


def description(answers: Answers, directory: str) -> dict[str, t.Any]:
    """Return the description of the application, whose relative paths begin at a directory."""
    names = answers.domains.replace(",", " ").split() or [answers.server]
    return {
        "name": answers.app,
        "source": _source(answers.source, directory),
        "wsgi": answers.wsgi,
        "nginx": {"server_names": [f"[{name}]" if ":" in name and name == answers.server else name for name in names]},
    }


def inventory_text(answers: Answers, app: t.Mapping[str, t.Any]) -> str:
    """Return the inventory as YAML, with a word about what comes next."""
    # Without the interpreter Ansible looks for one and warns of what it has found.
    server = {"ansible_host": answers.server, "ansible_user": answers.login, "ansible_python_interpreter": "/usr/bin/python3"}
    text = yaml.safe_dump(
        {"flask_servers": {"hosts": {"server": server}, "vars": {"flask_apps": [dict(app)]}}},
        sort_keys=False,
        allow_unicode=True,
        width=1000,
    )
    return (
        "---\n"
        "# Written by flaskops.stack.new. docs/applications.md of the collection describes every key of an application.\n"
        f"{text}"
        f"{_TLS if answers.domains else ''}"
    )


def _source(answer: str, directory: str) -> dict[str, str]:
    if _PACKAGE.fullmatch(answer):
        return {"package": answer}
    if _REPOSITORY.match(answer) and not os.path.isdir(os.path.expanduser(answer)):
        return {"git": answer}
    path = os.path.abspath(os.path.expanduser(answer))
    relative = os.path.relpath(path, directory)
    return {"path": path if relative.split("/").count("..") > _MOST_STEPS_UP else relative}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
