# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""config_tree: validation, and the words about it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree import validate
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.explain import Explainer
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import ConfigTreeError, Entry, Manifest
from ansible_collections.flaskops.stack.plugins.module_utils.host import command

SITE = "server {\n  listen 9999;\n  # @ nginx.extra\n  foo bar;\n  # @\n  root /srv/blog;\n}\n"


def can_mount() -> bool:
    try:
        return subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A staged tree with a site of ours, enabled, and a file of somebody else."""
    tree = tmp_path / "stage"
    (tree / "available").mkdir(parents=True)
    (tree / "enabled").mkdir()
    (tree / "available/shop.conf").write_text(SITE)
    (tree / "enabled/shop.conf").symlink_to("../available/shop.conf")
    (tree / "enabled/absolute.conf").symlink_to("/etc/nginx/available/shop.conf")
    (tree / "foreign.conf").write_text("foo;\n")
    return tree


@pytest.fixture
def manifest() -> Manifest:
    entries = [
        Entry("available/shop.conf", "shop", SITE.encode()),
        Entry("enabled/shop.conf", "shop", link="x"),
    ]
    return Manifest({entry.path: entry.record() for entry in entries})


def explain(tree: Path, manifest: Manifest, *lines: str) -> str:
    return Explainer("/etc/nginx", str(tree), manifest).explain(list(lines))


@pytest.mark.parametrize("path", ["available/shop.conf", "enabled/shop.conf", "enabled/absolute.conf"])
def test_owner_key_and_line_are_told(tree, manifest, path):
    said = explain(
        tree,
        manifest,
        f'nginx: [emerg] unknown "foo" in /etc/nginx/{path}:4',
        "nginx: configuration file /etc/nginx/nginx.conf test failed",
    )
    assert said == f'[emerg] unknown "foo" in /etc/nginx/{path}:4 (application shop, nginx.extra): `foo bar;`'


def test_a_bare_mark_ends_the_key(tree, manifest):
    said = explain(tree, manifest, "2026/11/23 09:51:04 [emerg] 5#5: x in /etc/nginx/enabled/shop.conf:6")
    assert said == "[emerg] x in /etc/nginx/enabled/shop.conf:6 (application shop): `root /srv/blog;`"


def test_a_line_is_shown_as_far_as_people_read(tree, manifest):
    (tree / "available/shop.conf").write_text(f"# {'x' * 9000}\n")
    said = explain(tree, manifest, "[emerg] too long parameter in /etc/nginx/available/shop.conf:1")
    assert said.endswith("xxx…`")
    assert len(said) < 400


def test_the_same_line_is_told_once(tree, manifest):
    said = explain(tree, manifest, "nginx: [emerg] no", "2026/11/23 09:51:04 [emerg] 5#5: no", "[notice] fine")
    assert said == "[emerg] no"


def test_somebody_elses_file_is_called_so(tree, manifest):
    assert "not from this collection" in explain(tree, manifest, "[emerg] x in /etc/nginx/foreign.conf:1")


def test_a_secret_line_is_not_shown(tree, manifest):
    manifest.files["available/shop.conf"]["diff"] = False
    said = explain(tree, manifest, "[emerg] x in /etc/nginx/enabled/shop.conf:4")
    assert said.endswith("(application shop, nginx.extra)")


def test_a_port_is_traced(tree, manifest):
    said = explain(tree, manifest, "[emerg] 1#1: bind() to 0.0.0.0:9999 failed (98: Address already in use)")
    assert said.endswith("(application shop): `listen 9999;`")


def test_a_quote_is_traced(tree, manifest):
    assert "application shop" in explain(tree, manifest, '[emerg] open() "/srv/blog" failed')


def test_a_quote_of_two_owners_is_not(tree, manifest):
    (tree / "blog.conf").write_text("root /srv/blog;")
    manifest.files["blog.conf"] = Entry("blog.conf", "blog", b"").record()
    assert "application" not in explain(tree, manifest, '[emerg] open() "/srv/blog" failed')


def test_nothing_said(tree, manifest):
    assert explain(tree, manifest) == "it said nothing and exited with status 1"


def validator(root: Path, argv: list[str], fallback: list[str] | None = None, runner=command.run) -> validate.TreeValidator:
    return validate.TreeValidator(str(root), argv, fallback or [], runner)


def test_no_program_no_validation(tree, manifest, tmp_path):
    assert validator(tmp_path, []).check(str(tree), manifest) == "skipped"


def test_a_missing_program_is_named(tree, manifest, tmp_path):
    with pytest.raises(ConfigTreeError, match="no-such-program is not installed"):
        validator(tmp_path, ["no-such-program"]).check(str(tree), manifest)


@pytest.mark.skipif(not can_mount(), reason="no mount namespace here")
def test_the_program_sees_the_stage_in_place_of_the_root(tree, manifest, tmp_path):
    root = tmp_path / "live"
    root.mkdir()
    (root / "foreign.conf").write_text("live\n")
    see = ["grep", "-q", "foo", f"{root}/foreign.conf"]
    assert validator(root, see).check(str(tree), manifest) == "namespace"
    assert (root / "foreign.conf").read_text() == "live\n"
    with pytest.raises(ConfigTreeError, match="refused the staged configuration, nothing was changed"):
        validator(root, ["grep", "-q", "live", f"{root}/foreign.conf"]).check(str(tree), manifest)


def test_what_nginx_says_of_several_connections_is_told_once(tmp_path):
    lines = [f"2026/11/28 18:27:31 [crit] 77#77: *{number} connect() to unix:/run/a.sock failed" for number in (1, 9, 12)]
    assert explain(tmp_path, Manifest(), *lines) == "[crit] connect() to unix:/run/a.sock failed"


def without_namespace(argv, *how, **more) -> command.CommandResult:
    if argv[0] == "unshare":
        return command.CommandResult(1, "unshare: Operation not permitted")
    return command.run(argv, *how, **more)


def test_without_a_namespace_a_rewritten_copy_is_validated(tree, manifest, tmp_path):
    root = tmp_path / "live"
    root.mkdir()
    for name, text in (("main", f"include {root}/more;\ninclude {root}-other/x;\n"), ("more", "more\n")):
        (tree / name).write_text(text)
    (tree / "absolute").symlink_to(f"{root}/more")
    (tree / "directory").symlink_to(f"{root}/available")
    script = 'cat {root}/absolute {root}/main; ls {root}/directory; grep -q "{root}/more;$" {root}/main && exit 1'
    with pytest.raises(ConfigTreeError) as refused:
        validator(root, ["sh"], ["sh", "-c", script], without_namespace).check(str(tree), manifest)
    lines = refused.value.details["validate_lines"]
    assert lines == ["more", f"include {root}/more;", f"include {root}-other/x;", "shop.conf"]
    assert (tree / "main").read_text().startswith(f"include {root}/more;")
    assert sorted(os.listdir(tmp_path)) == ["live", "stage"]


def test_only_the_root_itself_is_rewritten(tree, tmp_path):
    (tree / "main").write_text("/live /live; /live/x '/live' /live-other /live2 /live.d /other/live\n")
    validate.redirect(str(tree), "/live")
    copy = str(tree)
    told = f"{copy} {copy}; {copy}/x '{copy}' /live-other /live2 /live.d /other/live\n"
    assert (tree / "main").read_text() == told


def test_without_namespace_and_fallback_it_is_refused(tree, manifest, tmp_path):
    with pytest.raises(ConfigTreeError, match="validate_fallback"):
        validator(tmp_path, ["true"], [], without_namespace).check(str(tree), manifest)


def test_warnings_are_kept(tree, manifest, tmp_path):
    say = ["sh", "-c", "echo '[warn] conflicting name in {root}/x'; echo fine"]
    run = validator(tmp_path, ["sh"], say, without_namespace)
    assert run.check(str(tree), manifest) == "copy"
    assert run.warnings == [f"[warn] conflicting name in {tmp_path}/x"]


def test_a_refusal_begins_with_its_known_cause(tree, manifest, tmp_path):
    say = ["sh", "-c", "echo 'nginx: [emerg] a duplicate default server for 0.0.0.0:80 in {root}/sites-enabled/second:1'; exit 1"]
    with pytest.raises(ConfigTreeError) as refused:
        validator(tmp_path, ["sh"], say, without_namespace).check(str(tree), manifest)
    first, second = str(refused.value).splitlines()
    assert first.startswith("two sites are the default server of 0.0.0.0:80. Set nginx_site_catch_all: false")
    assert second.startswith("Sh refused the staged configuration, nothing was changed: [emerg] a duplicate default server")


@pytest.mark.parametrize(("live", "told"), [("exit 1", True), ("exit 0", False)])
def test_a_refusal_says_whether_the_tree_was_refused_before_too(tree, manifest, tmp_path, live, told):
    (tmp_path / "validator").write_text(f"#!/bin/sh\n{live}\n")
    (tmp_path / "validator").chmod(0o755)
    say = ["sh", "-c", "echo 'nginx: [emerg] unknown directive'; exit 1"]
    with pytest.raises(ConfigTreeError) as refused:
        validator(tmp_path, [str(tmp_path / "validator")], say, without_namespace).check(str(tree), manifest)
    assert ("refuses the configuration of the host without this change too: mend that first" in str(refused.value)) == told


SAYS = """nginx: [warn] conflicting name in {root}/x
# configuration file {root}/nginx.conf:
# [warn] of a comment
# configuration file {root}/enabled/%s.conf:
"""


@pytest.mark.parametrize(("read", "refused"), [("shop", False), ("other", True)])
def test_a_main_file_that_does_not_include_a_managed_file_is_refused_with_the_line_to_add(tree, manifest, tmp_path, read, refused):
    say = ["sh", "-c", f"cat <<'END'\n{SAYS % read}END\n"]
    checked = validate.TreeValidator(str(tmp_path), ["sh"], say, without_namespace, ["enabled"])
    if refused:
        with pytest.raises(ConfigTreeError, match=rf"does not include enabled, .*Add `include {tmp_path}/enabled/\*;` to its http block"):
            checked.check(str(tree), manifest)
    else:
        checked.check(str(tree), manifest)
    assert checked.warnings == [f"[warn] conflicting name in {tmp_path}/x"]


def found(*problems: str) -> validate.Inspector:
    """Return an inspector that finds these problems where a file of shop's is ours, and one warning."""

    def inspect(output: str, is_ours: Callable[[str], bool]) -> SimpleNamespace:
        assert "# configuration file" in output
        ours = [path for path in ("enabled/shop.conf", "foreign.conf") if is_ours(f"/etc/nginx/{path}")]
        assert ours == ["enabled/shop.conf"]
        assert is_ours("/var/lib/flaskops/closed/shop.conf")
        return SimpleNamespace(problems=list(problems), warnings=["deny holds for all"])

    return inspect


def inspected(*problems: str) -> validate.TreeValidator:
    def say(_argv, _accepted, together):
        return command.CommandResult(0, "# configuration file /etc/nginx/nginx.conf:\n")

    return validate.TreeValidator("/etc/nginx", ["sh"], [], say, inspector=found(*problems))


def test_what_files_of_somebody_else_would_do_is_refused_although_the_program_accepts_it(tree, manifest):
    with pytest.raises(ConfigTreeError, match=r"^foreign.conf:3 defines \$x; and more \(nothing was changed\)$"):
        inspected("foreign.conf:3 defines $x", "and more").check(str(tree), manifest)
    checked = inspected()
    checked.check(str(tree), manifest)
    assert checked.warnings == ["deny holds for all"]


def test_a_run_without_changes_fails_for_it_too_and_repeats_no_warning(manifest):
    with pytest.raises(ConfigTreeError, match="this run changes nothing, and sites may not be served already"):
        inspected("foreign.conf:3 defines $x").complaint(manifest)
    checked = inspected()
    assert checked.complaint(manifest) == ""
    assert checked.warnings == []
