# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""config_tree: run the validating program over a staged tree, and say whose line it refused."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import typing as t
from collections.abc import Callable

from .request import ConfigTreeError, Manifest
from .stage import copy_tree, remove_tree

# Mount, then become the program: what it mounts and writes below the root is seen by nobody else.
IN_NAMESPACE = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
# A rendered `# @ nginx.extra` says from which key the lines below it come; a bare `# @` ends that.
KEY_MARK = re.compile(r"^\s*#\s*@(?:\s+(?P<key>\S.*?))?\s*$")
# Lines that only repeat that something is wrong.
NOISE = re.compile(r"configuration file .* test (failed|is successful)|syntax is ok")
# What nginx puts around its level: its name or the time before it, its process behind it.
PREFIX = re.compile(r"^(?:\S+: |\d{4}/\d\d/\d\d [\d:]+ )(\[\w+\])(?: \d+#\d+:)?")
TROUBLE = re.compile(r"\[(emerg|alert|crit|error)\]|error|fail|invalid|unknown", re.IGNORECASE)


class Outcome(t.NamedTuple):
    """What a program left: its exit status and its lines on both outputs."""

    status: int
    lines: list[str]


Runner = Callable[[list[str]], Outcome]


def run(argv: list[str]) -> Outcome:
    """Run a program to its end in the C locale. Raises ConfigTreeError if it cannot be started."""
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C", "LANGUAGE": ""},
            check=False,
        )
    except OSError as error:
        raise ConfigTreeError(f"cannot run {argv[0]}: {error.strerror}") from error
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    return Outcome(done.returncode, [line.rstrip() for line in lines if line.strip()])


def find_program(name: str) -> str | None:
    """The program's path, also from the directories of root's programs, None if not installed."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin")


class Validator:
    """Runs `argv` with a staged tree in place of `root`; `fallback` where no mount namespace can be had."""

    def __init__(self, root: str, argv: list[str], fallback: list[str], runner: Runner = run) -> None:
        self.root = root
        self.argv = argv
        self.fallback = fallback
        self.runner = runner
        self.warnings: list[str] = []

    def check(self, stage: str, manifest: Manifest) -> str:
        """Return how it was validated: namespace, copy or skipped. Raises ConfigTreeError if refused."""
        if not self.argv:
            return "skipped"
        program = find_program(self.argv[0])
        if program is None:
            raise ConfigTreeError(f"validate: {self.argv[0]} is not installed on this host; nothing was changed")
        if self._has_namespace(stage):
            outcome, how = self.runner([*self._namespace(stage), program, *self.argv[1:]]), "namespace"
        else:
            outcome, how = self._run_on_copy(stage), "copy"
        explainer = Explainer(self.root, stage, manifest)
        if outcome.status != 0:
            raise ConfigTreeError(
                f"{os.path.basename(program)} refused the staged configuration, nothing was changed: "
                + explainer.explain(outcome.lines, outcome.status),
                validate_lines=outcome.lines,
            )
        self.warnings = [explainer.one(line) for line in outcome.lines if "[warn]" in line]
        return how

    def _namespace(self, stage: str) -> list[str]:
        sh = ["sh", "-c", IN_NAMESPACE, "config_tree", stage, self.root]
        return ["unshare", "--mount", "--propagation", "private", *sh]

    def _has_namespace(self, stage: str) -> bool:
        """Try it with a program that cannot fail, so that a failure is the namespace's."""
        try:
            return self.runner([*self._namespace(stage), "true"]).status == 0
        except ConfigTreeError:
            return False

    def _run_on_copy(self, stage: str) -> Outcome:
        """Validate a copy in which every mention of the root leads to the copy."""
        if not self.fallback:
            raise ConfigTreeError("validate: this host gives no mount namespace (no CAP_SYS_ADMIN); set validate_fallback")
        copy = f"{stage}.check"
        os.mkdir(copy, 0o700)
        try:
            copy_tree(stage, copy)
            redirect(copy, self.root)
            program = find_program(self.fallback[0]) or self.fallback[0]
            outcome = self.runner([program, *(word.replace("{root}", copy) for word in self.fallback[1:])])
        finally:
            remove_tree(copy)
        return Outcome(outcome.status, [line.replace(copy, self.root) for line in outcome.lines])


