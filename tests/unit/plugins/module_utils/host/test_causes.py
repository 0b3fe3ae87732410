# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The table of known causes: what real programs wrote on Debian 13, and the cause and remedy that a message begins with."""

from __future__ import annotations

import os
import re
import string

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app.modules import facts_of_packages, facts_of_release
from ansible_collections.flaskops.stack.plugins.module_utils.host.causes import explain, known_cause, with_cause
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError
from ansible_collections.flaskops.stack.plugins.module_utils.host.known_causes import ACCOUNT, APT, BUILD, CAUSES, HOOK, LOGIN, NGINX, START
from ansible_collections.flaskops.stack.plugins.module_utils.host.shown import HIDDEN, forget, learn

NO_WSGI = "unable to load app 0 (mountpoint='') (callable not found or import error)"
RETRYING = (
    "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken by"
    " '{}': /simple/flask/"
)
NO_CONNECTION = (
    "NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f3b>: Failed to establish a new connection: {}')"
)
NOTHING = "ERROR: No matching distribution found for flask"
NO_VERSION = "ERROR: Could not find a version that satisfies the requirement "

# By the title of the row: who wrote it, the words, and the sentences that are expected (their beginning).
RECORDED = {
    "The disk is full": (
        BUILD,
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        "the file system of the host is full. Make room there",
    ),
    "An application needs more memory than it may have": (
        START,
        "flask-oom@0548c5c6f1ac.service: Main process exited, code=killed, status=9/KILL",
        "the kernel killed the application, as happens when memory runs out. Raise uwsgi.memory_max",
    ),
    "Code writes memory and runs it": (
        START,
        '    @ffi.callback("void(hoedown_buffer *ob)")\nMemoryError: Cannot allocate write+execute memory for ffi.callback(). You might be running on a'
        f" system that prevents this.\n{NO_WSGI}",
        "a library makes code while it runs, such as a callback of cffi, and the sandbox forbids that. Set sandbox.memory_execute: true.",
    ),
    "A path of the sandbox is missing (226/NAMESPACE)": (
        START,
        "ns2.service: Failed to set up mount namespacing: /nonexist: No such file or directory\n"
        "ns2.service: Failed at step NAMESPACE spawning /usr/bin/true: No such file or directory",
        "systemd could not make the sandbox, since /nonexist is not on the host. Make that directory, or take it out of sandbox.write.",
    ),
    "The host allows no sandbox (226/NAMESPACE)": (
        START,
        "flask-shop@one.service: Main process exited, code=exited, status=226/NAMESPACE",
        "the host does not let systemd make a sandbox (226/NAMESPACE). Allow mount namespaces",
    ),
    "The file system allows no programs (203/EXEC)": (
        START,
        "ns3.service: Unable to locate executable '/ne/true': Permission denied",
        "the host does not run /ne/true, as on a file system that is mounted with noexec or a file without the right to be run. Mount it",
    ),
    "The name of the package index cannot be resolved": (
        BUILD,
        f"{RETRYING.format(NO_CONNECTION.format('[Errno -2] Name or service not known'))}\n{NOTHING}",
        "the host cannot resolve the name of the package index. Mend the DNS of the host, or set PIP_INDEX_URL",
    ),
    "The package index does not answer": (
        BUILD,
        f"{RETRYING.format(NO_CONNECTION.format('[Errno 111] Connection refused'))}\n{NOTHING}",
        "the host does not reach the package index. Open the way to it",
    ),
    "The certificate of the package index is not trusted": (
        BUILD,
        RETRYING.format("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed')"),
        "the host does not trust the certificate of the package index. Install",
    ),
    "The package index speaks plain HTTP": (
        BUILD,
        "WARNING: The repository located at 10.255.255.1 is not a trusted or secure host and is being ignored.",
        "pip takes nothing from 10.255.255.1, since that index speaks plain HTTP. Use its https address, or set PIP_TRUSTED_HOST to 10.255",
    ),
    "A requirement has another hash": (
        BUILD,
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the package versions, please",
        "a package that the index has is not the one whose hash stands in the requirements. Make the requirements file again",
    ),
    "Some requirements have hashes and others none": (
        BUILD,
        "ERROR: In --require-hashes mode, all requirements must have their versions pinned with ==. These do not:",
        "some requirements have hashes, so pip wants one for each package",
    ),
    "Requirements exclude each other": (
        BUILD,
        "ERROR: Cannot install -r requirements.txt (line 1) and werkzeug==2.0.0 because these package versions have conflicting dependencies.",
        "two requirements exclude each other. Loosen or change one",
    ),
    "pip refuses the metadata of a version": (
        BUILD,
        "Requested celery==4.0.2 from https://files.pythonhosted.org/packages/celery-4.0.2-py2.py3-none-any.whl (from flaskbb==2.0.1) has invalid"
        " metadata: Expected matching RIGHT_PARENTHESIS\n" + NO_VERSION + "celery==4.0.2 (from flaskbb) (from versions: 4.0.2, 5.7.0)",
        "the index has celery==4.0.2, and the pip of the host refuses it, since its metadata does not follow the rules. Require another version",
    ),
    "The index does not have a requirement": (
        BUILD,
        f"{NO_VERSION}flaskops-no-such-requirement==1.0 (from versions: none)",
        "the index has no package flaskops-no-such-requirement==1.0, or none that fits the Python and the processor of the host. Correct",
    ),
    "No version of a requirement is for the interpreter": (
        BUILD,
        "ERROR: Ignored the following versions that require a different python version: 1.10.0 Requires-Python <3.12,>=3.8; 1.7.3"
        " Requires-Python >=3.7,<3.11\n" + NO_VERSION + "scipy==1.7.3 (from versions: 0.8.0, 1.14.1)",
        "the wanted version of a package is not for the Python of the host: it requires Python >=3.7,<3.11. Set python",
    ),
    "A requirement has no wheel for the interpreter or the processor": (
        BUILD,
        NO_VERSION + "tensorflow==2.10.0 (from versions: 2.20.0rc0, 2.20.0, 2.21.0rc0, 2.21.0rc1, 2.21.0, 2.22.0rc0)",
        "the index has no tensorflow==2.10.0 for the Python and the processor of the host; it has others, such as 2.22.0rc0. Require a version",
    ),
    "A requirement cannot be read": (
        BUILD,
        "ERROR: Invalid requirement: 'flask = 3.0': Expected end or semicolon (after name and no valid version specifier)",
        "pip cannot read the requirement 'flask = 3.0'",
    ),
    "git is not on the host": (
        BUILD,
        "ERROR: Cannot find command 'git' - do you have 'git' installed and in your PATH?",
        "a requirement comes from git, which is not on the host. Add git to packages.",
    ),
    "The headers of Python are missing": (
        BUILD,
        "      netifaces.c:1:10: fatal error: Python.h: No such file or directory",
        "a package is compiled, and the headers of Python are not on the host. Add python3-dev and gcc to packages",
    ),
    "A header of a library is missing": (
        BUILD,
        "      Modules/common.h:15:10: fatal error: lber.h: No such file or directory",
        "a package is compiled, and the header lber.h is not on the host. Add the -dev package",
    ),
    "A program of a library is missing": (
        BUILD,
        "      pg_config is required to build psycopg2 from source.  Please add the directory",
        "a package is compiled, and pg_config is not on the host, or does not find its library. Require a version that has a wheel",
    ),
    "The compiler is missing": (
        BUILD,
        "      error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-gcc'\n  ERROR: Failed building wheel for netifaces",
        "a package is compiled, and the compiler x86_64-linux-gnu-gcc is not on the host. Add gcc, libc6-dev and python3-dev",
    ),
    "The compiler for C++ is missing": (
        BUILD,
        "      building 'greenlet._greenlet' extension\n      error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-g++'",
        "a package is compiled, and the compiler x86_64-linux-gnu-g++ is not on the host. Add g++ and python3-dev",
    ),
    "The application starts a program that the host does not have": (
        START,
        "    raise child_exception_type(errno_num, err_msg, err_filename)\nFileNotFoundError: [Errno 2] No such file or directory: 'git'",
        "the application starts the program git, which is not on the host. Add its package to packages, such as git",
    ),
    "The library of PostgreSQL is missing": (
        START,
        "    ImportError: no pq wrapper available.\n    Attempts made:\n    - couldn't import psycopg 'c' implementation: No module named 'psycopg_c'\n"
        "    - couldn't import psycopg 'binary' implementation: No module named 'psycopg_binary'\n"
        "    - couldn't import psycopg 'python' implementation: libpq library not found",
        "psycopg needs the library of PostgreSQL (libpq library not found). Add libpq5 to packages",
    ),
    "A build writes to the shared directory": (
        BUILD,
        "    os.makedirs(app.config['SESSION_FILE_DIR'])\nPermissionError: [Errno 13] Permission denied: '/srv/flask/shop/shared/session'",
        "a build may not write to /srv/flask/shop/shared/session, as a release that is live uses it meanwhile. Give the command another place",
    ),
    "A package is built with a setuptools that is too new": (
        BUILD,
        "      ModuleNotFoundError: No module named 'pkg_resources'\n      [end of output]\nerror: subprocess-exited-with-error\n"
        "× Getting requirements to build wheel did not run successfully.",
        "a package without a wheel is built with the newest setuptools, which has no pkg_resources any more. Add `setuptools<81` to build_constraints",
    ),
    "A build tool cannot tell what belongs to the project": (
        BUILD,
        "      error: Multiple top-level packages discovered in a flat-layout: ['shop', 'migrations'].\n"
        "× Getting requirements to build wheel did not run successfully.",
        "setuptools has found ['shop', 'migrations'] at the top of the project, and packs none of them unless it is told which. Write those",
    ),
    "Hatch cannot tell what belongs to the project": (
        BUILD,
        "      ValueError: Unable to determine which files to ship inside the wheel using the following heuristics: https://hatch.pypa.io/\n"
        "error: metadata-generation-failed",
        "no directory has the name of the project, and Hatch packs none unless it is told which. Write `packages",
    ),
    "A project names a file that is not in the source": (
        BUILD,
        "      OSError: Readme file does not exist: README.md\nerror: metadata-generation-failed",
        "pyproject.toml names README.md, which is not in the source. Add the file",
    ),
    "The sources of a package are not for this Python": (
        BUILD,
        "      AttributeError: 'build_ext' object has no attribute 'cython_sources'\n"
        "× Getting requirements to build wheel did not run successfully.",
        "a package without a wheel for the Python of the host cannot be built. Require a version that has a wheel",
    ),
    "The interpreter cannot make virtualenvs": (
        BUILD,
        "The virtual environment was not created successfully because ensurepip is not",
        "the interpreter has no ensurepip, which makes virtualenvs",
    ),
    "A package was found, and a module of it was not": (
        START,
        f"    from shop.models import db\nModuleNotFoundError: No module named 'shop.models'\n{NO_WSGI}",
        "Python has found shop, and there is no module models in it. Correct wsgi or the import that names it, or add its file to the source",
    ),
    "A module of the project lies in another directory": (
        START,
        f"    import models\nModuleNotFoundError: No module named 'models'\n{NO_WSGI}",
        "the module models is in the directory lib of the release, where Python does not look for it. Begin wsgi and the imports",
    ),
    "wsgi names a module that the source does not have": (
        START,
        f"ModuleNotFoundError: No module named 'shop'\n{NO_WSGI}",
        "wsgi begins with shop, and the source has no such module. Correct wsgi, or source.subdir",
    ),
    "A module of setuptools or Python itself is gone": (
        BUILD,
        "ModuleNotFoundError: No module named 'pkg_resources'",
        "the module pkg_resources is not part of newer versions of Python or setuptools any more, and a package still imports it. Require a newer"
        " version of that package, or add `setuptools<81`, which has the module, to extra_requirements.",
    ),
    "A declared requirement is not installed": (
        START,
        f"    import six\nModuleNotFoundError: No module named 'six'\n{NO_WSGI}",
        "requirements.txt has six, but not for this host",
    ),
    "A module comes from a package with another name": (
        START,
        f"    import yaml\nModuleNotFoundError: No module named 'yaml'\n{NO_WSGI}",
        "the module yaml is not installed; the package PyYAML has it. Add PyYAML to the requirements or to extra_requirements.",
    ),
    "A requirement is not declared": (
        HOOK,
        "ModuleNotFoundError: No module named 'celery'",
        "the module celery is not installed, and no requirement names it. Add the package that has it",
    ),
    "Two modules import each other": (
        START,
        "ImportError: cannot import name 'thing' from partially initialized module 'b' (most likely due to a circular import)",
        "b is imported while it is still being imported itself, so that thing is not there yet. Move",
    ),
    "Two packages do not fit each other": (
        START,
        "ImportError: cannot import name 'url_quote_plus' from 'werkzeug.urls' (/srv/flask/secrets/venvs/869ff4a5708f/lib/python3.13/site-packages/"
        f"werkzeug/urls.py)\n{NO_WSGI}",
        "werkzeug.urls has no url_quote_plus in the version that is installed, and a package imports it. Require a version",
    ),
    "A shared library is missing": (
        START,
        f"OSError: libpq.so.5: cannot open shared object file: No such file or directory\n{NO_WSGI}",
        "the library libpq.so.5 is not on the host. Add the package that has it to packages",
    ),
    "The code is not for the Python of the host": (
        START,
        f"    print 'x'\n    ^^^^^^^^^\nSyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?\nfailed to compile app.py\n{NO_WSGI}",
        "Python cannot read the code (SyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?). Correct",
    ),
    "The factory wants arguments": (
        START,
        f"TypeError: create_app() missing 1 required positional argument: 'c'\n{NO_WSGI}",
        "the function create_app wants the arguments 'c', and nobody gives them. Give them default values",
    ),
    "wsgi names no application": (
        START,
        "TypeError: 'int' object is not callable",
        "the application, or something it calls, is of the type int and no function. Have wsgi name the Flask object",
    ),
    "The application writes into its release": (
        START,
        "OSError: [Errno 30] Read-only file system: '/srv/flask/mkdirs/releases/1beedbb19042/instance'",
        "the application writes to /srv/flask/mkdirs/releases/1beedbb19042/instance, and a release is read-only. Name it in shared_paths",
    ),
    "The application writes below /var/lib": (
        START,
        "OSError: [Errno 30] Read-only file system: '/var/lib/radicale/collections'",
        "/var/lib/radicale/collections is read-only in the sandbox of the application. Add radicale to state_dirs",
    ),
    "The application writes below /var/log": (
        HOOK,
        "mkdir: cannot create directory '/var/log/pgadmin': Read-only file system",
        "/var/log/pgadmin is read-only in the sandbox of the application. Add pgadmin to log_dirs",
    ),
    "The application writes where its sandbox forbids it": (
        START,
        "OSError: [Errno 30] Read-only file system: '/opt/thing'",
        "/opt/thing is read-only in the sandbox of the application. Add its directory to sandbox.write",
    ),
    "The disk of the releases is read-only": (
        BUILD,
        "[Errno 30] Read-only file system: '/srv/flask/direct/releases/.home-rf2vr32x'",
        "the file system of /srv/flask/direct/releases is read-only. Mount it for writing",
    ),
    "A build writes outside of its release": (
        BUILD,
        "touch: cannot touch '/etc/x': Read-only file system",
        "a build may write to its release, its HOME and /tmp only",
    ),
    "A hook is a script without the right to be run": (
        BUILD,
        "/bin/sh: 1: ./deploy.sh: Permission denied",
        "./deploy.sh has no right to be run. Run `chmod +x` on it in the source",
    ),
    "A hook is a program that the host does not have": (
        BUILD,
        "/bin/sh: 1: npm: not found",
        "the program npm is not on the host, nor in the virtualenv. Add its package to packages",
    ),
    "The application may not open a file": (
        START,
        "PermissionError: [Errno 13] Permission denied: '/etc/shadow'",
        "the user of the application may not open /etc/shadow. Give that file to the user or its group",
    ),
    "A file is not in the release": (
        START,
        "FileNotFoundError: [Errno 2] No such file or directory: 'config.ini'",
        "the file config.ini is not there. Add it to the source",
    ),
    "SQLite cannot write its file": (
        START,
        "sqlite3.OperationalError: unable to open database file",
        "SQLite may not write to the file of its database or to the directory of that file. Have the file in the directory shared",
    ),
    "An environment variable is missing": (
        START,
        "RuntimeError: environment variable SHOP_KEY is not set",
        "the environment variable SHOP_KEY is not set. Add SHOP_KEY to env or secrets.",
    ),
    "A setting is missing": (
        START,
        f"    k=os.environ['SHOP_KEY']\nKeyError: 'SHOP_KEY'\n{NO_WSGI}",
        "SHOP_KEY is not there, probably an environment variable, or else a setting of the application. Add SHOP_KEY to env or secrets,",
    ),
    "A file has another encoding": (
        START,
        "UnicodeDecodeError: 'ascii' codec can't decode byte 0xc3 in position 0: ordinal not in range(128)",
        "a text is read or written as ascii, which it is not. Name the encoding in the code",
    ),
    "An address is in use": (
        NGINX,
        "2026/11/28 18:27:49 [emerg] 2101#2101: bind() to 0.0.0.0:80 failed (98: Address already in use)",
        "another program of the host listens at an address that is to be used. Stop it (`ss -ltnp` names it)",
    ),
    "The database is not reached": (
        START,
        'psycopg2.OperationalError: connection to server at "127.0.0.1", port 5432 failed: Connection refused',
        "a server that the application connects to, such as its database, refuses the connection. Start that server",
    ),
    "A server's name cannot be resolved": (
        START,
        'psycopg2.OperationalError: could not translate host name "db.example.invalid" to address: Name or service not known',
        "the host cannot resolve the name of a server that the application connects to. Correct the name",
    ),
    "Another site is the default server": (
        NGINX,
        "[emerg] 2101#2101: a duplicate default server for 0.0.0.0:80 in /etc/nginx/conf.d/z.conf:1",
        "two sites are the default server of 0.0.0.0:80. Set nginx_site_catch_all: false",
    ),
    "A directive stands twice": (
        NGINX,
        '[emerg] 2104#2104: "server_names_hash_bucket_size" directive is duplicate in /etc/nginx/conf.d/z.conf:1',
        "the directive server_names_hash_bucket_size stands twice at the same level. Remove it",
    ),
    "A name is taken in nginx": (
        NGINX,
        '[emerg] 2110#2110: limit_req_zone "a" is already bound to key "$host" in /etc/nginx/conf.d/z.conf:1',
        "two files of nginx define a. Give the one in the file of your own",
    ),
    "A file of nginx's configuration is missing": (
        NGINX,
        '[emerg] 1824#1824: open() "/etc/nginx/sites-enabled/gone" failed (2: No such file or directory) in /etc/nginx/nginx.conf:38',
        "nginx does not find /etc/nginx/sites-enabled/gone, maybe a link to a file that is gone. Remove that link",
    ),
    "nginx runs as another user": (
        NGINX,
        "[crit] connect() to unix:/run/flask/shop/uwsgi.sock failed (13: Permission denied) while connecting to upstream, client: 127.0.0.1",
        "the workers of nginx may not use /run/flask/shop/uwsgi.sock, since they do not run as www-data. Write `user www-data;` into nginx.conf",
    ),
    "nginx has no certificate": (
        NGINX,
        '[emerg] 2134#2134: cannot load certificate "/etc/nope.pem": BIO_new_file() failed (SSL: error:80000002:system library::No such file)',
        "nginx cannot read the certificate /etc/nope.pem",
    ),
    "nginx has no IPv6": (
        NGINX,
        "nginx: [emerg] socket() [::]:80 failed (97: Address family not supported by protocol)",
        'the host has no IPv6, so nginx cannot listen at [::]:80. Set nginx_site_listen: ["80"].',
    ),
    "nginx is older than 1.19.4 and a site has TLS": (
        NGINX,
        '[emerg] 2128#2128: unknown directive "ssl_reject_handshake" in /etc/nginx/sites-enabled/flaskops-catch-all.conf:9',
        "nginx before 1.19.4 cannot refuse a TLS handshake for a name that no site has. Install a newer nginx, or set nginx_site_catch_all: false.",
    ),
    "nginx does not know a directive": (
        NGINX,
        '[emerg] 2128#2128: unknown directive "bogus" in /etc/nginx/conf.d/z.conf:1',
        "nginx does not know the directive bogus",
    ),
    "nginx cannot resolve a name": (
        NGINX,
        '[emerg] 2131#2131: host not found in upstream "nowhere.invalid" in /etc/nginx/conf.d/z.conf:1',
        "the host cannot resolve nowhere.invalid",
    ),
    "sudo wants a password": (
        LOGIN,
        "sudo: a password is required",
        "the user of the connection needs a password to become root. Run with --ask-become-pass",
    ),
    "sudo does not take the password": (
        LOGIN,
        "Sorry, try again.\nsudo: 1 incorrect password attempt",
        "sudo does not take the password. Correct ansible_become_password",
    ),
    "sudo is not allowed": (
        LOGIN,
        "deploy is not in the sudoers file.",
        "deploy may not become root on the host. Set ansible_user",
    ),
    "The servers of apt cannot be resolved": (
        APT,
        "E: Failed to fetch http://deb.debian.org/debian/pool/main/p/popt/libpopt0_1.19%2bdfsg-2_amd64.deb  Temporary failure resolving"
        " 'deb.debian.org'",
        "the host cannot resolve deb.debian.org, where its packages come from. Mend the DNS of the host",
    ),
    "The clock of the host is wrong, apt says": (
        APT,
        "Failed to update apt cache after 5 retries: E:Release file for http://deb.debian.org/debian/dists/trixie-updates/InRelease is not valid yet"
        " (invalid for another 3h 2min 5s). Updates for this repository will not be applied.",
        "the clock of the host is behind by 3h 2min 5s or more, so that its packages are of the future for it. Set the clock there",
    ),
    "A source of packages has ended, or the clock of the host is wrong": (
        APT,
        "E:Release file for http://deb.debian.org/debian/dists/trixie-updates/InRelease is expired (invalid since 5d 3h). Updates for this repository"
        " will not be applied.",
        "the source of packages http://deb.debian.org/debian/dists/trixie-updates/InRelease is not kept up any more, or the clock of the host is ahead."
        " Set the clock if it is wrong",
    ),
    "A source of packages is gone": (
        APT,
        "E:The repository 'http://deb.debian.org/debian buster Release' does not have a Release file.",
        "the source of packages http://deb.debian.org/debian buster Release is not there any more, as when a distribution has reached its end of life."
        " Correct or remove it",
    ),
    "A source of packages is not signed by a known key": (
        APT,
        "W:GPG error: http://deb.debian.org/debian trixie InRelease: The following signatures couldn't be verified because the public key is not"
        " available: NO_PUBKEY 6ED0E7B82643E131",
        "apt does not know who signed a source of packages (6ED0E7B82643E131). Put the key",
    ),
    "The servers of apt do not answer": (
        APT,
        "Failed to fetch http://deb.debian.org/debian/dists/trixie/InRelease  Could not connect to deb.debian.org:80 (192.0.2.1), connection timed out",
        "the host does not reach deb.debian.org, where its packages come from. Open the way to it",
    ),
    "Another program installs packages": (
        APT,
        "Failed to lock apt for exclusive operation: E:Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 4242 (unattended-upgr)",
        "another program installs packages on the host and has not ended. Wait for it, such as for unattended upgrades, or end it, and run again"
        " (`fuser /var/lib/dpkg/lock-frontend` names it).",
    ),
    "sudo wants a terminal": (
        LOGIN,
        "sudo: sorry, you must have a tty to run sudo",
        "sudo of the host wants a terminal (requiretty), and with pipelining Ansible has none. Set ansible_pipelining: false",
    ),
    "The host has no sudo": (
        LOGIN,
        "/bin/sh: 1: sudo: not found",
        "the host has no sudo, by which Ansible becomes root. Install it there, set ansible_become_method",
    ),
    "The host's configuration is on a read-only disk": (
        ACCOUNT,
        "[Errno 30] Read-only file system: '/etc/sysusers.d/flask-shop.conf'",
        "a directory that the host keeps its configuration or its applications in is read-only. Mount it for writing",
    ),
    "A directory lies where root may not change owners": (
        ACCOUNT,
        "fchownat() of /srv/flask/shop/shared failed: Operation not permitted",
        "root of the host may not give /srv/flask/shop/shared to its user, as on NFS with root_squash, or where a file has the attribute immutable."
        " Export it with no_root_squash",
    ),
    "An installation of packages was interrupted": (
        APT,
        "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem. ",
        "an earlier installation of packages was interrupted on the host. Run `dpkg --configure -a` there.",
    ),
    "Packages of the host do not fit each other": (
        APT,
        "E: Unable to correct problems, you have held broken packages.",
        "the packages of the host do not fit each other, as when one is held or comes from another source. Run `apt-get --fix-broken install`",
    ),
    "nginx is to run as somebody whom the host does not know": (
        NGINX,
        '2026/11/29 14:15:18 [emerg] 3758#3758: getgrnam("nobody") failed in /etc/nginx/nginx.conf:4',
        "nginx.conf has a `user` whose account or group nobody the host does not have. Write `user www-data;` there",
    ),
    "Buffers of nginx do not fit each other": (
        NGINX,
        '[emerg] 3759#3759: "proxy_busy_buffers_size" must be equal to or greater than the maximum of the value of "proxy_buffer_size" and one of'
        ' the "proxy_buffers" in /etc/nginx/nginx.conf:39',
        "proxy_busy_buffers_size of the host does not fit the buffers of 16k that sites have. Remove it from the http block",
    ),
    "The user of the connection has no account": (
        LOGIN,
        "sudo: you do not exist in the passwd database",
        "the user of the connection has no account on the host. Set ansible_user",
    ),
    "The host has no Python": (
        LOGIN,
        "/bin/sh: 1: /usr/bin/python3: not found",
        "the host has no Python at the place where Ansible looks for it. Install python3 there, or set ansible_python_interpreter.",
    ),
    "The application has no page for the health request": (
        START,
        "the candidate 4487a9a8c8cb was asked for / (Host: health404.example.com) and answered 404 with the body '<!doctype html>'; accepted"
        " are 200, 204, 301, 302, 303, 307, 308 within 20 s",
        "the application has no page / that answers a GET. Set health.path to a page that it has, or add 404 to health.status.",
    ),
    "The page of the health request wants a login": (
        START,
        "the candidate 4487a9a8c8cb was asked for /api/x (Host: shop.example.com) and answered 401 with the body ''; accepted are 200",
        "the application shows the page /api/x to known clients only. Set health.path to a page for everybody",
    ),
    "The application does not take the host of the health request": (
        START,
        "the candidate 34f9833a04ec was asked for / (Host: host400.example.com) and answered 400 with the body"
        " '<p>Host host400.example.com is not trusted.</p>'; accepted are 200",
        "the application refuses the request, as it does when host400.example.com is not among its trusted hosts. Set health.host",
    ),
    "The health request is not as the application wants it": (
        START,
        "the candidate 30e8d8eae204 was asked for / (Host: comments.test) and answered 400 with the body '<p>missing uri query</p>'; accepted are 200",
        "the application refuses the request for /, as it does when the page wants parameters, or when comments.test is not among its trusted hosts."
        " Set health.path",
    ),
    "A worker was replaced while it answered the health request": (
        START,
        "Sun Nov 29 10:50:07 2026 - *** HARAKIRI ON WORKER 1 (pid: 2114, try: 1, graceful: yes) ***",
        "uWSGI has replaced a worker that was longer at a request than harakiri allows. Have the application do less at its first request, or set",
    ),
    "The application starts too slowly": (
        START,
        "the candidate one was not ready (it is activating) within 30 s",
        "the application has not answered within 30 s. Raise health.timeout",
    ),
    "A file of the project hides a module": (
        START,
        '  File "/srv/flask/shop/venvs/51c0ffee1234/lib/python3.13/site-packages/werkzeug/test.py", line 11, in <module>\n'
        "ImportError: cannot import name 'random' from 'random' (/srv/flask/shop/releases/4487a9a8c8cb/random.py)\n" + NO_WSGI,
        "random.py of the project hides the module random that others import. Give random.py another name, and correct the imports of it.",
    ),
    "The code is for an older Flask": (
        START,
        f"AttributeError: 'Flask' object has no attribute 'before_first_request'. Did you mean: '_got_first_request'?\n{NO_WSGI}",
        "Flask has no before_first_request any more since its version 2.3 or 3.0. Require `flask<2.3` and `werkzeug<3`",
    ),
    "wsgi names a module without its package": (
        START,
        f"ImportError: attempted relative import with no known parent package\n{NO_WSGI}",
        "a module that imports from its package is imported without it. Write wsgi with the package, such as shop.app:app",
    ),
    "The application is one for ASGI": (
        START,
        "TypeError: FastAPI.__call__() missing 1 required positional argument: 'send'",
        "FastAPI is an application for ASGI, such as those of FastAPI and Quart, and uWSGI speaks WSGI. Name a WSGI application",
    ),
    "wsgi names a factory without parentheses": (
        START,
        "TypeError: create_app() takes from 0 to 1 positional arguments but 2 were given",
        "the function create_app is called for each request, as if it were the application. Write it with parentheses if it makes the application,"
        " such as shop:create_app().",
    ),
    "The application starts a server of its own": (
        START,
        " * Serving Flask app 'app'\n\x1b[31m\x1b[1mWARNING: This is a development server. Do not use it in a production deployment. Use a production"
        " WSGI server instead.\x1b[0m\nthe candidate one was not ready (it is activating) within 30 s",
        "the module starts Flask's own server while it is imported, so uWSGI never gets the application. Write app.run() below `if __name__",
    ),
    "The module reads the command line": (
        START,
        "usage: uwsgi [-h] file\nuwsgi: error: the following arguments are required: file",
        "the module reads arguments of a command line while it is imported, and finds those of uWSGI. Read them below",
    ),
    "A library crashed": (
        START,
        "!!! uWSGI process 2114 got Segmentation Fault !!!",
        "a library that is not written in Python crashed. Require another version",
    ),
    "A hook installs into the virtualenv": (
        BUILD,
        "ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied:"
        " '/srv/flask/shop/venvs/51c0ffee1234/lib/python3.13/site-packages/six.py'\nCheck the permissions.",
        "a command installs a package into the virtualenv, which belongs to root once the requirements are in it. Name the package in extra_requirements",
    ),
    "A template is not in the release": (
        START,
        "jinja2.exceptions.TemplateNotFound: index.html",
        "the template index.html is not in the release. Add it to the source",
    ),
    "Flask has no secret key": (
        START,
        "RuntimeError: The session is unavailable because no secret key was set.  Set the secret_key on the application to something unique and secret.",
        "the application has no secret key, without which Flask has no sessions. Add one to secrets, such as SECRET_KEY",
    ),
    "An extra of Flask is missing": (
        START,
        "RuntimeError: Install Flask with the 'async' extra in order to use async views.",
        "the application has views that are asynchronous, and Flask is installed without what they need. Require `flask[async]`",
    ),
    "The database refuses the login": (
        START,
        '(psycopg2.OperationalError) connection to server at "localhost" (127.0.0.1), port 5432 failed: FATAL:  password authentication failed for'
        ' user "shop"',
        "the database does not let shop in, or has no such user or database. Correct user, password and database",
    ),
    "The database has no tables": (
        START,
        "sqlite3.OperationalError: no such table: user",
        "the database has no table user. Add the command that makes it to hooks.migrate",
    ),
    "The application serves another name": (
        START,
        "/srv/x/flask/app.py:464: UserWarning: Current server name 'shop.example.com' doesn't match configured server name 'other.example.com'\n"
        "the candidate 4487a9a8c8cb was asked for / (Host: shop.example.com) and answered 404 with the body '<!doctype html>'; accepted are 200",
        "the application serves other.example.com alone, which is its SERVER_NAME, and was asked for shop.example.com. Write the name of the site there",
    ),
    "A repository wants a login": (
        BUILD,
        "fatal: could not read Username for 'https://github.com': No such device or address\n"
        "ERROR: Command errored out with exit status 128: git clone",
        "a requirement comes from a repository that lets nobody in without a login, and the host has none. Put a wheel of it",
    ),
    "The module has no callable of that name": (
        START,
        f"*** no app loaded. GAME OVER ***\n{NO_WSGI}",
        "the module that wsgi names has no callable of that name. Write wsgi as module:callable",
    ),
}


