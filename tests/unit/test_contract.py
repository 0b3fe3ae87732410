# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts that stand in more than one place are the same in all of them: code, specifications, defaults, documentation, examples."""

from __future__ import annotations

import importlib.util
import re
import typing as t
from pathlib import Path

import jinja2
import pytest
import yaml
from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs import test_budget
from ansible_collections.flaskops.stack.plugins.plugin_utils.description import derive
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.app import APP
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.key import Key
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.modes import MODES
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.routes import ROUTE
from ansible_collections.flaskops.stack.plugins.plugin_utils.site_files.app_files import app_files
from ansible_collections.flaskops.stack.tests.unit.render import complete, instance

ROOT = Path(__file__).parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())
OVERLAYS = sorted((ROOT / "templates").glob("*/*.j2"))
# Pages for users; the rest is for people who work on the collection.
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "templates/README.md", "inventory/README.md")),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("roles/*/README.md"),
    ]
)
FRONTS = ("direct", "proxy")
EVERYTHING = {
    "name": "shop",
    "source": {"path": "shop"},
    "wsgi": "shop.wsgi:app",
    "nginx": {"routes": [{"path": f"/{mode}", "mode": mode} for mode in ("plain", "cache", "stream")]},
}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def load(path: str) -> t.Any:
    return yaml.safe_load((ROOT / path).read_text())


@pytest.fixture(scope="module")
def docs() -> t.Any:
    """The generator of the documentation, as a module."""
    spec = importlib.util.spec_from_file_location("docs", ROOT / "tools" / "docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_tables_are_as_new_as_the_code(docs):
    assert [relative(path) for path in docs.stale()] == [], "run: make docs"


# Roles


@pytest.mark.parametrize("role", ROLES)
def test_specification_has_the_names_and_values_of_the_defaults(role):
    defaults = load(f"roles/{role}/defaults/main.yml")
    options = load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert list(options) == list(defaults), "names, in the same order"
    for name, value in defaults.items():
        # Ansible evaluates a default of a specification even where the variable is set, so expressions may be left out there.
        assert options[name].get("default", value if "{{" in str(value) else None) == value, name


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_explained_as_in_the_specification(role):
    options = load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    for name, option in options.items():
        assert option["description"], name
        assert not option.get("required"), f"{name} has a default"


@pytest.mark.parametrize("role", ROLES)
def test_variables_begin_with_the_name_of_the_role(role):
    strangers = [name for name in load(f"roles/{role}/defaults/main.yml") if not name.startswith(f"{role}_")]
    constants = load(f"roles/{role}/vars/main.yml") if (ROOT / f"roles/{role}/vars/main.yml").exists() else {}
    strangers += [name for name in constants if not name.startswith(f"__{role}_")]
    for task in tasks(role):
        registered = task.get("register")
        strangers += [registered] if registered and not registered.startswith((f"__{role}_", f"{role}_result")) else []
        facts = task.get("ansible.builtin.set_fact", {})
        strangers += [name for name in facts if not name.startswith((f"{role}_", f"__{role}_"))]
    assert strangers == []


def tasks(role: str) -> t.Iterator[dict[str, t.Any]]:
    """Yield the tasks of a role, those in blocks too."""
    todo = [task for path in sorted((ROOT / "roles" / role / "tasks").glob("*.yml")) for task in yaml.safe_load(path.read_text())]
    while todo:
        task = todo.pop(0)
        todo += [inner for part in ("block", "rescue", "always") for inner in task.get(part, [])]
        yield task


@pytest.mark.parametrize("role", ROLES)
def test_loops_run_over_what_the_host_was_seen_to_need(role):
    """A loop is a round trip for each item, so it runs over what has to change, which a look at the host has told."""
    loops = [(task["name"], str(task["loop"])) for task in tasks(role) if "loop" in task]
    assert [(name, loop) for name, loop in loops if not loop.startswith((f"{{{{ __{role}_look.", f"{{{{ __{role}_plan."))] == []


def test_the_budget_of_round_trips_names_tasks_of_the_roles():
    """The proofs compare names, so a task that is renamed breaks them minutes later and on a host."""
    known = {task["name"] for role in ROLES for task in tasks(role)}
    budgets = (test_budget.NOTHING_TO_CHANGE, test_budget.OTHER_CODE, test_budget.CACHE_TO_REMOVE)
    assert [name for budget in budgets for name in budget if name not in known] == []


@pytest.mark.parametrize("role", ROLES)
def test_every_entry_point_has_a_specification(role):
    parts = {
        str(task[module]["file"] if isinstance(task[module], dict) else task[module]).removesuffix(".yml")
        for task in tasks(role)
        for module in ("ansible.builtin.import_tasks", "ansible.builtin.include_tasks")
        if module in task
    }
    files = {path.stem for path in (ROOT / "roles" / role / "tasks").glob("*.yml")}
    assert set(load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]) == files - parts


