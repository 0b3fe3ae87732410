# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The descriptions of applications that the controller sends to a host, each with what one kind of work needs."""

from __future__ import annotations

import typing as t


class PlacedApp(t.TypedDict):
    """The name of an application and its three directories: all that is needed to find what a host has of it."""

    name: str
    root: str
    config_dir: str
    run_dir: str


class AccountApp(PlacedApp):
    """An application whose user and directories are to exist.

    ``prebuilt`` are paths of code that something else puts on the host, and ``own_dirs`` directories in /var that are made for it.
    """

    user: str
    web_group: str
    prebuilt: list[str]
    own_dirs: list[str]


class AbsentApp(AccountApp):
    """An application that is to be removed; ``purge`` says whether its shared files and its user go too."""

    purge: bool


class HealthCheck(t.TypedDict):
    """The request that a candidate must answer, and how long and how often."""

    path: str
    host: str
    prefix: str
    headers: dict[str, str]
    status: list[int]
    body: str
    timeout: float
    interval: float
    successes: int


class StaticRoute(t.TypedDict):
    """A URL below which nginx serves a directory of the release."""

    path: str
    directory: str


class CommandLimits(t.TypedDict):
    """Limits of each command of a deployment: seconds, and memory as systemd writes it."""

    timeout: int
    memory_max: str


class CommandApp(t.TypedDict):
    """An application of which a deployment runs commands.

    ``environment`` has the secrets too. ``command_sandbox`` are properties of the units in which the commands run.
    """

    name: str
    user: str
    root: str
    hooks: dict[str, list[str]]
    environment: dict[str, str]
    command_sandbox: list[str]
    command_limits: CommandLimits


class HostApp(PlacedApp, CommandApp):
    """An application as a host runs it.

    ``error_pages`` are paths of pages in the release by the name of the page, and ``writable`` the further paths that it may write to.
    """

    health: HealthCheck
    drain_timeout: int
    stop_timeout: int
    keep_releases: int
    strategy: str
    static: list[StaticRoute]
    error_pages: dict[str, str]
    writable: list[str]


class _InstanceOrder(HostApp):
    id: str
    release: dict[str, str]
    files: dict[str, str]
    unit: str
    drop_in: str


class SealedSecrets(t.TypedDict):
    """The digest of an application's secrets in the id of its instance, and a seal by which the controller knows whose digest it is.

    A short secret can be tried out from the seal, so a host keeps it where root alone reads, and no result of a task has it.
    """

    digest: str
    seal: str


class TimerTexts(t.TypedDict):
    """The texts of a timer and of the unit that it starts."""

    timer: str
    service: str


class InstanceOrder(_InstanceOrder, total=False):
    """An instance that is wanted: the dict of a :class:`Release`, texts by the keys of ``FILES``, and the texts of its units.

    The two of the stream are there only where it has a pool for streams, as is ``files["stream"]``. ``workers`` has the texts of the units
    of its workers, by their name and number such as ``queue.1``, and ``timers`` those of its timers by name; each is there only if it has any.
    """

    sealed: SealedSecrets
    workers: dict[str, str]
    timers: dict[str, TimerTexts]

    stream_unit: str
    stream_drop_in: str


class InspectOrder(t.TypedDict):
    """An application whose releases and interpreter are asked for."""

    name: str
    root: str
    python: str


class DeclaredRequirements(t.TypedDict):
    """Lines of requirements in place of a file that pip reads.

    ``resolved`` are installed with what they need, in the versions of ``constraints``. ``locked`` have hashes, and ``loose`` can have none;
    both are all that is needed. ``project`` is the directory of a project that goes into the release itself, empty for none.
    """

    constraints: list[str]
    resolved: list[str]
    locked: list[str]
    loose: list[str]
    project: str


class PinnedPackages(t.TypedDict):
    """Packages of which a virtualenv gets exactly one version: by normalized name, the version with the hashes that its files may have.

    ``required`` are those of the source and the description, and ``beside`` those that are installed if nothing has required them.
    ``basis`` names what else decides which file of a version pip takes: the interpreter and the options of pip.
    """

    basis: str
    required: dict[str, str]
    beside: dict[str, str]


class PlannedRelease(t.TypedDict):
    """A release as the controller has named it. ``requirements`` and ``package`` are files of the source.

    ``hashed`` says whether the requirements have hashes. ``instance_path`` is where Flask looks for the instance folder, in the release.
    """

    id: str
    virtualenv_id: str
    requirements: str | None
    declared: DeclaredRequirements | None
    package: str | None
    callable: str
    revision: str
    imports: str
    hashed: bool
    shared_paths: list[str]
    instance_path: str
    pinned: PinnedPackages


class ReleaseOrder(CommandApp):
    """A release that is to be built; ``constraints`` are those of another host that has resolved its requirements.

    ``extra_requirements`` are installed beside those of the source, ``build_constraints`` hold for what packages are built with, and
    ``system_site_packages`` says whether the virtualenv has the Python packages of the distribution too.

    ``secrets`` has the names of those variables of ``environment`` that nothing may show. ``build_environment`` is for pip, and nothing
    may show it.
    """

    build_environment: dict[str, str]
    secrets: list[str]
    python: str
    uwsgi: str
    gevent: list[str]
    extra_requirements: list[str]
    build_constraints: list[str]
    system_site_packages: bool
    constraints: str | None
    release: PlannedRelease
