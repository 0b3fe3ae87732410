# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host on which releases are built by real commands of another user; pip alone is played."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.cage import Cage, StepError
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError, run
from ansible_collections.flaskops.stack.tests.unit.archives import tar

# A user other than root with a group of the same name, as each application has one.
USER = next((user.pw_name for user in pwd.getpwall() if user.pw_uid != 0 and user.pw_name == grp.getgrgid(user.pw_gid).gr_name), "")


def version_for_others(python: str) -> str:
    """Return the version of an interpreter if other users can run it."""
    show = "import sys; print(*sys.version_info[:2], sep='.', end='')"
    try:
        done = subprocess.run([python, "-c", show], check=False, capture_output=True, text=True, user=USER, group=USER, extra_groups=[])
    except OSError:
        return ""
    return done.stdout


# Other users may not be able to run the interpreter of the tests: it may lie in a home directory.
FOUND = {python: version_for_others(python) for python in (sys._base_executable, "/usr/bin/python3") if os.geteuid() == 0}
PYTHON, VERSION = next(((python, version) for python, version in FOUND.items() if version), ("", ""))
needs_root = pytest.mark.skipif(not PYTHON, reason="root is needed, and an interpreter that other users can run")

# In place of pip: writes down how it was called and by whom, and installs uWSGI and a file that everybody may write to.
PIP = """
import os, sys
from pathlib import Path
log = Path("LOG")
with log.open("a") as file:
    print(os.getuid(), os.getcwd(), *sys.argv[1:], file=file)
Path("LOG.indexes").write_text(os.environ.get("PIP_EXTRA_INDEX_URL", ""))
packages = next(Path(sys.prefix).glob("lib/*/site-packages"))
if list(packages.glob("breaks*.dist-info")):
    if list(packages.glob("breaksunreached*")):
        print("WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None))")
    if list(packages.glob("breaksunbuilt*")):
        print("error: subprocess-exited-with-error")
    print("ERROR: broken by what is there")
    sys.exit(1)
if list(packages.glob("clashes*.dist-info")):
    (packages / "clashes.py").write_text("of another package")
if "fail" in sys.argv[-1]:
    if "unreached" in sys.argv[-1]:
        print("WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None))")
    print("ERROR: No matching distribution found for", sys.argv[-1])
    if "talkative" in sys.argv[-1]:
        print(*range(30), sep="\\n")
    sys.exit(1)
if "--constraint" in sys.argv:
    with log.open("a") as file:
        print("constraints:", Path(sys.argv[sys.argv.index("--constraint") + 1]).read_text().strip(), file=file)
if "--requirement" in sys.argv and os.path.exists(sys.argv[sys.argv.index("--requirement") + 1]):
    with log.open("a") as file:
        print("requirements:", *Path(sys.argv[sys.argv.index("--requirement") + 1]).read_text().split(), file=file)
if "install" in sys.argv and "PIP_CONSTRAINT" in os.environ:
    with log.open("a") as file:
        print("tools:", *Path(os.environ["PIP_CONSTRAINT"]).read_text().split(), file=file)
if "--target" in sys.argv:
    Path("installed.py").write_text("x = 1")
elif "install" in sys.argv:
    Path(sys.prefix, "installed").touch()
    Path(sys.prefix, "installed").chmod(0o666)
if "pyuwsgi==2" in sys.argv:
    described = next(Path(sys.prefix).glob("lib/*/site-packages")) / "pyuwsgi-2.dist-info"
    described.mkdir(exist_ok=True)
    (described / "METADATA").write_text("Name: pyuwsgi\\nVersion: 2\\n")
"""

# The packages that every virtualenv has from the beginning, and what is in their directories beside the metadata.
PACKAGES = {"flask-3.1.3": "", "local-1.0": "direct_url.json", "pip-25.0": ""}


