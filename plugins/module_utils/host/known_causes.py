# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The failures that people meet again and again, each with its cause and what to write: the one table behind all messages.

``causes.py`` searches it, and ``tools/docs.py`` prints it into the documentation. The tests have the words of a real program for each row.
"""

from __future__ import annotations

import typing as t

# The programs that write the words: pip and build hooks; the other hooks; an application that starts or is asked; nginx; sudo and the shell
# by which a module is started; apt; systemd where it makes users and directories.
BUILD, HOOK, START, NGINX, LOGIN, APT, ACCOUNT = "build", "hook", "start", "nginx", "login", "apt", "account"
_COMMANDS, _CODE = (BUILD, HOOK), (BUILD, HOOK, START)


class Cause(t.NamedTuple):
    """A failure whose cause is known.

    :param failure: the failure in a few words, for the documentation
    :param pattern: regular expression that finds it in one line; the names of its groups may stand in ``says`` and ``remedy``
    :param says: the cause, in one clause
    :param remedy: what to write, in one clause
    :param at: who wrote the words
    :param fact: a question about the value of the group ``name`` that has to be answered yes, see ``app/modules.py``; the answer is ``{found}``
    :param unless: regular expression; where it finds something in any line, there is another cause
    """

    failure: str
    pattern: str
    says: str
    remedy: str
    at: tuple[str, ...]
    fact: str = ""
    unless: str = ""


_NO_MODULE = r"ModuleNotFoundError: No module named '(?P<name>\w+)'"
# A link or a renaming names two files, of which the second is written.
_UNDER_RELEASE = r"Read-only file system: (?:'[^']*' -> )?'(?P<path>(?:/\S+/[0-9a-f]{12}/|(?!/))[^']*)'(?! ->)"
_OTHER_PATH = r"Read-only file system: '(?P<path>/[^']*)'|[Cc]annot \w+ '?(?P<path2>/[^':]+)'?: Read-only file system"

# The gate's own words about a candidate whose socket it has not reached (instance/gate.py).
_NO_ANSWER = r"the (?:stream pool of the )?candidate \S+ was asked for .* and gave no answer \("

# With its path, or the processor before its name; Meson asks for others too, such as icc.
_COMPILER = r"(?:[\w./-]*[-/])?(?:gcc|cc|clang)"


# Programs that applications start with subprocess.
_PROGRAM = (
    r"(?:/usr)?(?:/bin/)?(?:git|node|npm|npx|yarn|pnpm|ffmpeg|ffprobe|wkhtmltopdf|pdftotext|pdftoppm|pandoc|convert|magick|dot|java|gs|soffice"
    r"|libreoffice|tesseract|chromium|exiftool|curl|ssh|rsync|pg_dump|mysqldump|redis-server|msgfmt|sendmail)"
)


def _below(directory: str) -> str:
    """Return what finds the refusal to write to something below a directory, with the name of its own directory there."""
    inside = rf"{directory}/(?P<name>[^/':\s]+)[^':]*"
    return rf"Read-only file system: '(?P<path>{inside})'|[Cc]annot \w+ (?:directory )?'?(?P<path2>{inside.replace('<name>', '<name2>')})'?: Read-only"


# The first row that fits counts, so the rows that say less come later.
CAUSES: tuple[Cause, ...] = (
    # --- limits and the system ---------------------------------------------------------------------------------------------------------
    Cause(
        "The disk is full",
        r"\[Errno 28\]|No space left on device|You don't have enough free space in (?P<path>\S+?)\.?$",
        "the file system of the host is full",
        "make room there (`df -h /srv /tmp /var` shows where), or lower keep_releases",
        _CODE + (NGINX, APT, ACCOUNT),
    ),
    Cause(
        "An application needs more memory than it may have",
        r"Failed with result 'oom-kill'|Main process exited, code=killed, status=9/KILL|died, killed by signal 9",
        "the kernel killed the application, as happens when memory runs out",
        "raise uwsgi.memory_max if it is set, have fewer uwsgi.processes, or give the host more memory",
        (START,),
    ),
    Cause(
        "Code writes memory and runs it",
        r"MemoryError: Cannot allocate write\+execute memory",
        "a library makes code while it runs, such as a callback of cffi, and the sandbox forbids that",
        "set sandbox.memory_execute: true",
        _CODE,
    ),
    Cause(
        "A path of the sandbox is missing (226/NAMESPACE)",
        r"Failed to set up mount namespacing: (?:/run/systemd/unit-root)?(?P<path>[^:\s]+): No such file",
        "systemd could not make the sandbox, since {path} is not on the host",
        "make that directory, or take it out of sandbox.write",
        _CODE,
    ),
    Cause(
        "The host allows no sandbox (226/NAMESPACE)",
        r"Failed to set up mount namespacing|Failed at step NAMESPACE|status=226/NAMESPACE",
        "the host does not let systemd make a sandbox (226/NAMESPACE)",
        "allow mount namespaces; a container of LXC or Proxmox needs the option nesting",
        _CODE,
    ),
    Cause(
        "The file system allows no programs (203/EXEC)",
        r"Unable to locate executable '(?P<path>[^']+)': Permission denied|Failed at step EXEC spawning (?P<path2>[^:]+): Permission denied",
        "the host does not run {path}, as on a file system that is mounted with noexec or a file without the right to be run",
        "mount it with exec, set root to a directory elsewhere, or make the file executable",
        _CODE,
    ),
    # --- the package index -------------------------------------------------------------------------------------------------------------
    Cause(
        "The name of the package index cannot be resolved",
        r"Retrying \(.*(?:Name or service not known|Temporary failure in name resolution|NameResolutionError)",
        "the host cannot resolve the name of the package index",
        "mend the DNS of the host, or set PIP_INDEX_URL in build_env, or /etc/pip.conf, to an index that it reaches",
        (BUILD,),
    ),
    Cause(
        "The package index does not answer",
        r"Retrying \(.*(?:NewConnectionError|ConnectTimeoutError|ReadTimeoutError|ProxyError)",
        "the host does not reach the package index",
        "open the way to it, or set PIP_INDEX_URL or https_proxy in build_env, or /etc/pip.conf",
        (BUILD,),
    ),
    Cause(
        "The certificate of the package index is not trusted",
        r"SSLCertVerificationError|CERTIFICATE_VERIFY_FAILED",
        "the host does not trust the certificate of the package index",
        "install the authority's certificate on the host and set PIP_CERT, or correct the clock of the host",
        _COMMANDS,
    ),
    Cause(
        "The package index speaks plain HTTP",
        r"The repository located at (?P<name>\S+) is not a trusted or secure host",
        "pip takes nothing from {name}, since that index speaks plain HTTP",
        "use its https address, or set PIP_TRUSTED_HOST to {name}",
        (BUILD,),
    ),
    # --- requirements ------------------------------------------------------------------------------------------------------------------
    Cause(
        "A requirement has another hash",
        r"THESE PACKAGES DO NOT MATCH THE HASHES",
        "a package that the index has is not the one whose hash stands in the requirements",
        "make the requirements file again, as with `pip-compile --generate-hashes`, and find out why the package has changed",
        (BUILD,),
    ),
    Cause(
        "Some requirements have hashes and others none",
        r"In --require-hashes mode, all requirements must have",
        "some requirements have hashes, so pip wants one for each package, also for those that others need",
        "make the whole file with `pip-compile --generate-hashes`, or remove all hashes",
        (BUILD,),
    ),
    Cause(
        "Requirements exclude each other",
        r"ResolutionImpossible|because these package versions have conflicting dependencies|Cannot install (?P<name>.+) because",
        "two requirements exclude each other",
        "loosen or change one of those that are named below",
        (BUILD,),
    ),
    Cause(
        "pip refuses the metadata of a version",
        r"Requested (?P<name>\S+) from .* has invalid metadata",
        "the index has {name}, and the pip of the host refuses it, since its metadata does not follow the rules",
        "require another version of it, or of the package that requires it",
        (BUILD,),
    ),
    Cause(
        "The index does not have a requirement",
        r"Could not find a version that satisfies the requirement (?P<name>\S+) \(from (?P<versions>versions: none)\)",
        "the index has no package {name}, or none that fits the Python and the processor of the host",
        "correct the name, or set PIP_INDEX_URL with its user and token in build_env, or /etc/pip.conf, to the index that has it",
        (BUILD,),
    ),
    Cause(
        "No version of a requirement is for the interpreter",
        r"different python version: .*Requires-Python (?P<name>[^;\s]+)",
        "the wanted version of a package is not for the Python of the host: it requires Python {name}",
        "set python to another interpreter of the host, or require another version",
        (BUILD,),
    ),
    Cause(
        "A requirement has no wheel for the interpreter or the processor",
        r"Could not find a version that satisfies the requirement (?P<name>\S+) "
        # A list of many versions is cut before its end.
        r"\(from versions: (?:.*?(?P<versions>[^\s,]+)\)|(?P<versions2>[^\s,]+),)",
        "the index has no {name} for the Python and the processor of the host; it has others, such as {versions}",
        "require a version that is there, or set python to another interpreter",
        (BUILD,),
    ),
    Cause(
        "A requirement cannot be read",
        r"Invalid requirement: (?P<name>.+)",
        "pip cannot read the requirement {name}",
        "write it as NAME==VERSION",
        (BUILD,),
    ),
    Cause(
        "git is not on the host",
        r"Cannot find command 'git'",
        "a requirement comes from git, which is not on the host",
        "add git to packages",
        (BUILD,),
    ),
    # --- compiling ---------------------------------------------------------------------------------------------------------------------
    Cause(
        "A repository wants a login",
        r"could not read (?:Username|Password) for '(?P<name>[^']+)'|Permission denied \((?P<name2>publickey)|Host key verification failed"
        r"|terminal prompts disabled",
        "a requirement comes from a repository that lets nobody in without a login, and the host has none",
        "put a wheel of it, or its directory, into the source and name that; or write its https address with ${{TOKEN}} as user, and the token into"
        " build_env",
        (BUILD,),
    ),
    Cause(
        "The headers of Python are missing",
        r"fatal error: Python\.h: No such file",
        "a package is compiled, and the headers of Python are not on the host",
        "add python3-dev and gcc to packages, or require a version that has a wheel",
        _COMMANDS,
    ),
    Cause(
        "A header of a library is missing",
        r"fatal error: (?P<name>[\w./+-]+\.h(?:pp)?): No such file",
        "a package is compiled, and the header {name} is not on the host",
        "add the -dev package that has it to packages (`apt-file search {name}` names it), or require a version that has a wheel",
        _COMMANDS,
    ),
    Cause(
        "A program of a library is missing",
        r"(?P<name>pg_config|mysql_config|xml2-config|xslt-config|curl-config|gdal-config|cmake|rustc|cargo|Rust|swig)"
        r"\b.*(?:not found|not installed|No such file|is required|is missing)|[Cc]an ?not find .*\b(?P<name2>pkg-config)",
        "a package is compiled, and {name} is not on the host, or does not find its library",
        "require a version that has a wheel, such as a newer psycopg2-binary, or add the package that has it to packages: libpq-dev and gcc for"
        " pg_config, default-libmysqlclient-dev, pkg-config and gcc for MySQL",
        _COMMANDS,
    ),
    Cause(
        "The compiler for C++ is missing",
        r"(?:command|directory:|execute) '(?P<name>(?:[\w./-]*[-/])?(?:g\+\+|c\+\+|clang\+\+|cc1plus))'|sh: \d+: (?P<name2>g\+\+|c\+\+): not found",
        "a package is compiled, and the compiler {name} is not on the host",
        "add g++ and python3-dev to packages, or require a version that has a wheel",
        _COMMANDS,
    ),
    Cause(
        "The compiler is missing",
        rf"command '(?P<name>{_COMPILER})' failed: No such file|No such file or directory: '(?P<name2>{_COMPILER})'"
        r"|sh: \d+: (?P<name3>gcc|cc|make): not found",
        "a package is compiled, and the compiler {name} is not on the host",
        "add gcc, libc6-dev and python3-dev to packages, or require a version that has a wheel",
        _COMMANDS,
    ),
    Cause(
        # pip indents what a build says; a build hook stands at the margin.
        "A package is built with a setuptools that is too new",
        r"^\s+ModuleNotFoundError: No module named '(?P<name>pkg_resources)'",
        "a package without a wheel is built with the newest setuptools, which has no {name} any more",
        "add `setuptools<81` to build_constraints, or require a version that has a wheel",
        (BUILD,),
    ),
    Cause(
        "A build tool cannot tell what belongs to the project",
        r"Multiple top-level (?:packages|modules) discovered in a flat-layout: (?P<name>\[.*\])",
        "setuptools has found {name} at the top of the project, and packs none of them unless it is told which",
        'write those of the application below [tool.setuptools] in pyproject.toml, such as `packages = ["shop"]`, or remove [build-system]'
        " if nobody installs the project: its modules are found without that",
        (BUILD,),
    ),
    Cause(
        "Hatch cannot tell what belongs to the project",
        r"Unable to determine which files to ship inside the wheel",
        "no directory has the name of the project, and Hatch packs none unless it is told which",
        'write `packages = ["shop"]` below [tool.hatch.build.targets.wheel] in pyproject.toml, or remove [build-system] if nobody installs the'
        " project: its modules are found without that",
        (BUILD,),
    ),
    Cause(
        "A project names a file that is not in the source",
        r"Readme file does not exist: (?P<name>\S+)|Description file (?P<name2>\S+) does not exist",
        "pyproject.toml names {name}, which is not in the source",
        "add the file (git ships committed files only, source.exclude leaves some out), or remove the line",
        (BUILD,),
    ),
    Cause(
        "The sources of a package are not for this Python",
        r"(?P<name>Failed to build installable wheels for .*|Getting requirements to build wheel did not run successfully|metadata-generation-failed)",
        "a package without a wheel for the Python of the host cannot be built",
        "require a version that has a wheel, or set python to the interpreter that it was made for",
        (BUILD,),
    ),
    Cause(
        "The interpreter cannot make virtualenvs",
        r"ensurepip is not",
        "the interpreter has no ensurepip, which makes virtualenvs",
        "add the package that has it to packages, such as python3.13-venv, or set python to an interpreter that is whole",
        (BUILD,),
    ),
    # --- modules -----------------------------------------------------------------------------------------------------------------------
    Cause(
        "A file of the project hides a module",
        r"cannot import name '\w+' from (?:partially initialized module )?'(?P<name>\w+)[\w.]*'"
        r"|(?:AttributeError: |partially initialized )module '(?P<name2>\w+)' has no attribute|No module named '(?P<name3>\w+)\.\w+'",
        "{found} of the project hides the module {name} that others import",
        "give {found} another name, and correct the imports of it",
        _CODE,
        "hidden",
    ),
    Cause(
        "A package was found, and a module of it was not",
        r"ModuleNotFoundError: No module named '(?P<package>(?!distutils\b)[\w.]+)\.(?P<name>\w+)'",
        "Python has found {package}, and there is no module {name} in it",
        "correct wsgi or the import that names it, or add its file to the source; if {package} is no part of the source, add the package that has"
        " {name}, or another version of it, to the requirements",
        _CODE,
    ),
    Cause(
        "A module of the project lies in another directory",
        _NO_MODULE,
        "the module {name} is in the directory {found} of the release, where Python does not look for it",
        "begin wsgi and the imports with that directory, set source.subdir, or install the project by a line `.` in the requirements",
        _CODE,
        "elsewhere",
    ),
    Cause(
        "wsgi names a module that the source does not have",
        _NO_MODULE,
        "wsgi begins with {name}, and the source has no such module",
        "correct wsgi, or source.subdir; the source must have {name}.py or {name}/__init__.py",
        (START,),
        "entry",
    ),
    Cause(
        "A module of setuptools or Python itself is gone",
        r"ModuleNotFoundError: No module named '(?P<name>\w+)(?:\.\w+)*'",
        "the module {name} is not part of newer versions of Python or setuptools any more, and a package still imports it",
        "require a newer version of that package, or add `{found}`, which has the module, to extra_requirements",
        _CODE,
        "gone",
    ),
    Cause(
        "A declared requirement is not installed",
        _NO_MODULE,
        "{found} has {name}, but not for this host: a condition after the semicolon excludes it, or the file is not the one that is installed",
        "remove the condition, set requirements to that file, or add the package to extra_requirements",
        _CODE,
        "declared",
    ),
    Cause(
        "A module comes from a package with another name",
        _NO_MODULE,
        "the module {name} is not installed; the package {found} has it",
        "add {found} to the requirements or to extra_requirements",
        _CODE,
        "packaged",
    ),
    Cause(
        "A requirement is not declared",
        _NO_MODULE,
        "the module {name} is not installed, and no requirement names it",
        "add the package that has it to the requirements or to extra_requirements; a package of your own has to be in the source (git ships"
        " committed files only)",
        _CODE,
    ),
    Cause(
        "Two modules import each other",
        r"cannot import name '(?P<name>\w+)' from partially initialized module '(?P<module>[\w.]+)'",
        "{module} is imported while it is still being imported itself, so that {name} is not there yet",
        "move the import of {name} below what it needs, or into the function that uses it",
        _CODE,
    ),
    Cause(
        "The code is for an older Flask",
        r"cannot import name '(?P<name>escape|Markup|JSONEncoder|JSONDecoder|_app_ctx_stack|_request_ctx_stack)' from 'flask[.']"
        r"|'(?:Flask|Blueprint)' object has no attribute '(?P<name2>before_first_request|before_app_first_request|json_encoder|json_decoder)'",
        "Flask has no {name} any more since its version 2.3 or 3.0",
        "require `flask<2.3` and `werkzeug<3`, or change the code as Flask's list of changes says (escape and Markup come from markupsafe)",
        _CODE,
    ),
    Cause(
        "Two packages do not fit each other",
        r"cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)' \([^)]*/site-packages/",
        "{module} has no {name} in the version that is installed, and a package imports it",
        "require a version of {module} that has it, as by `werkzeug<3` in extra_requirements, or a newer version of the package that imports it",
        _CODE,
    ),
    Cause(
        "wsgi names a module without its package",
        r"ImportError: attempted relative import (?:with no known parent package|beyond top-level package)",
        "a module that imports from its package is imported without it",
        "write wsgi with the package, such as shop.app:app, and have source.subdir name the directory that has the package in it",
        _CODE,
    ),
    Cause(
        "The library of PostgreSQL is missing",
        r"couldn't import psycopg 'python' implementation: (?P<name>libpq library not found)",
        "psycopg needs the library of PostgreSQL ({name})",
        "add libpq5 to packages, or `psycopg[binary]` to extra_requirements",
        _CODE,
    ),
    Cause(
        "A shared library is missing",
        r"(?P<name>lib[\w.+-]+\.so[\w.]*): cannot open shared object file",
        "the library {name} is not on the host",
        "add the package that has it to packages (libpq5 has libpq.so.5; `apt-file search {name}` names others)",
        _CODE,
    ),
    Cause(
        "The code is not for the Python of the host",
        r"(?P<name>SyntaxError: .+|IndentationError: .+|TabError: .+)",
        "Python cannot read the code ({name})",
        "correct the file that is named below, or set python to the interpreter that the code was written for",
        _CODE,
    ),
    # --- the entry point ---------------------------------------------------------------------------------------------------------------
    Cause(
        "The application is one for ASGI",
        r"TypeError: (?P<name>\w+)(?:\.__call__)?\(\) missing \d required positional arguments?: .*'send'",
        "{name} is an application for ASGI, such as those of FastAPI and Quart, and uWSGI speaks WSGI",
        "name a WSGI application, such as a Flask object; the package a2wsgi makes one of another: application = a2wsgi.ASGIMiddleware(app)",
        (START,),
    ),
    Cause(
        "wsgi names a factory without parentheses",
        r"TypeError: (?P<name>\w+)\(\) takes (?:from \d+ to )?\d+ positional arguments? but 2 were given",
        "the function {name} is called for each request, as if it were the application",
        "write it with parentheses if it makes the application, such as shop:{name}()",
        (START,),
    ),
    Cause(
        "The factory wants arguments",
        r"TypeError: (?P<name>\w+)\(\) missing \d+ required positional arguments?: (?P<rest>.+)",
        "the function {name} wants the arguments {rest}, and nobody gives them",
        "give them default values, or write a module that calls it and name that in wsgi",
        (START,),
    ),
    Cause(
        "wsgi names no application",
        r"TypeError: '(?P<name>\w+)' object is not callable",
        "the application, or something it calls, is of the type {name} and no function",
        "have wsgi name the Flask object or a factory with parentheses, such as shop:create_app()",
        (START,),
    ),
    # --- files and rights --------------------------------------------------------------------------------------------------------------
    Cause(
        "The application starts a server of its own",
        r"This is a development server\. Do not use it in a production",
        "the module starts Flask's own server while it is imported, so uWSGI never gets the application",
        'write app.run() below `if __name__ == "__main__":`, or remove it',
        (START,),
    ),
    Cause(
        "The module reads the command line",
        r"^(?:usage: uwsgi\b|uwsgi: error: )",
        "the module reads arguments of a command line while it is imported, and finds those of uWSGI",
        'read them below `if __name__ == "__main__":`, and take settings from the environment (env)',
        (START,),
    ),
    Cause(
        "A library crashed",
        r"got Segmentation Fault|died, killed by signal (?P<name>4|7|8|11)\b|code=(?:killed|dumped), status=(?P<name2>4/ILL|7/BUS|8/FPE|11/SEGV)",
        "a library that is not written in Python crashed",
        "require another version of the package that was imported last, or one that is built on the host; old processors lack what some wheels need",
        (START,),
    ),
    Cause(
        "A hook installs into the virtualenv",
        r"(?:Permission denied|Read-only file system): '(?P<path>/[^']+/site-packages/[^']*)'",
        "a command installs a package into the virtualenv, which belongs to root once the requirements are in it",
        "name the package in extra_requirements, which takes addresses too, such as `en_core_web_sm @ https://…/en_core_web_sm-3.8.0-py3-none-any.whl`",
        _COMMANDS,
    ),
    Cause(
        "A build writes to the shared directory",
        r"(?:Permission denied|Read-only file system): '(?P<path>/[^']*/shared/[^']*)'",
        "a build may not write to {path}, as a release that is live uses it meanwhile",
        "give the command another place during the build, as in `DATA_DIR=/tmp/data python …`, or make it a migrate hook",
        (BUILD,),
    ),
    Cause(
        "The application writes into its release",
        _UNDER_RELEASE,
        "the application writes to {path}, and a release is read-only",
        "name it in shared_paths by its path inside the release, or have it write to the directory shared below root, as by an absolute path"
        " in env; a build hook may write into the release",
        (HOOK, START),
    ),
    Cause(
        "The application writes below /var/lib",
        _below("/var/lib"),
        "{path} is read-only in the sandbox of the application",
        "add {name} to state_dirs, which are made for the application, or have it write to the directory shared below root",
        (HOOK, START),
    ),
    Cause(
        "The application writes below /var/log",
        _below("/var/log"),
        "{path} is read-only in the sandbox of the application",
        "add {name} to log_dirs, which are made for the application, or have it log to standard error, which goes to the journal",
        (HOOK, START),
    ),
    Cause(
        "The application writes where its sandbox forbids it",
        _OTHER_PATH,
        "{path} is read-only in the sandbox of the application",
        "add its directory to sandbox.write, or have the application write to the directory shared below root",
        (HOOK, START),
    ),
    Cause(
        "The disk of the releases is read-only",
        r"Read-only file system: '(?P<path>/[^']+/(?:releases|venvs))/\.[^']*'",
        "the file system of {path} is read-only",
        "mount it for writing (`dmesg` tells whether the kernel has found errors on it), or set root to a directory elsewhere",
        (BUILD,),
    ),
    Cause(
        "A build writes outside of its release",
        r"Read-only file system",
        "a build may write to its release, its HOME and /tmp only",
        "have the command write there, or make the file on the host before",
        (BUILD,),
    ),
    Cause(
        "A hook is a script without the right to be run",
        r"sh: \d+: (?P<path>\S*/\S+): Permission denied",
        "{path} has no right to be run",
        "run `chmod +x` on it in the source (`git update-index --chmod=+x` for git), or write `sh {path}` as the hook",
        _COMMANDS,
    ),
    Cause(
        "A hook is a program that the host does not have",
        r"sh: \d+: (?P<path>[^\s/]+): (?:not found|Permission denied)|sh: \d+: (?P<path2>\S+): not found",
        "the program {path} is not on the host, nor in the virtualenv",
        "add its package to packages or to extra_requirements, or write its whole path",
        _COMMANDS,
    ),
    Cause(
        "The application may not open a file",
        r"Permission denied: '(?P<path>[^']+)'",
        "the user of the application may not open {path}",
        "give that file to the user or its group; sandbox.write opens directories of the application's own user for writing",
        _CODE,
    ),
    Cause(
        "A template is not in the release",
        r"jinja2\.exceptions\.TemplateNotFound: (?P<path>\S+)",
        "the template {path} is not in the release",
        "add it to the source (git ships committed files only, source.exclude leaves some out), correct template_folder in the code, or make it a"
        " file of the package if the project is installed",
        (START,),
    ),
    Cause(
        "The application starts a program that the host does not have",
        rf"FileNotFoundError: .*No such file or directory: '(?P<name>{_PROGRAM})'",
        "the application starts the program {name}, which is not on the host",
        "add its package to packages, such as git; a release has no history, so that a version which git is asked for has to come from a file or env",
        (HOOK, START),
    ),
    Cause(
        "A file is not in the release",
        rf"^(?!{_NO_ANSWER}).*No such file or directory: '(?P<path>[^']+)'",
        "the file {path} is not there",
        "add it to the source (git ships committed files only, source.exclude leaves some out), or name it by an absolute path on the host",
        (HOOK, START),
    ),
    Cause(
        "SQLite cannot write its file",
        r"OperationalError:? (?:\(sqlite3\.OperationalError\) )?(?P<name>unable to open database file|attempt to write a readonly database)",
        "SQLite may not write to the file of its database or to the directory of that file",
        "have the file in the directory shared below root, by an absolute path in env; name it in shared_paths if it lies in the release; or add"
        " its directory to sandbox.write",
        (HOOK, START),
    ),
    # --- environment -------------------------------------------------------------------------------------------------------------------
    Cause(
        "Flask has no secret key",
        r"no secret key was set|[Aa] secret key is required|Must provide secret_key",
        "the application has no secret key, without which Flask has no sessions",
        'add one to secrets, such as SECRET_KEY, and have the application set it: app.secret_key = os.environ["SECRET_KEY"]',
        (START,),
    ),
    Cause(
        "An extra of Flask is missing",
        r"Install Flask with the '(?P<name>\w+)' extra",
        "the application has views that are asynchronous, and Flask is installed without what they need",
        "require `flask[{name}]`, in the requirements or in extra_requirements",
        (START,),
    ),
    Cause(
        "An environment variable is missing",
        r"(?:environment variable|env var) '?\"?(?P<name>[A-Z][A-Z0-9_]+)'?\"? (?:is )?(?:not set|missing|required)",
        "the environment variable {name} is not set",
        "add {name} to env or secrets",
        _CODE,
    ),
    Cause(
        "A setting is missing",
        r"KeyError: '(?P<name>[A-Z][A-Z0-9_]+)'|Either '(?P<name2>SQLALCHEMY_DATABASE_URI)' or ",
        "{name} is not there, probably an environment variable, or else a setting of the application",
        "add {name} to env or secrets, or to the configuration that the application reads",
        _CODE,
    ),
    Cause(
        "A file has another encoding",
        r"(?P<name>UnicodeDecodeError|UnicodeEncodeError): '(?P<codec>[\w-]+)' codec",
        "a text is read or written as {codec}, which it is not",
        'name the encoding in the code, as in open(…, encoding="utf-8"), or save the file as UTF-8',
        _CODE,
    ),
    # --- the network -------------------------------------------------------------------------------------------------------------------
    Cause(
        "An address is in use",
        r"bind\(\) to \S+ failed \(98: |Address already in use",
        "another program of the host listens at an address that is to be used",
        "stop it (`ss -ltnp` names it), or set nginx_site_listen to another port; an application listens on no port itself under uWSGI",
        (START, HOOK, NGINX),
    ),
    Cause(
        "The database refuses the login",
        r"password authentication failed for user \"(?P<name>[^\"]+)\"|Peer authentication failed for user \"(?P<name2>[^\"]+)\""
        r"|Access denied for user '(?P<name3>[^']+)'|FATAL: +(?:role|database) \"(?P<name4>[^\"]+)\" does not exist",
        "the database does not let {name} in, or has no such user or database",
        "correct user, password and database in env or secrets, or make them there",
        (HOOK, START),
    ),
    Cause(
        "The database has no tables",
        r"no such table: (?P<name>[\w.]+)|relation \"(?P<name2>[^\"]+)\" does not exist|Table '(?P<name3>[^']+)' doesn't exist",
        "the database has no table {name}",
        "add the command that makes it to hooks.migrate, such as `flask --app shop db upgrade`, and see that the hook and the application have one"
        " and the same database",
        (HOOK, START),
    ),
    Cause(
        "The database is not reached",
        r"(?P<name>ConnectionRefusedError|Connection refused|Can't connect to .*server|connection to server .* failed: (?!FATAL))",
        "a server that the application connects to, such as its database, refuses the connection",
        "start that server, or correct its address in env or secrets; sandbox.network must allow the way",
        (HOOK, START),
    ),
    Cause(
        "A server's name cannot be resolved",
        r"gaierror|Name or service not known|Temporary failure in name resolution|could not translate host name \"(?P<name>[^\"]+)\"",
        "the host cannot resolve the name of a server that the application connects to",
        "correct the name in env or secrets, or the DNS of the host; sandbox.network must allow the way",
        (HOOK, START),
    ),
    # --- nginx -------------------------------------------------------------------------------------------------------------------------
    Cause(
        "Another site is the default server",
        r"a duplicate default server for (?P<name>\S+) in (?P<path>[^:\s]+)",
        "two sites are the default server of {name}",
        "set nginx_site_catch_all: false to keep the host's own default server, or remove default_server from the other file",
        (NGINX,),
    ),
    Cause(
        "A directive stands twice",
        r"\"(?P<name>\w+)\" directive is duplicate in (?P<path>[^:\s]+)",
        "the directive {name} stands twice at the same level",
        "remove it from the file of your own, from nginx.extra or from the overlay",
        (NGINX,),
    ),
    Cause(
        "A name is taken in nginx",
        r"duplicate (?:\"(?P<what>\w+)\" name|(?P<what2>upstream|zone)) \"(?P<name>[^\"]+)\" in (?P<path>[^:\s]+)"
        r"|zone \"(?P<name2>[^\"]+)\" (?:is already (?:declared|bound)|conflicts with already declared)|_zone \"(?P<name3>[^\"]+)\" is already bound",
        "two files of nginx define {name}",
        "give the one in the file of your own, in nginx.extra or in the overlay another name",
        (NGINX,),
    ),
    Cause(
        "A file of nginx's configuration is missing",
        r"open\(\) \"(?P<path>/etc/nginx/[^\"]+)\" failed \(2: [^)]*\) in ",
        "nginx does not find {path}, maybe a link to a file that is gone",
        "remove that link, or what includes the file, or put the file back",
        (NGINX,),
    ),
    Cause(
        "nginx runs as another user",
        r"connect\(\) to unix:(?P<path>/run/flask(?:/|ops-)[^:\s]+)\S* failed \(13: ",
        "the workers of nginx may not use {path}, since they do not run as www-data",
        "write `user www-data;` into nginx.conf, as the packages of the distribution do",
        (NGINX,),
    ),
    Cause(
        "nginx is to run as somebody whom the host does not know",
        r"get(?:pw|gr)nam\(\"(?P<name>[^\"]+)\"\) failed",
        "nginx.conf has a `user` whose account or group {name} the host does not have",
        "write `user www-data;` there, as the packages of the distribution do",
        (NGINX,),
    ),
    Cause(
        "Buffers of nginx do not fit each other",
        r"\"(?P<name>\w+_(?:busy_buffers_size|temp_file_write_size|max_temp_file_size))\" must be",
        "{name} of the host does not fit the buffers of 16k that sites have",
        "remove it from the http block, or set it to 32k there",
        (NGINX,),
    ),
    Cause(
        "nginx has no certificate",
        r"cannot load certificate(?: key)? \"(?P<path>[^\"]+)\"",
        "nginx cannot read the certificate {path}",
        "put it there before the site that uses it, or correct its path",
        (NGINX,),
    ),
    Cause(
        "nginx has no IPv6",
        r"socket\(\) (?P<name>\[\S+) failed \(97: ",
        "the host has no IPv6, so nginx cannot listen at {name}",
        'set nginx_site_listen: ["80"]',
        (NGINX,),
    ),
    Cause(
        "nginx is older than 1.19.4 and a site has TLS",
        r"unknown directive \"ssl_reject_handshake\"",
        "nginx before 1.19.4 cannot refuse a TLS handshake for a name that no site has",
        "install a newer nginx, or set nginx_site_catch_all: false",
        (NGINX,),
    ),
    Cause(
        "nginx does not know a directive",
        r"unknown directive \"(?P<name>[^\"]+)\"",
        "nginx does not know the directive {name}",
        "correct its name, or install the module of nginx that has it",
        (NGINX,),
    ),
    Cause(
        "nginx cannot resolve a name",
        r"host not found in (?P<what>[\w ]+) \"(?P<name>[^\"]+)\"",
        "the host cannot resolve {name}",
        "write an address, or mend the DNS of the host",
        (NGINX,),
    ),
    # --- packages of the host ----------------------------------------------------------------------------------------------------------
    Cause(
        "The servers of apt cannot be resolved",
        r"Temporary failure resolving '(?P<name>[^']+)'",
        "the host cannot resolve {name}, where its packages come from",
        "mend the DNS of the host, as in /etc/resolv.conf",
        (APT,),
    ),
    Cause(
        "The clock of the host is wrong, apt says",
        r"Release file for (?P<name>\S+) is not valid yet \(invalid for another (?P<time>[^)]+)\)",
        "the clock of the host is behind by {time} or more, so that its packages are of the future for it",
        "set the clock there (`timedatectl` shows it; a time server is in /etc/systemd/timesyncd.conf)",
        (APT,),
    ),
    Cause(
        "A source of packages has ended, or the clock of the host is wrong",
        r"Release file for (?P<name>\S+) is expired",
        "the source of packages {name} is not kept up any more, or the clock of the host is ahead",
        "set the clock if it is wrong (`timedatectl` shows it), or correct /etc/apt/sources.list and the files in /etc/apt/sources.list.d",
        (APT,),
    ),
    Cause(
        "A source of packages is gone",
        r"The repository '(?P<name>[^']+)' (?:does not have|no longer has) a Release file",
        "the source of packages {name} is not there any more, as when a distribution has reached its end of life",
        "correct or remove it in /etc/apt/sources.list or the files in /etc/apt/sources.list.d",
        (APT,),
    ),
    Cause(
        "A source of packages is not signed by a known key",
        r"The repository '(?P<name>[^']+)' is not signed|NO_PUBKEY (?P<name2>[0-9A-F]+)",
        "apt does not know who signed a source of packages ({name})",
        "put the key of that source on the host and name it in Signed-By, or remove the source from /etc/apt/sources.list.d",
        (APT,),
    ),
    Cause(
        "The servers of apt do not answer",
        r"(?:Could not|Unable to) connect to (?P<name>[^\s:]+)",
        "the host does not reach {name}, where its packages come from",
        "open the way to it, or set a proxy in /etc/apt/apt.conf.d (Acquire::http::Proxy)",
        (APT,),
    ),
    Cause(
        "Another program installs packages",
        r"Could not get lock (?P<path>\S+?)\.(?: It is held by process (?P<name>\d+ \([^)]*\)))?",
        "another program installs packages on the host and has not ended",
        "wait for it, such as for unattended upgrades, or end it, and run again (`fuser {path}` names it)",
        (APT,),
    ),
    Cause(
        "An installation of packages was interrupted",
        r"dpkg was interrupted",
        "an earlier installation of packages was interrupted on the host",
        "run `dpkg --configure -a` there",
        (APT,),
    ),
    Cause(
        "Packages of the host do not fit each other",
        r"you have held broken packages|Unmet dependencies",
        "the packages of the host do not fit each other, as when one is held or comes from another source",
        "run `apt-get --fix-broken install` there, or `apt-mark unhold` for those that `apt-mark showhold` names",
        (APT,),
    ),
    # --- users and directories ---------------------------------------------------------------------------------------------------------
    Cause(
        "The host's configuration is on a read-only disk",
        r"Read-only file system",
        "a directory that the host keeps its configuration or its applications in is read-only",
        "mount it for writing (`dmesg` tells whether the kernel has found errors on the disk), or set root and config_dir to directories elsewhere",
        (ACCOUNT,),
    ),
    Cause(
        "A directory lies where root may not change owners",
        r"(?P<path>/[^\s:\"']+)[\"']?[^/]*: Operation not permitted|Operation not permitted: '(?P<path2>[^']+)'",
        "root of the host may not give {path} to its user, as on NFS with root_squash, or where a file has the attribute immutable",
        "export it with no_root_squash, set root to a directory elsewhere, or remove the attribute (`lsattr -d {path}` shows it)",
        (ACCOUNT,),
    ),
    # --- the way to the host -----------------------------------------------------------------------------------------------------------
    Cause(
        "sudo wants a password",
        r"sudo: a password is required|Missing sudo password",
        "the user of the connection needs a password to become root",
        "run with --ask-become-pass, or set ansible_become_password from a vault",
        (LOGIN,),
    ),
    Cause(
        "sudo does not take the password",
        r"incorrect password attempt|Sorry, try again",
        "sudo does not take the password",
        "correct ansible_become_password, or run with --ask-become-pass",
        (LOGIN,),
    ),
    Cause(
        "sudo wants a terminal",
        r"you must have a tty to run sudo",
        "sudo of the host wants a terminal (requiretty), and with pipelining Ansible has none",
        "set ansible_pipelining: false for this host, or write `Defaults:USER !requiretty` into a file of /etc/sudoers.d",
        (LOGIN,),
    ),
    Cause(
        "The host has no sudo",
        r"(?P<name>sudo|doas|su): (?:\d+: )?(?:command )?not found|sh: \d+: (?:\S*/)?(?P<name2>sudo|doas|su): not found",
        "the host has no {name}, by which Ansible becomes root",
        "install it there, set ansible_become_method to what the host has, or log in as root and set ansible_become: false",
        (LOGIN,),
    ),
    Cause(
        "sudo is not allowed",
        r"(?P<name>\S+) is not in the sudoers file|Sorry, user (?P<name2>\S+) is not allowed",
        "{name} may not become root on the host",
        "set ansible_user to a user who may, or allow it in /etc/sudoers.d",
        (LOGIN,),
    ),
    Cause(
        "The user of the connection has no account",
        r"you do not exist in the passwd database|unknown uid|No user exists for uid",
        "the user of the connection has no account on the host",
        "set ansible_user to a user that the host knows",
        (LOGIN,),
    ),
    Cause(
        "The host has no Python",
        r"python3?[\d.]*: (?:not found|No such file or directory|command not found)",
        "the host has no Python at the place where Ansible looks for it",
        "install python3 there, or set ansible_python_interpreter",
        (LOGIN,),
    ),
    # --- what says least ---------------------------------------------------------------------------------------------------------------
    Cause(
        "The application serves another name",
        r"Current server name '(?P<name>[^']+)' doesn't match configured server name '(?P<other>[^']+)'",
        "the application serves {other} alone, which is its SERVER_NAME, and was asked for {name}",
        "write the name of the site there, or {other} into nginx.server_names or health.host",
        (START,),
    ),
    Cause(
        "The application has no page for the health request",
        r"was asked for (?P<path>\S+) .* and answered (?P<name>404|405|410) with",
        "the application has no page {path} that answers a GET",
        "set health.path to a page that it has, or add {name} to health.status",
        (START,),
    ),
    Cause(
        "The page of the health request wants a login",
        r"was asked for (?P<path>\S+) .* and answered (?P<name>401|403) with",
        "the application shows the page {path} to known clients only",
        "set health.path to a page for everybody, send the credentials by health.headers, or add {name} to health.status",
        (START,),
    ),
    Cause(
        "The application does not take the host of the health request",
        r"\(Host: (?P<name>\S+)\) and answered 400 with .*\b(?:[Hh]ost|HTTP_HOST|trusted)\b",
        "the application refuses the request, as it does when {name} is not among its trusted hosts",
        "set health.host to a name that it takes, or correct nginx.server_names",
        (START,),
    ),
    Cause(
        "The health request is not as the application wants it",
        r"was asked for (?P<path>\S+) \(Host: (?P<name>\S+)\) and answered 400 with",
        "the application refuses the request for {path}, as it does when the page wants parameters, or when {name} is not among its trusted hosts",
        "set health.path to a page that it has for everybody, such as one with the parameters, or health.host to a name that it takes",
        (START,),
    ),
    Cause(
        "A worker was replaced while it answered the health request",
        r"\*\*\* HARAKIRI ON WORKER \d+ \(",
        "uWSGI has replaced a worker that was longer at a request than harakiri allows",
        "have the application do less at its first request, or set uwsgi.options.harakiri to more seconds than it takes",
        (START,),
    ),
    Cause(
        "The application starts too slowly",
        r"was not ready \(it is activating\) within (?P<name>\d+) s|gave no answer \(timed out\) within (?P<name2>\d+) s",
        "the application has not answered within {name} s",
        "raise health.timeout, or have the application do less while it is imported and when it is asked for health.path; if its code starts threads"
        " while it is imported, set lazy-apps: true in uwsgi.options",
        (START,),
    ),
    Cause(
        "The module has no callable of that name",
        r"unable to load app 0 .*callable not found",
        "the module that wsgi names has no callable of that name",
        "write wsgi as module:callable with the name of the Flask object, such as shop.wsgi:app",
        (START,),
        # uWSGI writes these words about every exception of the module, too.
        # The beginning of a long traceback is not among the last lines.
        unless=r"Traceback \(most recent call last\)|^\s*File \"[^\"]+\", line \d+",
    ),
)

# Modules that Python or setuptools has had, with the packages that have them today.
GONE = {
    "pkg_resources": "setuptools<81",
    "distutils": "setuptools",
    "imp": "zombie-imp",
    "cgi": "legacy-cgi",
    "cgitb": "legacy-cgi",
    "crypt": "legacycrypt",
    "audioop": "audioop-lts",
    **{
        name: f"standard-{name}"
        for name in (
            "aifc", "asynchat", "asyncore", "chunk", "imghdr", "mailcap", "nntplib", "pipes", "smtpd", "sndhdr", "sunau", "telnetlib", "uu", "xdrlib",
        )
    },
}  # fmt: skip

# Modules that come with packages of another name.
PACKAGES = {
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "flask_sqlalchemy": "Flask-SQLAlchemy",
    "git": "GitPython",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "magic": "python-magic",
    "markdown": "Markdown",
    "MySQLdb": "mysqlclient",
    "PIL": "Pillow",
    "psycopg2": "psycopg2-binary",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}
