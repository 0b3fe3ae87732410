# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The transaction of config_tree: compare, stage, validate, swap, reload, commit; or undo.

A run that is killed leaves one of these states, and the next run ends it:

* before the swap: a stage beside the root, nothing else. It is deleted.
* after the swap: the pending mark names the stage, which now holds the old tree (or there is a journal).
  The swap is undone, and the run goes on from the old tree as if the killed one had not been.
* after the commit: the old tree as a leftover. It is deleted.
"""

from __future__ import annotations

import contextlib
import os
import typing as t

from ..host import files
from ..host.causes import known_cause, with_cause
from ..host.command import CommandError
from ..host.known_causes import NGINX
from . import journal, servers, stage
from .explain import Explainer
from .listening import Listening, SocketsOf, difference
from .pending_mark import PendingMark
from .plan import Planner, TreePlan
from .probe import NoProbe, Probe
from .request import MANIFEST, ConfigTreeError, Manifest, TreeRequest, check_request
from .result import Result
from .service import Service
from .tree_lock import held
from .unanswered import Unanswered
from .validate import Inspector, TreeValidator

_ATTEMPTS = 3


class Transaction:
    """One call of config_tree on the host."""

    def __init__(
        self,
        request: TreeRequest,
        service: Service,
        state_dir: str = "",
        probe: Probe | None = None,
        who: str = "somebody",
        inspector: Inspector | None = None,
        sockets_of: SocketsOf = lambda _entries: [],
    ) -> None:
        check_request(request.entries, request.absent)
        self.request = request
        self.service = service
        self.who = who
        self.inspector = inspector
        self.probe = probe or NoProbe()
        self.answers: t.Mapping[t.Any, t.Any] = {}
        self.name = os.path.normpath(request.root)  # as messages and the validator have it
        self.root = os.path.realpath(request.root)  # behind symbolic links
        self.listening = Listening(service, sockets_of, request.entries, self.root)
        if not os.path.isabs(request.root) or self.root == "/":
            raise ConfigTreeError(f"root: '{request.root}' must be an absolute path below /")
        self.places = stage.Places(self.root)
        self.state = stage.state_path(self.root, state_dir)
        self.mark = PendingMark(f"{self.state}.pending")
        self.unanswered = Unanswered(f"{self.state}.unanswered")
        self.stage = ""

    def predict(self) -> Result:
        """Return what :meth:`run` would do, and touch nothing."""
        plan = self._plan()
        active = self.service.is_active()
        pending = (self.mark.read() is not None or bool(self._to_ask())) and active
        reloads = (plan.differs and active) or pending
        lost = self.listening.still_lost(self.listening.lost(), plan.manifest)
        restarts = bool(lost) and active
        if restarts and self.request.want_diff:
            plan.diff += difference(lost)
        changed = plan.differs or plan.manifest_changed or pending or restarts
        return Result(plan, changed=changed, reloaded=reloads, restarted=restarts)

    def settled(self, check: bool) -> Result | None:
        """Return what :meth:`run` would return, ``None`` unless it would find nothing to do and nothing to tell.

        :param check: whether the program that validates may not run, since it may write files
        """
        result = self.predict()
        plan = result.plan
        if result.changed or plan.diff or self._has_leftovers() or self.unanswered.names() or not self.service.is_active():
            return None
        return result if check or not self._validator().complaint(plan.manifest) else None

    def run(self) -> Result:
        """Carry the transaction out.

        :raises ConfigTreeError: when it was refused or undone, and the tree is as before; also when a site does not answer with the new tree
        """
        with self._lock():
            recovered = self._recover()
            lost = self.listening.lost()
            plan = self._plan()
            result = Result(plan, recovered=recovered)
            made_root = plan.differs and self._make_root()
            try:
                if plan.differs:
                    self._swap(result)
                if result.plan.manifest_changed and not result.plan.differs:
                    stage.write_manifest(self.root, result.plan.manifest)
                self._settle(result)
                if result.swapped == "none":
                    self._require_accepted(result)
            finally:
                if not self._is_uncommitted():
                    self._sweep()
                if made_root:
                    self._unmake_root()
            self._make_sockets_again(result, lost)
            self._require_served(result)
            acted = result.reloaded or result.restarted or recovered
            result.changed = result.plan.differs or result.plan.manifest_changed or acted
            return result

    def _plan(self) -> TreePlan:
        planner = Planner(self.name, self.request.want_diff)
        entries, owners = servers.settle(self.request, planner.known)
        return planner.make(entries, self.request.absent, owners)

    def _lock(self) -> contextlib.AbstractContextManager[None]:
        """Exclude other runs over this root."""
        return held(self.state, self.name, self.who)

    def _make_root(self) -> bool:
        """Make a root that is not there, and return whether that was so."""
        if os.path.isdir(self.root):
            return False
        os.makedirs(self.root, 0o755)
        os.chmod(self.root, 0o755)
        return True

    def _unmake_root(self) -> None:
        """Take back a root made for a change that was refused; one with contents stays."""
        with contextlib.suppress(OSError):
            os.rmdir(self.root)

    def _recover(self) -> bool:
        """Undo what a killed run did not commit, delete what it left, and return whether the tree changed."""
        undone = journal.restore_journal(self.places)
        if self._is_uncommitted():
            undone = files.exchange(self.root, self.mark.read()["stage"]) or undone
        # Somebody may have mended a site that did not answer, in a file that the service has not read yet.
        if undone or self.mark.read() or self._to_ask():
            self.mark.write()
        self._sweep()
        return undone

    def _to_ask(self) -> set[str]:
        """Return the sites that have not been seen to answer and that this run can ask."""
        return self.unanswered.names() & set(self.probe.names)

    def _is_uncommitted(self) -> bool:
        """Return whether the live tree was exchanged but not committed, with its predecessor still beside it."""
        mark = self.mark.read() or {}
        if not os.path.isdir(str(mark.get("stage", ""))) or not os.path.isdir(self.root):
            return False
        return os.stat(self.root).st_ino == mark.get("inode")

    def _has_leftovers(self) -> bool:
        """Return whether a killed run has left something that :meth:`run` undoes or deletes."""
        begun = [name for directory in (os.path.dirname(self.mark.path), self.root) for name in files.partials(directory)]
        return bool(self.places.leftovers() or begun or os.path.lexists(self.places.journal) or self.mark.read() is not None)

    def _sweep(self) -> None:
        """Delete what is not needed: stages, the old tree once it is committed, half-written files."""
        for path in self.places.leftovers():
            files.remove_tree(path)
        for path in (self.mark.path, os.path.join(self.root, MANIFEST)):
            files.remove_partials(path)

    def _swap(self, result: Result) -> None:
        """Stage, validate and swap; again from the start when somebody changes the live tree meanwhile."""
        for _attempt in range(_ATTEMPTS):
            before = stage.inventory(self.root)
            result.plan = self._plan()
            if not result.plan.differs:
                return
            self._build(result)
            if stage.inventory(self.root) == before:
                self._go_live(result)
                return
            self._sweep()
        raise ConfigTreeError(f"somebody keeps changing files below {self.root}; nothing was changed. Run again later")

    def _build(self, result: Result) -> None:
        """Make the stage: the live tree with the plan written into it, accepted by the validator."""
        self.stage = self.places.new_stage()
        files.copy_tree(self.root, self.stage)
        stage.apply_plan(self.stage, result.plan)
        validator = self._validator()
        try:
            result.validated = validator.check(self.stage, result.plan.manifest)
        except CommandError as error:
            raise ConfigTreeError(str(error)) from error
        result.warnings = validator.warnings

    def _validator(self) -> TreeValidator:
        request = self.request
        return TreeValidator(self.name, request.validate, request.validate_fallback, self.service.runner, request.included, self.inspector)

    def _require_accepted(self, result: Result) -> None:
        """Tell of a tree that somebody else has spoiled, where this run changes nothing: the service runs with what it has loaded before.

        :raises ConfigTreeError: if the service does not run, and so cannot be started; also if the tree keeps managed files from their effect
        """
        complaint = self._validator().complaint(result.plan.manifest)
        if complaint and not self.service.is_active():
            raise ConfigTreeError(f"{complaint}. {self.service.name} does not run and cannot be started")
        if complaint:
            result.warnings.append(f"{complaint}. {self.service.name} serves what it has loaded before, and would not start again")

    def _go_live(self, result: Result) -> None:
        """Swap the stage in: by one exchange where that is possible, else file by file under a journal."""
        if self.service.is_active():
            self.answers = self.probe.look(result.plan.concerned(self.probe.names))
        files.copy_attributes(self.root, self.stage)
        files.fsync_dirs(self.stage)
        self.mark.write(stage=self.stage, inode=os.stat(self.stage).st_ino)
        if not files.mounts_at_or_below(self.root) and files.exchange(self.root, self.stage):
            result.swapped = "exchange"
            return
        self.mark.write()
        result.swapped = "files"
        try:
            journal.replace_files(self.places, self.stage, result.plan)
        except OSError as error:
            journal.restore_journal(self.places)
            self.mark.clear()
            raise ConfigTreeError(f"cannot write below {self.root} ({error}); everything is as before") from error

    def _settle(self, result: Result) -> None:
        """Have the service take the tree and commit, or undo the swap."""
        if self.mark.read() is None:
            return
        trouble = ""
        if self.service.is_active():
            trouble = self._reload()
            result.reloaded = not trouble
        if result.reloaded and result.swapped != "none":
            trouble = self.probe.worse(self.answers, result.plan.new_owners())
        if trouble and result.swapped != "none":
            self._undo(result, trouble)
        if trouble:
            told = f"{trouble}. It said: {self._said(self.root, result.plan.manifest)}"
            raise ConfigTreeError(with_cause(known_cause(self.service.said(), NGINX), told))
        if result.swapped != "none":
            self.unanswered.add(result.plan.concerned(set(self.probe.names)))
        journal.close_journal(self.places)  # before the mark: undone later, the journal would need it
        self.mark.clear()

    def _make_sockets_again(self, result: Result, lost: list[str]) -> None:
        """Restart a service that had lost a socket before the change, and have all sites asked then.

        :raises ConfigTreeError: if that does not help
        """
        lost = self.listening.still_lost(lost, result.plan.manifest)
        if not lost or not self.service.is_active():
            return
        if complaint := self._validator().complaint(result.plan.manifest):
            result.warnings.append(f"{', '.join(lost)} is gone, and {self.service.name} would not start again. {complaint}")
            return
        if self.request.want_diff:
            result.plan.diff += difference(lost)
        self.listening.restart(lost)
        result.restarted = True
        self.unanswered.add(set(self.probe.names))

    def _require_served(self, result: Result) -> None:
        """Ask the sites that this change, or an earlier one, concerned and that have not been seen to answer since.

        :raises ConfigTreeError: if one does not answer itself; the change stays, as other sites are served by it
        """
        if not self.unanswered.names() or not self.service.is_active():
            return
        causes = self.unanswered.ask(self.probe, {record["owner"] for record in result.plan.manifest.files.values()})
        if causes:
            told = "\n".join(f"{site}: {cause}." for site, cause in sorted(causes.items()))
            told += f"\n{self.service.name} runs with the new configuration, and the next run asks again."
            told += f" It said: {self._said(self.root, result.plan.manifest)}"
            raise ConfigTreeError(with_cause(known_cause(self.service.said(), NGINX), told))

    def _reload(self) -> str:
        """Reload the service, and return why that did not take, whatever went wrong; empty if it did."""
        try:
            return self.service.reload()
        except (CommandError, OSError, ValueError) as error:
            return f"the reload of {self.service.name} failed: {error}"

    def _undo(self, result: Result, trouble: str) -> None:
        """Put the old tree back and reload again.

        :raises ConfigTreeError: always, with what the service said
        """
        refused = self.stage if result.swapped == "exchange" else self.root
        if result.swapped == "exchange":
            files.exchange(self.root, self.stage)
        said, lines = self._said(refused, result.plan.manifest), self.service.said()
        if result.swapped == "files":
            journal.restore_journal(self.places)
        self.mark.write()
        again = self._reload()
        if not again:
            self.mark.clear()
        state = f"but with it too: {again}" if again else "and the service runs with it"
        told = f"{trouble}. The old tree is back, {state}. It said: {said}"
        raise ConfigTreeError(with_cause(known_cause(lines, NGINX), told), service_lines=lines)

    def _said(self, tree: str, manifest: Manifest) -> str:
        """Return the service's own words about a tree, with the owners of the files that they name."""
        lines = self.service.said()
        return Explainer(self.name, tree, manifest).explain(lines) if lines else "it logged nothing"
