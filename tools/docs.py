#!/usr/bin/env python3
"""Write the tables of the documentation from the code that they describe: the keys of a description, settings.py, the argument_specs,
and the projects of the unit tests.

A table is between `<!-- begin generated: NAME -->` and `<!-- end generated -->`. This program never changes the rest of a file.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
ROLES = ("flask_app", "uwsgi_service", "nginx_site", "flask_metrics", "flask_firewall")

# The imports below find the collection by this path, so they cannot stand at the top.
sys.path.insert(0, str(ROOT))
from plugins.module_utils.host.exposition import Metric  # noqa: E402
from plugins.module_utils.host.known_causes import CAUSES, Cause  # noqa: E402
from plugins.module_utils.instance import metrics  # noqa: E402
from plugins.plugin_utils.action.host import stop_timeout  # noqa: E402
from plugins.plugin_utils.description.resolve import resolve_apps  # noqa: E402
from plugins.plugin_utils.keys.app import APP  # noqa: E402
from plugins.plugin_utils.keys.key import Key  # noqa: E402
from plugins.plugin_utils.release.plan import plan_release  # noqa: E402
from plugins.plugin_utils.source.tree import DirTree  # noqa: E402
from plugins.plugin_utils.uwsgi import packages  # noqa: E402
from plugins.plugin_utils.uwsgi.settings import SINCE, instance_settings, stream_settings  # noqa: E402
from tests.layouts import DECLARATIONS, LAYOUTS, Declaration, Layout, description_of, files_of  # noqa: E402
from tools import tested  # noqa: E402

TYPES = {"str": "string", "int": "integer", "bool": "boolean", "map": "mapping", "dict": "mapping", "path": "path"}
REFERENCE = "docs/applications.md"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    cells = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells)


def inline(value: object) -> str:
    """Return a value as one writes it in YAML, in code style."""
    if isinstance(value, str):
        return f"`{value}`" if value else '`""`'
    text = yaml.safe_dump(simple(value), default_flow_style=True, width=10_000)
    return f"`{text.strip().removesuffix('...').strip()}`"


def simple(value: object) -> object:
    """Return a default in YAML's own types; statuses without the quotes that nobody writes."""
    if isinstance(value, (list, tuple)):
        return [simple(item) for item in value]
    if isinstance(value, Mapping):
        return {int(name) if name.isdigit() else name: simple(item) for name, item in value.items()}
    return value


# The description of an application


def type_of(key: Key) -> str:
    """Return the type in words."""
    return f"list of {TYPES[key.elements.type]}s" if key.elements is not None else TYPES[key.type]


def default_of(key: Key) -> str:
    """Return the default, or how it comes about."""
    if key.required:
        return "**required**"
    if key.derived:
        return key.derived
    return inline(key.default) if key.default is not None and key.keys is None else ""


def limits_of(key: Key) -> str:
    """Return what a value must be, as a sentence; empty if anything goes."""
    parts: list[str] = []
    if key.choices:
        parts.append("Allowed values: " + ", ".join(f"`{choice}`" for choice in key.choices) + ".")
    if key.minimum is not None:
        parts.append(f"From {key.minimum} to {key.maximum}." if key.maximum is not None else f"At least {key.minimum}.")
    if key.remedy:
        parts.append(key.remedy[0].upper() + key.remedy[1:].removesuffix(".") + ".")
    return " ".join(parts + ([limits_of(key.elements)] if key.elements is not None and key.elements.keys is None else [])).strip()


def short_rows() -> Iterator[tuple[str, ...]]:
    """Yield the keys of the top level, each mapping with what is in it."""
    for name, key in (APP.keys or {}).items():
        inner = [f"`{sub}`" for sub in key.keys or {} if f"`{sub}`" not in key.doc]
        link = f"[`{name}`]({REFERENCE}#{name})" if key.keys else f"`{name}`"
        yield link, default_of(key), key.doc + (f" Has {', '.join(inner)}." if inner else "")


def key_table(keys: Mapping[str, Key], prefix: str) -> str:
    """Return the full table of one level."""
    rows = []
    for name, key in keys.items():
        nested = key.keys or (key.elements.keys if key.elements is not None else None)
        link = f" See [{prefix}{name}](#{anchor(prefix + name)})." if nested else ""
        rows.append((f"`{name}`", type_of(key), default_of(key), f"{key.doc} {limits_of(key)}".strip() + link))
    return table(("key", "type", "default", "meaning"), rows)


def anchor(title: str) -> str:
    """Return the fragment that GitHub gives a heading."""
    return re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-")


