"""A host that was set up by hand, as the module ``adoption_info`` would tell it, from texts by path."""

from __future__ import annotations

import base64
import io
import tarfile
import typing as t
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.flaskops.stack.plugins.plugin_utils.adoption.adopt import Adoption, adopt
from ansible_collections.flaskops.stack.plugins.plugin_utils.adoption.nginx_files import matches

MAIN = "events {}\nhttp {\n    include mime.types;\n    include /etc/nginx/conf.d/*.conf;\n    include /etc/nginx/sites-enabled/*;\n}\n"


def packed(files: Mapping[str, str]) -> str:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return base64.b64encode(buffer.getvalue()).decode()


class Host:
    """Answers as the module does.

    :param files: texts by path
    :param code: files of every application's directory
    :param tree: what else is told of it
    """

    def __init__(self, files: Mapping[str, str], code: Mapping[str, str] | None = None, **tree: t.Any) -> None:
        self.files = {"/etc/nginx/nginx.conf": MAIN, **files}
        self.code = {"app.py": "", "requirements.txt": "flask\n"} if code is None else code
        self.tree = tree
        self.servers: list[dict[str, t.Any]] = []
        self.refused: dict[str, str] = {}
        self.asked: list[str] = []

    def ask(self, wanted: list[dict[str, t.Any]]) -> dict[str, t.Any]:
        patterns = [each["path"] for each in wanted]
        self.asked += patterns
        found = [path for path in self.files if any(matches(path, pattern) for pattern in patterns)]
        missing = {path: "no such file or directory" for path in patterns if "*" not in path and path not in self.files}
        return {
            "files": [{"path": path, "real": path, "text": self.files[path], "owner": 0, "owner_name": "root"} for path in found],
            "refused": {
                **missing,
                **{path: why for path, why in self.refused.items() if any(matches(path, pattern) for pattern in patterns)},
            },
            "servers": self.servers,
            "users": {"notes": 990, "www-data": 33},
        }

    def trees(self, wanted: list[dict[str, t.Any]]) -> dict[str, t.Any]:
        told = {"data": [], "git": {}, "packages": [], "problem": "", "kept_back": [], "archive": packed(self.code), **self.tree}
        return {"trees": [{**told, "path": each["path"], "asked": each["path"]} for each in wanted]}

    def adopted(self, place: Path) -> Adoption:
        place.mkdir(parents=True)
        return adopt("web1", self.ask, self.trees, place)
