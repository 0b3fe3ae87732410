# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The units of an instance and the files that a host writes for them."""

from __future__ import annotations

import json
import math
import os
import pwd

from ..app.layout import FILES, Layout, Release
from ..app.orders import InstanceOrder
from ..host import systemd
from ..host.files import digest_of
from ..host.processes import begun_since
from . import static_files
from .static_files import MissingDirectoryError, OutwardLinkError
from .written_file import WrittenFile


class InstanceFiles:
    """The units of an instance, and its files."""

    def __init__(self, app: InstanceOrder) -> None:
        self.app, self.name, self.id = app, app["name"], app["id"]
        self.config_dir, self.run_dir, self.root = app["config_dir"], app["run_dir"], app["root"]
        self.layout = Layout(app)
        self.release = Release.from_dict(app["release"])
        self.unit = self.layout.unit(self.id)
        # The sockets of its units, by unit: the instance's own, then that of its stream pool.
        self.sockets = {self.unit: self.layout.instance_socket(self.id)}
        if "stream" in app["files"]:
            self.sockets[self.layout.stream_unit(self.id)] = self.layout.instance_stream_socket(self.id)
        self.wanted_units = list(self.sockets)
        # The texts of the units of its workers.
        self.workers = {self.layout.worker_unit(self.id, worker): text for worker, text in app.get("workers", {}).items()}
        # The texts of its timers, and of the units that these start.
        self.timers: dict[str, str] = {}
        self.jobs: dict[str, str] = {}
        for name, texts in app.get("timers", {}).items():
            timer = self.layout.timer_unit(self.id, name)
            self.timers[timer], self.jobs[self.layout.job_of(timer)] = texts["timer"], texts["service"]

    @property
    def unit_templates(self) -> dict[str, str]:
        """Return the texts of the unit templates by path. All instances of the application share these files."""
        own = {self.layout.unit_template: self.app["unit"]}
        return {**own, self.layout.stream_unit_template: self.app["stream_unit"]} if len(self.wanted_units) > 1 else own

    def _written(self) -> list[WrittenFile]:
        """Return the files of the instance, as they are written."""
        contents = {**self.app["files"], "record": self._record()}
        group = _group_of(self.app["user"])
        own = [
            WrittenFile(self.layout.file(self.id, kind), contents[kind], file.mode, group if file.by_group else 0)
            for kind, file in FILES.items()
            if kind in contents
        ]
        return [*own, *(WrittenFile(path, text, 0o644, 0) for path, text in self._unit_files().items())]

    def _unit_files(self) -> dict[str, str]:
        texts = [self.app["drop_in"], self.app.get("stream_drop_in", "")]
        beside = {**self.workers, **self.timers, **self.jobs}
        workers = {self.layout.unit_file(unit): text for unit, text in beside.items()}
        return {
            **workers,
            **self.unit_templates,
            **{self.layout.drop_in(unit): text for unit, text in zip(self.wanted_units, texts, strict=False)},
        }

    def _record(self) -> str:
        """Return the text of the record that later runs read.

        It has the release, checksums that reveal a change by hand, and the texts of the unit templates, which another instance overwrites.
        """
        texts = {self.layout.file(self.id, kind): text for kind, text in self.app["files"].items()}
        sums = {path: digest_of(text) for path, text in {**texts, **self._unit_files()}.items()}
        record = {"release": self.release._asdict(), "files": sums, "unit_templates": self.unit_templates}
        return json.dumps(record, sort_keys=True) + "\n"

    def stale_files(self) -> list[str]:
        """Return the paths of files that are missing, or whose text or permissions were changed by hand."""
        return [file.path for file in self._written() if not file.is_right()]

    def differences(self) -> list[tuple[str, str]]:
        """Return what a diff shows of these files, before and after."""
        return [file.difference() for file in self._written() if not file.is_right()]

    def write(self) -> None:
        for unit in self.wanted_units:
            os.makedirs(self.layout.drop_in_directory(unit), mode=0o755, exist_ok=True)
        for file in self._written():
            file.write()

    def _publish_into(self, directory: str, lenient: bool) -> None:
        """Put the files of static routes below a directory of public files."""
        public = self.layout.public_files(directory)
        links: dict[str, str] = {}
        for route in self.app["static"]:
            path = route["path"].strip("/")
            place = f"{public}/{path}"
            try:
                found = static_files.publish(self.release.path, route["directory"], route["path"], place)
                links |= {os.path.join(path, link): leads for link, leads in found.items()}
                static_files.require_page(place, route)
            except (MissingDirectoryError, OutwardLinkError):
                if not lenient:
                    raise
        static_files.publish_links(public, links)
        for name, page in self.app.get("error_pages", {}).items():
            try:
                static_files.publish_page(self.release.path, page, name, self.layout.error_page(directory, name))
            except MissingDirectoryError:
                if not lenient:
                    raise

    def _is_published(self) -> bool:
        """Return whether nginx has the files of each static route, and the pages, as far as the release has them."""
        public = self.layout.public_files(self.id)
        places = [(f"{public}/{route['path'].strip('/')}", f"{self.release.path}/{route['directory']}") for route in self.app["static"]]
        pages = os.path.dirname(self.layout.error_page(self.id, "")) if self.app.get("error_pages") else public
        whole = all(_is_published_at(place, source) for place, source in places)
        return os.path.isdir(public) and os.path.isdir(pages) and whole

    def begun_with_other_texts(self) -> set[str]:
        """Return the units that have begun since somebody has changed a file that they read, and the timers that read one.

        The others go on with the right text, so that a restart would only cost requests.
        """
        changed = self._changed_texts()
        states = systemd.show(list(changed))
        begun = {unit for unit, moment in changed.items() if begun_since(int(states[unit].get("MainPID") or 0), moment)}
        return begun | {unit for unit in changed if unit in self.timers}

    def _changed_texts(self) -> dict[str, float]:
        """Return when somebody has changed a file that a unit reads, in seconds since the epoch, by unit; infinity if there is no file now."""
        readers, found = self._readers(), dict[str, float]()
        for file in self._written():
            if not file.has_text():
                found |= {unit: min(file.changed_at(), found.get(unit, math.inf)) for unit in readers.get(file.path, [])}
        return found

    def _readers(self) -> dict[str, list[str]]:
        """Return the units that read a file when they begin, by its path. The unit of a timer's command begins anew each time."""
        layout, pool = self.layout, self.wanted_units[1:]
        each = [*self.wanted_units, *self.workers]
        kinds = {"ini": [self.unit], "stream": pool, "websocket": pool, "env": each, "secrets": each}
        templates = zip(self.unit_templates, self.wanted_units, strict=True)
        return {
            **{layout.file(self.id, kind): units for kind, units in kinds.items()},
            **{path: [unit] for path, unit in templates},
            **{layout.drop_in(unit): [unit] for unit in self.wanted_units},
            **{layout.unit_file(unit): [unit] for unit in [*self.workers, *self.timers]},
        }


def _is_published_at(place: str, source: str) -> bool:
    """Return whether a directory of a release, if there is one, has been published; one with hidden names alone is published as an empty one."""
    if not os.path.isdir(source):
        return True
    return os.path.isdir(place) and (static_files.has_public_names(place) or not static_files.has_public_names(source))


def _group_of(user: str) -> int:
    """Return the number of a user's group, one that no group has where there is no such user."""
    try:
        return pwd.getpwnam(user).pw_gid
    except KeyError:
        return -1