def sections(key: Key, title: str, prefix: str) -> Iterator[str]:
    """Yield a heading and a table for every level, outermost first."""
    if title:
        yield f"## {title}\n\n{key.doc}"
    yield key_table(key.keys or {}, prefix)
    for mode, keys in (key.modes or {}).items():
        yield f"### {title} with `{key.mode_key}: {mode}`"
        yield key_table(keys, prefix)
    for name, sub in (key.keys or {}).items():
        inner = sub if sub.keys else sub.elements
        if inner is not None and inner.keys:
            yield from sections(inner, f"{prefix}{name}", f"{prefix}{name}.")


def reference() -> str:
    """Return the tables of every key."""
    return "\n\n".join(sections(APP, "", ""))


def summary() -> str:
    """Return the table of the top level."""
    return table(("key", "default", "meaning"), list(short_rows()))


# Variables of a role

MARKUP = re.compile(r"[COVMPRL]\(([^()]*)\)")


def markdown(text: object) -> str:
    """Return a description of an argument_specs without Ansible's own markup."""
    lines = text if isinstance(text, list) else [text]
    return " ".join(MARKUP.sub(lambda found: f"`{found.group(1).partition('#')[0]}`", str(line)) for line in lines)


def spec_of(role: str) -> dict[str, Any]:
    """Return the argument_specs of a role, by entry point."""
    return yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text())["argument_specs"]


def defaults_of(role: str) -> dict[str, Any]:
    """Return the defaults of a role."""
    return yaml.safe_load((ROOT / "roles" / role / "defaults" / "main.yml").read_text())


def variables(role: str) -> str:
    """Return a table of variables for every entry point that has some."""
    # A default that is an expression stands there alone: Ansible would evaluate the specification's before it checks anything.
    written = defaults_of(role)
    blocks = []
    for entry, spec in spec_of(role).items():
        rows = []
        for name, option in spec.get("options", {}).items():
            kind = f"list of {TYPES[option['elements']]}s" if option["type"] == "list" else TYPES[option["type"]]
            value = option.get("default", written.get(name))
            default = "**required**" if option.get("required") else inline(value) if value is not None else ""
            choices = " Allowed values: " + ", ".join(inline(choice) for choice in option["choices"]) + "." if "choices" in option else ""
            rows.append((f"`{name}`", kind, default, markdown(option["description"]) + choices))
        if rows:
            title = f"With `tasks_from: {entry}`:\n\n" if entry != "main" else ""
            blocks.append(title + table(("variable", "type", "default", "meaning"), rows))
    return "\n\n".join(blocks)


# Settings of uWSGI


def shop() -> tuple[dict[str, Any], dict[str, str]]:
    """Return the smallest application with a stream, and a release of it."""
    routes = [{"path": "/"}, {"path": "/time/", "mode": "stream"}]
    app = resolve_apps([{"name": "shop", "source": {"path": "."}, "wsgi": "shop.wsgi:app", "nginx": {"routes": routes}}])[0]
    return app, {"path": f"{app['root']}/releases/<id>", "virtualenv_path": f"{app['root']}/venvs/<id>"}


def setting_table(items: list[dict[str, Any]]) -> str:
    """Return a table of settings, with the first uWSGI that knows an option where not all do."""

    def why(item: dict[str, Any]) -> str:
        since = SINCE.get(item["option"])
        return item["reason"] + (f" Since uWSGI {'.'.join(map(str, since))}." if since else "")

    return table(("option", "value", "why"), [(f"`{item['option']}`", inline(item["value"]), why(item)) for item in items])


def settings() -> str:
    """Return what an application named shop is started with."""
    app, release = shop()
    return setting_table(instance_settings(app, release, stop_timeout(app)))


def pool_settings() -> str:
    """Return what its pool for streams has that the other workers do not."""
    app, release = shop()
    own = {(item["option"], str(item["value"])) for item in instance_settings(app, release, stop_timeout(app))}
    items = stream_settings(app, release, stop_timeout(app))
    return setting_table([item for item in items if (item["option"], str(item["value"])) not in own])


# Known causes

PROGRAMS = {
    "build": "pip, build hooks",
    "hook": "other hooks",
    "start": "the application",
    "nginx": "nginx",
    "login": "the start of a module",
    "apt": "apt",
    "account": "systemd, for users and directories",
}


def cause_row(cause: Cause) -> tuple[str, ...]:
    """Return the failure, who reports it, and the remedy; a place for a name is an ellipsis."""
    remedy = re.sub(r"\{\w+\}", "…", cause.remedy)
    return cause.failure, ", ".join(PROGRAMS[at] for at in cause.at), f"{remedy[0].upper()}{remedy[1:]}."