def redirect(copy: str, root: str) -> None:
    """Rewrite every mention of `root` in the files and links below `copy` to `copy`."""
    mention = re.compile(rb"(?<![\w./-])" + re.escape(os.fsencode(root)) + rb"(?![\w.-])")
    for directory, subdirs, names in os.walk(copy):
        for name in [*names, *subdirs]:
            path = os.path.join(directory, name)
            if os.path.islink(path):
                _replace_link(path, mention, copy)
            elif os.path.isfile(path):
                _replace_file(path, mention, copy)


def _replace_link(path: str, mention: re.Pattern[bytes], copy: str) -> None:
    old = os.fsencode(os.readlink(path))
    new = mention.sub(lambda _match: os.fsencode(copy), old)
    if new != old:
        os.unlink(path)
        os.symlink(new, path)


def _replace_file(path: str, mention: re.Pattern[bytes], copy: str) -> None:
    with open(path, "rb") as handle:
        old = handle.read()
    new = mention.sub(lambda _match: os.fsencode(copy), old)
    if new == old:
        return
    mode = os.stat(path).st_mode
    os.unlink(path)  # the file itself is a hard link to the live one
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as handle:
        handle.write(new)
    os.chmod(path, mode & 0o7777)


class Explainer:
    """Adds to a program's lines whose file they name and the rendered line; `tree` holds those files."""

    def __init__(self, root: str, tree: str, manifest: Manifest) -> None:
        self.root = root
        self.tree = tree
        self.manifest = manifest
        self.place = re.compile(re.escape(root) + r"/(?P<path>[^\s:\"']+):(?P<line>\d+)")

    def explain(self, lines: list[str], status: int = 1) -> str:
        """One message out of a refusing program's lines."""
        told = [line for line in lines if not NOISE.search(line)]
        told = [line for line in told if self.place.search(line) or TROUBLE.search(line)] or told
        if not told:
            return f"it said nothing and exited with status {status}"
        return "; ".join(list(dict.fromkeys(self.one(line) for line in told))[:5])

    def one(self, line: str) -> str:
        """One line with its owner and the rendered text it complains about."""
        text = PREFIX.sub(r"\1", line)
        place = self.place.search(line)
        if place is None:
            found = self._find(line)
            return f"{text} ({self._tell(*found)}" if found else text
        path = self._resolve(place["path"])
        if path not in self.manifest.files:
            return f"{text} (a file that is not from this collection)"
        return f"{text} ({self._tell(path, int(place['line']))}"

    def _tell(self, path: str, number: int) -> str:
        """Owner, key and rendered text of a line of ours."""
        record = self.manifest.files[path]
        rendered, key = self._rendered(path, number)
        told = f"application {record['owner']}{', ' + key if key else ''})"
        return f"{told}: `{rendered}`" if rendered and record.get("diff", True) else told

    def _resolve(self, path: str) -> str:
        """Follow symlinks inside the staged tree, also those that name the root absolutely."""
        for _hop in range(8):
            where = os.path.join(self.tree, path)
            if not os.path.islink(where):
                break
            target = os.path.join(self.root, os.path.dirname(path), os.readlink(where))
            relative = os.path.relpath(os.path.normpath(target), self.root)
            if relative.startswith(".."):
                break
            path = relative
        return path

    def _rendered(self, path: str, number: int) -> tuple[str, str]:
        """The text of a line, and the key named by the nearest mark above it."""
        lines = self._lines(path)
        if not 0 < number <= len(lines):
            return "", ""
        for line in reversed(lines[:number]):
            mark = KEY_MARK.match(line)
            if mark:
                return lines[number - 1].strip(), mark["key"] or ""
        return lines[number - 1].strip(), ""

    def _find(self, line: str) -> tuple[str, int] | None:
        """For a line without a place: where it comes from, if only one owner's files have what it quotes."""
        hints = [re.escape(quote) for quote in re.findall(r"\"([^\"]{4,})\"", line) if self.root not in quote]
        hints += [rf"^\s*listen\s[^;]*\b{port}\b" for port in re.findall(r"bind\(\) to \S+:(\d+)", line)]
        if not hints:
            return None
        wanted = re.compile("|".join(hints))
        hits: dict[str, tuple[str, int]] = {}
        for path, record in self.manifest.files.items():
            for number, text in enumerate(self._lines(path), 1):
                if wanted.search(text):
                    hits.setdefault(record["owner"], (self._resolve(path), number))
        return hits.popitem()[1] if len(hits) == 1 else None

    def _lines(self, path: str) -> list[str]:
        try:
            with open(os.path.join(self.tree, self._resolve(path)), encoding="utf-8", errors="replace") as handle:
                return handle.read().splitlines()
        except OSError:
            return []