def describe(packages: Path) -> None:
    """Write metadata as installers do."""
    for package, more in PACKAGES.items():
        name, _dash, version = package.partition("-")
        described = packages / f"{package}.dist-info"
        described.mkdir(parents=True)
        (described / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n\nName: not this\n")
        if more:
            (described / more).write_text("{}")


def without_systemd(cage: Cage, commands: Sequence[Sequence[str]], directory: str, env: Mapping[str, str]) -> str:
    """Run commands as the user of their cage: the machine that runs these tests need not run systemd."""
    user = pwd.getpwnam(cage.user)
    # Commands find the directory that is bound to a path at its own place here.
    for bound in [words.removeprefix("BindPaths=").split(":") for words in cage.properties if words.startswith("BindPaths=")]:
        commands = [[word.replace(bound[1], bound[0]) for word in command] for command in commands]
    options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "umask": 0o022, "cwd": directory}
    printed = ""
    for step, command in enumerate(commands):
        try:
            printed += run(command, together=True, env=env, **options).output
        except CommandError as error:
            raise StepError(error.message, step, error.lines) from error
    return printed


def make_host():
    """Directories of an application below one that every user can pass, and an interpreter whose virtualenvs have the played pip."""
    place = Path(tempfile.mkdtemp(prefix="flaskops-test-"))
    place.chmod(0o755)
    (place / "pip").mkdir()
    describe(place / "pip")
    (place / "pip/pip.py").write_text(PIP.replace("LOG", f"{place}/shared/pip.log"))
    python = place / "python"
    python.write_text(
        textwrap.dedent(f"""\
        #!/bin/sh
        # What new_venv and `python -m venv DIRECTORY` make, in less time.
        case "$1 $2 $3" in "-I -m venv") how=venv;; "-I -c "*) how=-c;; *) exec {PYTHON} "$@";; esac
        place=$4
        test ! -e {place}/no-$how || exit 1
        packages="$place/lib/python{VERSION}/site-packages"
        mkdir -p "$place/bin" "$packages" && ln -s {PYTHON} "$place/bin/python" && touch "$place/bin/uwsgi" && echo "home = /usr/bin" > "$place/pyvenv.cfg"
        cp -r {place}/pip/. "$packages"
        """)
    )
    python.chmod(0o755)
    for name in ("releases", "venvs", "shared"):
        (place / name).mkdir()
    if os.geteuid() == 0:
        shutil.chown(place / "shared", USER)
    yield SimpleNamespace(place=place, python=str(python), pip=place / "shared/pip.log")
    shutil.rmtree(place)


CODE = {"app.py": "app = 1\n", "run.sh": "#!/bin/sh\n", "pkg/mod.py": "x = 1\n", "link": "-> app.py"}


def packed(place: Path, members: dict[str, str | None] | None = None, **attributes) -> str:
    """Write an archive as the controller ships it; see :func:`tar`."""
    return str(tar(place / "shipped.tar.gz", CODE if members is None else members, **attributes))


def description(host, hooks=(), constraints=None, extra_requirements=(), system_site_packages=False, build_constraints=(), **plan) -> dict:
    made = {"id": "r1", "virtualenv_id": "v1", "requirements": None, "package": None, "callable": "app", "revision": "abc"}
    made |= {"imports": "", "hashed": False, "declared": None, "shared_paths": [], "instance_path": ""}
    made |= {"pinned": {"basis": "b", "required": {}, "beside": {}}, **plan}
    common = {"name": "shop", "user": USER, "root": str(host.place), "python": host.python, "uwsgi": "pyuwsgi==2", "gevent": []}
    common |= {"extra_requirements": list(extra_requirements), "system_site_packages": system_site_packages}
    common |= {"build_constraints": list(build_constraints)}
    common |= {"command_sandbox": [], "command_limits": {"timeout": 60, "memory_max": "80%"}}
    return {
        **common,
        "hooks": {"build": list(hooks)},
        "environment": {"TOKEN": "hunter2"},
        "build_environment": {},
        "constraints": constraints,
        "release": made,
    }


def everything_below(path: Path) -> list[os.stat_result]:
    return [path.lstat(), *(inner.lstat() for inner in path.rglob("*"))]


def pip_calls(host) -> list[str]:
    """Return the arguments of each call of pip, without its standing options."""
    options = ("--disable-pip-version-check", "--no-input", "--quiet")
    lines = [line for line in host.pip.read_text().splitlines() if not line.startswith(("constraints: ", "requirements: ", "tools: "))]
    return [" ".join(word for word in line.split()[2:] if word not in options) for line in lines]


def left(host) -> list[str]:
    return sorted(str(path.relative_to(host.place)) for name in ("releases", "venvs") for path in (host.place / name).iterdir()) + (
        ["next"] if os.path.lexists(host.place / "next") else []
    )