def test_pages_say_whether_flask_apps_must_be_defined_for_a_role_alone():
    """Ansible evaluates a default of a specification even where the variable is set."""
    needed = [role for role in ROLES if "{{ flask_apps }}" in (ROOT / "roles" / role / "meta/argument_specs.yml").read_text()]
    told = [role for role in ROLES if "flask_apps: []" in (ROOT / "roles" / role / "README.md").read_text()]
    assert told == needed, "the READMEs of the roles, and 'One role in a playbook of yours' in README.md"
    assert ("flask_apps: []" in (ROOT / "README.md").read_text()) == bool(needed)


# The description of an application, where it is read


def known_to_schema(key: Key | None, path: t.Sequence[str]) -> bool:
    """Return whether the schema has a path of keys; what is below a mapping with free keys is the user's."""
    if not path or key is None or key.type == "map":
        return key is not None
    return known_to_schema((key.keys or {}).get(path[0]), path[1:])


def is_known(description: t.Any, path: t.Sequence[str]) -> bool:
    """Return whether a complete description has a path of keys, or the schema has it as one that may be left out."""
    found = description
    for name in path:
        if not isinstance(found, dict) or name not in found:
            return known_to_schema(APP, path)
        found = found[name]
    return True


def texts(role: str) -> list[Path]:
    """Return what of a role and its overlays reads a description."""
    places = [*(ROOT / "roles" / role).rglob("*.j2"), *(ROOT / "roles" / role).rglob("*.yml"), *(ROOT / "templates" / role).glob("*.j2")]
    return sorted(places)