def causes() -> str:
    """Return the table of known causes."""
    return table(("failure", "reported by", "remedy"), [cause_row(cause) for cause in CAUSES])


# Projects


def layouts() -> str:
    """Return the table of projects: a row for each declaration of requirements, a column for each layout of the code."""
    rows = [
        (declared, *(project_cell(layout, declaration) for layout in LAYOUTS.values())) for declared, declaration in DECLARATIONS.items()
    ]
    return table(("declared in", *LAYOUTS), rows)


def project_cell(layout: Layout, declaration: Declaration) -> str:
    """Return what is planned for a project: what pip installs, and where modules are found beside the top of the release."""
    with tempfile.TemporaryDirectory() as place:
        for name, text in files_of(layout, declaration).items():
            (Path(place) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(place) / name).write_text(text)
        (app,) = resolve_apps([description_of(layout, declaration)])
        plan = plan_release(app, DirTree(Path(place)), "cpython-3.13")
    order = plan.declared
    how = "as pip reads it" if order is None else "locked" if order["locked"] else "by pip"
    what = [how, *(["the project"] if order and (order["project"] or {".", "./apps/shop"} & set(order["resolved"])) else [])]
    places = [part for part in plan.imports.split(":") if part not in ("", ".")]
    return " and ".join(what) + (f"; in {', '.join(f'`{part}`' for part in places)}" if places else "")


# Metrics


def metric_table() -> str:
    """Return the table of the metrics that a host writes."""
    found = [value for value in vars(metrics).values() if isinstance(value, Metric)]
    return table(("metric", "type", "meaning"), [(f"`{metric.name}`", metric.kind, metric.help) for metric in found])


# Tested versions


def servers() -> str:
    """Return the table of releases of Debian."""
    return table(("servers", "Python", "nginx", "scenarios"), list(tested.server_rows()))


def controllers() -> str:
    """Return the table of versions of ansible-core."""
    return table(("ansible-core", "Python", "what runs"), list(tested.controller_rows()))


def pins() -> str:
    """Return the table of what is installed with applications."""
    oldest = ".".join(map(str, packages.OLDEST_UWSGI))
    where = " and ".join(f"`{name}`" for name in tested.scenarios_with(f"=={oldest}"))
    uwsgi = f"`{packages.DEFAULT_UWSGI}`; {oldest}, the oldest one that is not refused, in the scenario {where}"
    return table(("with applications", "version"), [("uWSGI", uwsgi), ("streams and WebSockets", f"`{packages.GEVENT[0]}`")])


# Files

GENERATED: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"applications": summary, "servers": servers, "controllers": controllers, "pins": pins},
    REFERENCE: {"keys": reference, "layouts": layouts},
    "docs/messages.md": {"causes": causes},
    "docs/monitoring.md": {"metrics": metric_table},
    "docs/uwsgi.md": {"settings": settings, "pool settings": pool_settings},
    **{f"roles/{role}/README.md": {"variables": lambda role=role: variables(role)} for role in ROLES},
}


def fill(text: str, name: str, content: str) -> str:
    """Return a file's text with one generated part replaced.

    :raises ValueError: if the file has no such part
    """
    begin, end = f"<!-- begin generated: {name} -->", "<!-- end generated -->"
    pattern = re.compile(re.escape(begin) + r"\n.*?" + re.escape(end), re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise ValueError(f"needs '{begin}' and '{end}' once")
    return pattern.sub(lambda _found: f"{begin}\n{content}\n{end}", text)


def stale(root: Path = ROOT) -> dict[Path, str]:
    """Return the files that differ from the code, with what they should contain.

    :raises ValueError: naming a file without its markers
    """
    found: dict[Path, str] = {}
    for name, parts in GENERATED.items():
        path = root / name
        before = path.read_text()
        after = before
        for part, content in parts.items():
            try:
                after = fill(after, part, content())
            except ValueError as error:
                raise ValueError(f"{name} {error}") from error
        if after != before:
            found[path] = after
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the generated tables of the documentation.")
    parser.add_argument("--check", action="store_true", help="write nothing; name stale files and exit with 1")
    arguments = parser.parse_args()
    try:
        found = stale()
    except (OSError, ValueError) as error:
        print(f"docs: {error}", file=sys.stderr)
        return 2
    for path, text in found.items():
        if arguments.check:
            print(f"docs: {path.relative_to(ROOT)} is older than the code it describes; run: make docs", file=sys.stderr)
        else:
            path.write_text(text)
            print(f"docs: {path.relative_to(ROOT)}")
    return 1 if found and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
