# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host with one tree and one service, and two trees for it."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import Absent, Entry, TreeRequest
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.service import Service
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.transaction import Result, Transaction
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandResult
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.sites import SiteProbe

FIRST = [
    Entry("sites/shop", "shop", b"shop 1\n"),
    Entry("enabled/shop", "shop", link="../sites/shop"),
    Entry("sites/blog", "shop", b"blog 1\n"),
    Entry("extra/blog", "shop", b"zone 1\n"),
]
SECOND = [
    Entry("sites/shop", "shop", b"shop 2\n"),
    Entry("enabled/shop", "shop", link="../sites/more/shop"),
    Entry("sites/more/shop", "shop", b"more 2\n"),
    Entry("foreign", "shop", b"ours 2\n", force=True),
]
TREE_OF_FIRST = {
    "foreign": "foreign\n",
    "enabled/default": "-> nowhere",
    "sites/shop": "shop 1\n",
    "sites/blog": "blog 1\n",
    "extra/blog": "zone 1\n",
    "enabled/shop": "-> ../sites/shop",
}
TREE_OF_SECOND = {
    "foreign": "ours 2\n",
    "sites/shop": "shop 2\n",
    "sites/more/shop": "more 2\n",
    "enabled/shop": "-> ../sites/more/shop",
}


class Host:
    """A host with one tree and one service, which loads the tree at each reload it takes."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.root = base / "etc/nginx"
        self.state = base / "state"
        self.loaded = base / "loaded"
        self.active = True
        self.refuse: Callable[[dict[str, str]], bool] = lambda _tree: False
        # The sockets on which the service listens, which it makes when it starts.
        self.sockets: list[Path] = []
        self.makes_sockets = True
        # The text of a file by which the service listens on them; empty for any.
        self.listens_by = b""
        self.restarts = 0
        self.reloads: list[dict[str, str]] = []
        self.checked: list[str] = []
        self.checks = 0
        # The words with which the validator refuses the live tree.
        self.spoiled = ""
        self.on_check: Callable[[], object] = lambda: None
        self.probe: SiteProbe | None = None
        (self.root / "enabled").mkdir(parents=True)
        (self.root / "foreign").write_text("foreign\n")
        (self.root / "enabled/default").symlink_to("nowhere")

    def __call__(self, argv, accepted=(0,), together=False) -> CommandResult:
        """Run what the transaction runs."""
        return self.answer(argv).require(argv, accepted)

    def answer(self, argv: list[str]) -> CommandResult:
        if argv[:2] == ["systemctl", "is-active"]:
            return CommandResult(0, "active" if self.active else "inactive")
        if argv[:2] == ["systemctl", "reload"]:
            self.reloads.append(self.live())
            refused = self.refuse(self.live())
            if not refused:
                self.loaded.write_text(repr(sorted(self.live().items())))
            return CommandResult(int(refused), errors="Job failed" if refused else "")
        if argv[:2] == ["systemctl", "restart"]:
            self.restarts += 1
            for socket in self.sockets if self.makes_sockets else []:
                os.mknod(socket, stat.S_IFSOCK | 0o666)
            return CommandResult(0)
        if Path(argv[0]).name == "true":
            return CommandResult(int(bool(self.spoiled)), self.spoiled)
        if argv[0] == "journalctl":
            return CommandResult(0, f"[emerg] no in {self.root}/sites/shop:1")
        if argv[0] == "unshare" and argv[-1] != "true":
            self.checks += 1
            self.on_check()
            self.checked = [(Path(argv[8]) / "sites/shop").read_text()]
            return CommandResult(int("bad" in self.checked[0]), f"[emerg] bad in {self.root}/sites/shop:1")
        return CommandResult(0, "MainPID=77\n" if argv[:2] == ["systemctl", "show"] else "")

    def run(self, entries: list[Entry], check: bool = False, validate: bool = True, want_diff: bool = False) -> Result:
        absent = [Absent("enabled/default")] if entries is not FIRST else []
        request = TreeRequest(str(self.root), entries, absent, ["shop"], ["true"] if validate else [], want_diff=want_diff)
        sockets = [str(socket) for socket in self.sockets]
        transaction = Transaction(
            request,
            Service("nginx", runner=self),
            str(self.state),
            self.probe,
            "me@here",
            sockets_of=lambda texts: sockets if any(self.listens_by in text for text in texts) else [],
        )
        return transaction.predict() if check else transaction.run()

    def live(self) -> dict[str, str]:
        """The files below the root by path, links as `-> target`, config_tree's own left out."""
        found = {}
        for directory, names, plain in os.walk(self.root):
            for name in (*plain, *(name for name in names if os.path.islink(f"{directory}/{name}"))):
                path = Path(directory) / name
                text = f"-> {os.readlink(path)}" if path.is_symlink() else path.read_text()
                found[str(path.relative_to(self.root))] = text
        return {path: text for path, text in found.items() if not path.startswith(".flaskops")}

    def leftovers(self) -> list[str]:
        state = sorted(os.listdir(self.state)) if self.state.exists() else []
        return [name for name in [*os.listdir(self.root.parent), *state] if name != "nginx" and ".lock" not in name]

    def fingerprint(self) -> str:
        """All that a next run can go by. How full a stage is, is not in it."""
        marks = [sorted(json.loads(path.read_text() or "{}")) for path in self.state.glob("*.pending")]
        names = [re.sub("-[^.]*", "", name) for name in self.leftovers()]
        return repr(
            (
                sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*")),
                sorted(self.live().items()),
                self.loaded.read_text(),
                names,
                marks,
            )
        )

    def has_loaded_its_tree(self) -> bool:
        return self.loaded.read_text() == repr(sorted(self.live().items()))
