# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run the validating program over a staged tree."""

from __future__ import annotations

import itertools
import os
import re
import typing as t

from ..host.causes import known_cause, with_cause
from ..host.command import ANY_STATUS, CommandError, CommandResult, Runner, find_program, run
from ..host.files import copy_tree, remove_tree
from ..host.known_causes import NGINX
from .explain import Explainer
from .request import ConfigTreeError, Manifest

# nginx -T prints each file that it has read after such a line (https://nginx.org/en/docs/switches.html).
_FILE = re.compile(r"# configuration file (.+):")
# Files there are this collection's, and no part of the tree.
_OWN_STATE = ("/var/lib/flaskops/", "/run/flaskops-")
# Mount, then become the program: what it mounts and writes below the root is seen by nobody else.
_IN_NAMESPACE = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'


class Inspection(t.Protocol):
    """Faults of a configuration that the program accepts."""

    problems: list[str]
    warnings: list[str]


# Finds that in what the program printed; the second argument tells whether a file is managed.
Inspector = t.Callable[[str, t.Callable[[str], bool]], Inspection]


class TreeValidator:
    """Has a program accept or refuse a staged tree in place of the root.

    :param argv: the program with its arguments, empty for none
    :param fallback: the same for hosts that give no mount namespace; ``{root}`` in a word is the path of a copy
    :param runner: runs programs, as ``host.command.run`` does
    :param included: directories whose managed files the program must name, as ``nginx -T`` names those that it reads
    :param inspector: finds what files of somebody else do to managed ones
    """

    def __init__(
        self,
        root: str,
        argv: list[str],
        fallback: list[str],
        runner: Runner = run,
        included: t.Sequence[str] = (),
        inspector: Inspector | None = None,
    ) -> None:
        self.root = root
        self.argv = argv
        self.fallback = fallback
        self.runner = runner
        self.included = included
        self.inspector = inspector
        self.warnings: list[str] = []

    def check(self, stage: str, manifest: Manifest) -> str:
        """Have a stage accepted, and return how: namespace, copy or skipped.

        :raises ConfigTreeError: if it is refused
        :raises CommandError: if the program cannot be started
        """
        if not self.argv:
            return "skipped"
        program = find_program(self.argv[0])
        if program is None:
            raise ConfigTreeError(f"validate: {self.argv[0]} is not installed on this host; nothing was changed")
        if self._has_namespace(stage):
            outcome, how = self._run([*self._namespace(stage), program, *self.argv[1:]]), "namespace"
        else:
            outcome, how = self._run_on_copy(stage), "copy"
        explainer = Explainer(self.root, stage, manifest)
        if outcome.status != 0:
            refused = f"{os.path.basename(program)} refused the staged configuration, nothing was changed: "
            told = refused + explainer.explain(outcome.lines, outcome.status) + self._of_the_live_tree(program)
            raise ConfigTreeError(with_cause(known_cause(outcome.lines, NGINX), told), validate_lines=outcome.lines)
        said = list(itertools.takewhile(lambda line: not _FILE.fullmatch(line), outcome.lines))
        self.warnings = [explainer.one(line) for line in said if "[warn]" in line]
        self._require_included(outcome.lines, manifest)
        self.warnings += self._inspected(outcome, manifest, "nothing was changed")
        return how

    def complaint(self, manifest: Manifest) -> str:
        """Return what the program has against the live tree, empty if it accepts it or is not there.

        :raises ConfigTreeError: if it accepts it, although files of somebody else keep managed ones from their effect
        """
        program = find_program(self.argv[0]) if self.argv else None
        outcome = self._run([program, *self.argv[1:]]) if program else CommandResult(0)
        if outcome.status == 0:
            self._inspected(outcome, manifest, "this run changes nothing, and sites may not be served already")
            return ""
        told = Explainer(self.root, self.root, manifest).explain(outcome.lines, outcome.status)
        refused = f"{os.path.basename(self.argv[0])} refuses the configuration of the host, although this run changes nothing: {told}"
        return with_cause(known_cause(outcome.lines, NGINX), refused)

    def _inspected(self, outcome: CommandResult, manifest: Manifest, state: str) -> list[str]:
        """Return warnings about files of somebody else.

        :raises ConfigTreeError: if they keep managed files from their effect
        """
        if self.inspector is None:
            return []
        ours = {os.path.join(self.root, path) for path in manifest.files}
        found = self.inspector(outcome.output, lambda path: path in ours or path.startswith(_OWN_STATE))
        if found.problems:
            raise ConfigTreeError(f"{'; '.join(found.problems)} ({state})")
        return found.warnings

    def _require_included(self, lines: t.Sequence[str], manifest: Manifest) -> None:
        """Fail where the program has not read a managed file: the main file, which somebody else has written, does not include it."""
        read = {match[1] for line in lines if (match := _FILE.fullmatch(line))}
        for directory in self.included:
            ours = [os.path.join(self.root, path) for path in manifest.files if os.path.dirname(path) == directory]
            left_out = sorted(path for path in ours if path not in read)
            if left_out:
                raise ConfigTreeError(
                    f"{self.root}/nginx.conf was written by somebody else and does not include {directory}, so nginx would not read"
                    f" {left_out[0]}; nothing was changed. Add `include {self.root}/{directory}/*;` to its http block, or put the file of"
                    " nginx's package back and let nginx_site_manage_main be true, and the role replaces it."
                )

    def _of_the_live_tree(self, program: str) -> str:
        """Return a sentence for a tree that was refused before the change already, empty for one that was not."""
        if not os.path.isdir(self.root) or self._run([program, *self.argv[1:]]).status == 0:
            return ""
        return f". {os.path.basename(program)} refuses the configuration of the host without this change too: mend that first"

    def _namespace(self, stage: str) -> list[str]:
        sh = ["sh", "-c", _IN_NAMESPACE, "config_tree", stage, self.root]
        return ["unshare", "--mount", "--propagation", "private", *sh]

    def _has_namespace(self, stage: str) -> bool:
        """Return whether a program that cannot fail ends well in a namespace: if it does not, there is no namespace to be had."""
        try:
            return self._run([*self._namespace(stage), "true"]).status == 0
        except CommandError:
            return False

    def _run_on_copy(self, stage: str) -> CommandResult:
        """Validate a copy in which every mention of the root leads to the copy."""
        if not self.fallback:
            raise ConfigTreeError("validate: this host gives no mount namespace (no CAP_SYS_ADMIN); set validate_fallback")
        copy = f"{stage}.check"
        os.mkdir(copy, 0o700)
        try:
            copy_tree(stage, copy)
            redirect(copy, self.root)
            program = find_program(self.fallback[0]) or self.fallback[0]
            outcome = self._run([program, *(word.replace("{root}", copy) for word in self.fallback[1:])])
        finally:
            remove_tree(copy)
        return CommandResult(outcome.status, outcome.output.replace(copy, self.root))

    def _run(self, argv: list[str]) -> CommandResult:
        return self.runner(argv, ANY_STATUS, together=True)


def redirect(copy: str, root: str) -> None:
    """Make every mention of the root in the files and links below a copy one of the copy."""
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