@pytest.mark.parametrize("role", ["nginx_site", "uwsgi_service"])
def test_lists_in_templates_have_one_order(role):
    """These filters of Ansible make sets, whose order changes from run to run, and with it the file and the report of a change."""
    sets = re.compile(r"\|\s*(?:ansible\.builtin\.)?(?:difference|intersect|symmetric_difference|union)\b(?!.*\|\s*sort\b)")
    found = [
        (relative(path), line)
        for path in texts(role)
        if path.suffix == ".j2"
        for line in path.read_text().splitlines()
        if sets.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("role", ["nginx_site", "uwsgi_service"])
def test_templates_read_only_keys_that_there_are(role):
    (complete,) = resolve_apps([EVERYTHING])
    seen_by = {"nginx_site": app_files([complete], {})[0].get("vars", {}).get("nginx_site_app"), "uwsgi_service": complete}[role]
    uses = [(relative(path), use.split(".")) for path in texts(role) for use in re.findall(rf"\b{role}_app\.([\w.]*\w)", path.read_text())]
    assert uses, f"nobody reads {role}_app"
    secret = {"env", "secrets"} if role == "nginx_site" else set()
    assert [use for use in uses if use[1][0] in secret or not is_known(seen_by, use[1])] == []


def test_templates_read_only_keys_that_routes_have():
    # These keys and the traits follow from path, match, extra, access and mode, and from the pages of static routes.
    known = {
        "location",
        "rules",
        "maps",
        "pages",
        "previous",
        "lost",
        "expires",
        "fallback_path",
        "guarded",
        "visitor",
        "zone",
        *MODES["plain"].traits(),
    }.union(ROUTE.keys or {}, *(ROUTE.modes or {}).values())
    uses = {(relative(path), use) for path in texts("nginx_site") for use in re.findall(r"\broute\.(\w+)", path.read_text())}
    assert uses
    assert [use for use in sorted(uses) if use[1] not in known] == []


# Overlays

BASES = {
    "nginx_site": ("site.conf.j2", "Blocks of a site"),
    "uwsgi_service": ("uwsgi.ini.j2", "Blocks of a uWSGI ini"),
}


def parsed(path: Path) -> jinja2.nodes.Template:
    return jinja2.Environment(trim_blocks=True, lstrip_blocks=True).parse(path.read_text())


def blocks(path: Path) -> list[str]:
    return [block.name for block in parsed(path).find_all(jinja2.nodes.Block)]


def documented(heading: str) -> list[str]:
    """Return the names in the first column of the table under a heading of templates/README.md."""
    section = (ROOT / "templates/README.md").read_text().partition(f"### {heading}\n")[2].partition("\n#")[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


@pytest.mark.parametrize("role", BASES)
def test_documented_blocks_are_those_of_the_base(role):
    base, heading = BASES[role]
    path = ROOT / "roles" / role / "templates" / base
    assert documented(heading) == blocks(path)
    header = re.match(r"\{#.*?\bBlocks an overlay may fill: ([^.]*)\.", path.read_text(), re.DOTALL)
    if header:
        assert header.group(1).split(", ") == blocks(path)


@pytest.mark.parametrize("overlay", OVERLAYS, ids=relative)
def test_overlay_fills_blocks_of_a_base_and_nothing_else(overlay):
    role = overlay.parent.name
    folder = ROOT / "roles" / role / "templates"
    tree = parsed(overlay)
    assert set(blocks(overlay)) <= set(documented(BASES[role][1]))
    assert extended(overlay, tree) <= {path.name for path in folder.glob("*.j2")}
    outside = [
        data.data for node in tree.body if isinstance(node, jinja2.nodes.Output) for data in node.find_all(jinja2.nodes.TemplateData)
    ]
    assert "".join(outside).strip() == "", "Jinja does not print what stands outside of blocks"


def extended(overlay: Path, tree: jinja2.nodes.Template) -> set[str]:
    """Return the names of the templates that an overlay extends, for either front."""
    assert [type(node) for node in tree.find_all(jinja2.nodes.Extends)] == [jinja2.nodes.Extends]
    (expression,) = re.findall(r"\{% extends (.+?) %\}", overlay.read_text())
    evaluate = jinja2.Environment().compile_expression(expression)
    return {str(evaluate(nginx_site_app={"nginx": {"front": front}})) for front in FRONTS}


def test_every_overlay_is_documented_and_run_by_the_example():
    names = [relative(path).removeprefix("templates/") for path in OVERLAYS]
    page = (ROOT / "templates/README.md").read_text()
    example = (ROOT / "inventory/example/group_vars/flask_servers/flask_apps.yml").read_text()
    assert [name for name in names if f"]({name})" not in page] == []
    assert [name for name in names if f"/{name}" not in example] == []


# Pages


def test_the_newest_entry_of_the_changelog_is_this_version():
    newest = re.search(r"^## v(\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest.group(1).replace("\\", "") == load("galaxy.yml")["version"]


def test_the_tested_versions_of_ansible_core_are_those_that_are_said():
    """The versions of ansible-core in the scenario `controllers`, beside the one that the tools are locked to."""

    def version(lock: str) -> str:
        """Return the oldest ansible-core of a lock."""
        return min(re.findall(r"^ansible-core==(\d+\.\d+)\.", (ROOT / lock).read_text(), re.MULTILINE))

    inside = {path.stem.removeprefix("core-"): version(relative(path)) for path in (ROOT / "requirements").glob("core-*.txt")}
    assert inside == {name: name for name in inside}
    platforms = {platform["name"] for platform in load("molecule/controllers/molecule.yml")["platforms"]}
    assert platforms == {f"${{MOLECULE_SCENARIO_NAME}}-core-{name}-trixie" for name in inside}
    tested = {version("requirements/dev.txt"), *inside}
    said = (ROOT / "README.md").read_text().partition("## What is tested\n")[2].partition("\nansible-core")[0]
    assert set(re.findall(r"\b2\.[12]\d\b", re.sub(r"nginx [\d.]+", "", said))) == tested
    runtime = (ROOT / "meta/runtime.yml").read_text()
    assert set(re.findall(r"\b2\.\d\d\b", runtime)) == tested
    assert yaml.safe_load(runtime)["requires_ansible"] == f">={min(tested)}.0"


def test_every_playbook_is_documented():
    page = (ROOT / "README.md").read_text()
    assert [path.stem for path in (ROOT / "playbooks").glob("*.yml") if f"| `flaskops.stack.{path.stem}` |" not in page] == []


@pytest.mark.parametrize("page", [*PAGES, *(ROOT / "changelogs/fragments").iterdir()], ids=relative)
def test_a_page_names_only_what_there_is(page):
    there = {path.stem for kind in ("playbooks", "plugins/modules", "plugins/filter") for path in (ROOT / kind).iterdir()} | set(ROLES)
    # Without the dot that may follow the collection's own name, as in an address.
    named = set(re.findall(r"\bflaskops\.stack\.(\w+)", page.read_text()))
    assert named - there == set()


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_of_a_page_lead_somewhere(page, docs):
    broken = []
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
        path, _hash, fragment = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        if not place.exists() or (fragment and fragment not in headings(place, docs)):
            broken.append(target)
    assert broken == []


def headings(page: Path, docs: t.Any) -> set[str]:
    return {docs.anchor(title) for title in re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)}


def yaml_blocks() -> list[t.Any]:
    """Return what is written as YAML on the pages, with the page's name."""
    found = []
    for page in PAGES:
        texts = re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
        # Several of a key stand for alternatives.
        parts = [part for text in texts for part in re.split(r"^(?=source:)", text, flags=re.MULTILINE) if part]
        found += [pytest.param(part, id=f"{relative(page)}-{number}") for number, part in enumerate(parts, 1)]
    return found


@pytest.mark.parametrize("text", yaml_blocks())
def test_descriptions_on_pages_are_accepted(text):
    """Each example is a whole file, a list of applications, or some keys of one."""
    data = yaml.safe_load(text)
    found = list(lists_of_apps(data))
    if not found and isinstance(data, dict) and set(data) <= set(APP.keys or {}):
        found = [[{"name": "shop", **data}]]
    for apps in found:
        resolve_apps(apps, require=())


@pytest.mark.parametrize("text", [block for block in yaml_blocks() if re.search(r"^ *uwsgi:", block.values[0], re.MULTILINE)])
def test_settings_on_pages_make_an_ini_that_has_each_header_once(text):
    """nginx joins headers of one name, and a cache would take the joined name of the instance for another instance's."""
    data = yaml.safe_load(text)
    for app in [app for apps in lists_of_apps(data) for app in apps] or [data]:
        uwsgi = {key: value for key, value in app.get("uwsgi", {}).items() if key != "template"}
        ini = instance(complete(uwsgi=uwsgi, nginx=EVERYTHING["nginx"]))["files"]["ini"]
        headers = re.findall(r"^add-header = ([^:]+):", ini, re.MULTILINE)
        assert headers.count("X-Flask-Instance") == 1, ini
        assert sorted(headers) == sorted(set(headers))


def test_paths_that_a_site_hides_are_those_that_a_route_may_name():
    """A route whose path the site hides has to go before the location that hides it."""
    routes = (ROOT / "roles/nginx_site/templates/routes.conf.j2").read_text()
    assert f"\nlocation ~ {derive._HIDDEN.pattern} {{\n" in routes


def lists_of_apps(data: t.Any) -> t.Iterator[list[t.Any]]:
    if isinstance(data, list):
        for item in data:
            yield from lists_of_apps(item)
    elif isinstance(data, dict):
        for name, value in data.items():
            if name in ("flask_apps", *(f"{role}_apps" for role in ROLES)):
                yield value
            else:
                yield from lists_of_apps(value)