@pytest.fixture
def facts(tmp_path):
    """Return the answers about a release with a module in lib/ and requirements that are not for this host."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/models.py").touch()
    (tmp_path / "app.py").touch()
    (tmp_path / "random.py").touch()
    (tmp_path / "requirements.txt").write_text("flask\nsix; python_version < '3.0'\n")
    return facts_of_release(str(tmp_path), "[uwsgi]\nmodule = shop.wsgi\ncallable = app\n")


def test_each_row_has_the_words_of_a_real_failure():
    assert {cause.failure for cause in CAUSES} == set(RECORDED)
    assert len(CAUSES) == len(RECORDED), "two rows have one title"


@pytest.mark.parametrize("failure", RECORDED)
def test_a_failure_has_its_cause_and_remedy(failure, facts):
    at, words, expected = RECORDED[failure]
    assert known_cause(words.splitlines(), at, facts).startswith(expected)


def branches(pattern: str) -> list[str]:
    """Return the alternatives of a regular expression that are not in a group."""
    found, depth = [""], 0
    for token in re.findall(r"\\.|\[(?:\\.|[^\]])*\]|.", pattern):
        depth += {"(": 1, ")": -1}.get(token, 0)
        found = [*found, ""] if (token, depth) == ("|", 0) else [*found[:-1], found[-1] + token]
    return found


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.failure)
def test_says_and_remedy_are_clauses_that_name_only_groups_that_are_always_there(cause):
    for text in (cause.says, cause.remedy):
        assert text
        assert not text.endswith(".")
        wanted = {name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name}
        for branch in branches(cause.pattern):
            given = {name.rstrip("0123456789") for name in re.findall(r"\(\?P<(\w+)>", branch)}
            assert wanted - given <= ({"found"} if cause.fact else set()), branch
            assert not cause.fact or "name" in given


def test_of_the_two_files_of_a_link_the_one_is_named_that_is_written():
    """The system refuses to make the second one; the first may lie anywhere."""
    release = "/srv/flask/search/releases/1555dde78095"
    words = f"OSError: [Errno 30] Read-only file system: '/etc/search.css' -> '{release}/static/build/search.11f5.css'"
    assert known_cause([words], START).startswith(f"the application writes to {release}/static/build/search.11f5.css, and a release")


def test_words_that_nobody_knows_have_no_cause():
    assert known_cause(["Traceback (most recent call last)", "shop.Strange: nothing like this was seen before"], START) == ""
    assert known_cause([], BUILD) == ""
    assert with_cause("", "the message") == "the message"


def test_a_cause_counts_only_for_the_programs_of_its_row():
    words = ["/bin/sh: 1: npm: not found"]
    assert known_cause(words, BUILD)
    assert not known_cause(words, NGINX)


@pytest.mark.parametrize("who", ["the candidate 0123456789ab", "the stream pool of the candidate 0123456789ab"])
def test_a_missing_socket_in_the_words_of_the_gate_is_no_file_of_the_release(who):
    asked = f"{who} was asked for /health (Host: shop.example)"
    missing = "No such file or directory: '{}'"
    assert (
        known_cause([f"{asked} and gave no answer ([Errno 2] {missing.format('/run/flask/shop/0123456789ab.sock')}) within 180 s"], START)
        == ""
    )
    body = f"{asked} and answered 500 with the body 'FileNotFoundError: {missing.format('config.ini')}'"
    assert known_cause([body], START).startswith("the file config.ini is not there")


def test_the_last_failure_counts():
    words = ["KeyError: 'OLD_KEY'", "KeyError: 'NEW_KEY'"]
    assert "NEW_KEY" in known_cause(words, START)
    assert "OLD_KEY" not in known_cause(words, START)


def test_an_error_that_was_handled_counts_only_if_the_one_that_came_of_it_is_not_known():
    handled = [
        "    ModuleNotFoundError: No module named 'searx.version_frozen'",
        "    During handling of the above exception, another exception occurred:",
    ]
    ended = "    FileNotFoundError: [Errno 2] No such file or directory: 'git'"
    assert known_cause([*handled, "    Traceback (most recent call last):", ended], START).startswith(
        "the application starts the program git, "
    )
    assert "version_frozen" in known_cause([*handled, "    RuntimeError: something of the application"], START)


def test_a_row_with_a_question_needs_its_answer():
    words = ["ModuleNotFoundError: No module named 'yaml'"]
    assert "PyYAML" in known_cause(words, START, facts_of_packages())
    assert known_cause(words, START).startswith("the module yaml is not installed, and no requirement names it")


def test_braces_in_the_words_are_only_words():
    assert "{0.__class__}" in known_cause(["PermissionError: [Errno 13] Permission denied: '/x/{0.__class__}'"], START)


def test_a_secret_is_hidden_before_a_long_line_is_cut():
    secret = "/srv/" + "s3cret" * 40
    learn([secret])
    try:
        told = known_cause([f"PermissionError: [Errno 13] Permission denied: '{secret}'"], START)
    finally:
        forget()
    assert "s3cret" not in told
    assert HIDDEN in told


def test_an_explained_error_has_its_cause_in_the_first_line():
    error = CommandError("'pip' ended with 1:\nno", ["/bin/sh: 1: npm: not found"])
    explain(error, BUILD)
    first, second, *rest = str(error).splitlines()
    assert first.startswith("the program npm is not on the host")
    assert (second, rest) == ("'pip' ended with 1:", ["no"])
    assert error.message == "'pip' ended with 1:\nno"
    unknown = CommandError("'pip' ended with 1:\nno", ["no"])
    explain(unknown, BUILD)
    assert str(unknown) == unknown.message


# --- the facts about a release -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "ImportError: cannot import name 'Flask' from partially initialized module 'flask' (most likely due to a circular import) ({}/flask.py)",
        "ImportError: cannot import name 'Flask' from 'flask' ({}/flask.py)",
        "AttributeError: module 'flask' has no attribute 'Flask'",
        "AttributeError: partially initialized module 'flask' has no attribute 'Flask' (most likely due to a circular import)",
        "ModuleNotFoundError: No module named 'flask.json'; 'flask' is not a package",
    ],
)
@pytest.mark.parametrize("name", ["flask.py", "flask/__init__.py", "src/flask.py"])
def test_a_module_that_the_project_hides_is_told_in_all_its_words(words, name, tmp_path):
    release = tmp_path / "releases/4487a9a8c8cb"
    (release / name).parent.mkdir(parents=True)
    (release / name).touch()
    told = known_cause([words.format(release)], START, facts_of_release(str(release)))
    assert told.startswith(
        {"flask/__init__.py": "the directory flask"}.get(name, name) + " of the project hides the module flask that others import."
    )


def test_a_short_name_is_replaced_in_no_word(tmp_path):
    (tmp_path / "src/re").mkdir(parents=True)
    assert facts_of_release(str(tmp_path))["hidden"]("re") == "the directory src/re"


def test_a_module_of_the_project_that_imports_itself_hides_nothing(tmp_path):
    (tmp_path / "models.py").touch()
    words = "ImportError: cannot import name 'User' from partially initialized module 'models' (most likely due to a circular import) (/x/releases/y/models.py)"
    assert known_cause([words], START, facts_of_release(str(tmp_path))).startswith(
        "models is imported while it is still being imported itself"
    )


def test_a_module_at_the_top_of_the_release_is_not_elsewhere(facts):
    assert facts["elsewhere"]("app") == ""
    assert facts["elsewhere"]("models") == "lib"


def test_a_module_with_a_dot_is_missing_in_a_package_that_was_found(facts):
    """Python names the whole path only where it has found the package: https://docs.python.org/3/reference/import.html#searching."""
    told = known_cause(["ModuleNotFoundError: No module named 'models.sub'"], START, facts)
    assert told.startswith("Python has found models, and there is no module sub in it. Correct wsgi or the import")
    assert "lib" not in told.replace("library", "")
    told = known_cause(["ModuleNotFoundError: No module named 'yaml.extra.deep'; 'yaml.extra' is not a package"], START, facts)
    assert told.startswith("Python has found yaml.extra, and there is no module deep in it.")
    assert "PyYAML" not in told
    assert "setuptools" in known_cause(["ModuleNotFoundError: No module named 'distutils.util'"], BUILD, facts)


@pytest.mark.parametrize(
    ("line", "module", "named"),
    [
        ("Flask_SQLAlchemy==3.1", "flask_sqlalchemy", True),
        ("PyYAML>=6", "yaml", True),
        ("six-extras", "six", False),
        ("# six", "six", False),
        ('    "six>=1",', "six", True),
    ],
)
def test_a_requirement_is_found_however_it_is_spelled(tmp_path, line, module, named):
    (tmp_path / "requirements.txt").write_text(f"flask\n{line}\n")
    assert bool(facts_of_release(str(tmp_path))["declared"](module)) == named


def test_a_pipe_that_is_called_like_requirements_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "requirements.txt")
    assert facts_of_release(str(tmp_path))["declared"]("six") == ""


def test_an_exception_of_the_module_is_not_told_as_a_missing_callable():
    """uWSGI ends both with the same words; these are of a module that raises an error of its own."""
    last = "unable to load app 0 (mountpoint='') (callable not found or import error)"
    raised = [
        "Traceback (most recent call last):",
        '  File "/opt/probe/probe.py", line 11, in <module>',
        "RuntimeError: PROBE_BREAKS is set",
        last,
    ]
    assert known_cause(raised, START) == ""
    assert known_cause(raised[1:], START) == "", "the log's last lines begin in the middle of a traceback"
    assert "no callable of that name" in known_cause([last], START)


def test_of_the_compilers_that_meson_asks_for_a_usual_one_is_named():
    """As numpy 1.26.4 ended without a compiler on Debian 13."""
    asked = [
        f"      Running `{name} --version` gave \"[Errno 2] No such file or directory: '{name}'\"" for name in ("cc", "gcc", "pgcc", "icc")
    ]
    words = [
        "      ERROR: Unknown compiler(s): [['cc'], ['gcc'], ['pgcc'], ['icc']]",
        "      The following exception(s) were encountered:",
        *asked,
    ]
    assert known_cause(words, BUILD).startswith("a package is compiled, and the compiler gcc is not on the host. Add gcc")
