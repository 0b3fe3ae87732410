# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines of a requirements file that pip could not install on a host are refused, with the line to write."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.requirements.lines import local
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.requirements.checked import PROJECT, one

# --- editable installations --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ("-e .", "."),
        ("-e.", "."),
        ("--editable .", "."),
        ("--editable=.", "."),
        ("-e .[live]", ".[live]"),
        ("-e ./", "./"),
        ('-e "."', "."),
        ("-e ./lib", "./lib"),
        ("-e lib", "./lib"),
        ("-e lib[live]", "./lib[live]"),
        ("-e file:.", "file:."),
        ("-e ./lib ; python_version > '3'", "./lib ; python_version > '3'"),
    ],
)
def test_an_editable_installation_is_taken_and_is_a_plain_one(check, line, plain):
    assert check({"requirements.txt": f"flask\n{line}  # here\n", "pyproject.toml": PROJECT, "lib/pyproject.toml": PROJECT}) == []
    assert local(line).plain == plain


@pytest.mark.parametrize("line", ["-e git+https://example.com/lib.git#egg=lib", "-e git+ssh://git@example.com/lib.git@v1#egg=lib"])
def test_an_editable_installation_from_a_repository_stays_in_the_virtualenv(check, line):
    assert check({"requirements.txt": line}) == []


# --- paths -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "-e ../..",
        "-e ../../libs/common",
        "../libs/common",
        "..",
        "./../common",
        "lib/../../common",
        "common @ file:../common",
        "common@file:../common",
        "file:../common",
        "/home/me/common",
        "common @ file:///home/me/common",
        "file://localhost/home/me/common",
        "~/common",
        "../dist/common-1.0-py3-none-any.whl",
        "../common[extra]",
    ],
)
def test_a_path_outside_of_the_source_is_refused(check, line):
    told = one(check({"requirements.txt": f"flask\n{line}\n"}))
    assert told.startswith(f"requirements: '{line}' in requirements.txt leads out of the source")
    assert "put a wheel of it into the source" in told


@pytest.mark.parametrize("line", ["-f ../wheels", "--find-links=../wheels", "--find-links ../wheels"])
def test_a_place_of_wheels_outside_of_the_source_is_refused(check, line):
    assert "leads out of the source" in one(check({"requirements.txt": f"{line}\nflask"}))


@pytest.mark.parametrize("line", ["./lib", "lib/", "vendor/lib-1.0-py3-none-any.whl", "lib @ file:./lib", "file:lib"])
def test_a_path_that_is_not_in_the_source_is_refused(check, line):
    told = one(check({"requirements.txt": f"flask\n{line}\n"}))
    assert told.startswith(f"requirements: '{line}' in requirements.txt names '")
    assert "which is not in the source; correct the path" in told


def test_a_directory_that_pip_cannot_install_is_refused(check):
    told = one(check({"requirements.txt": "flask\n."}))
    assert told.startswith("requirements: '.' in requirements.txt is a directory without pyproject.toml and setup.py, ")
    assert "; remove the line" in told


@pytest.mark.parametrize(
    "line",
    [".", "./", ".[live]", "./lib", "lib/", "lib @ file:./lib", "vendor/lib-1.0-py3-none-any.whl", "./vendor/lib-1.0-py3-none-any.whl --hash=sha256:0"],
)  # fmt: skip
def test_a_path_in_the_source_is_taken(check, line):
    files = {"pyproject.toml": PROJECT, "lib/setup.py": "", "vendor/lib-1.0-py3-none-any.whl": "x"}
    assert check({"requirements.txt": f"{line}\n", **files}) == []


@pytest.mark.parametrize(
    "line",
    [
        "flask",
        "flask==3.1.3",
        "flask[async]>=3 ; python_version > '3'",
        "flask @ https://example.com/flask-3-py3-none-any.whl",
        "https://example.com/flask-3.zip",
        "git+https://example.com/lib.git@main#egg=lib",
        "lib @ git+ssh://git@example.com/lib.git",
        "-i https://example.com/simple",
        "--find-links https://example.com/wheels",
        "--find-links ./vendor",
        "-r https://example.com/requirements.txt",
        "${WHEELS}/lib-1.0-py3-none-any.whl",
        "--no-binary :all:",
    ],
)
def test_what_is_no_path_is_left_to_pip(check, line):
    assert check({"requirements.txt": f"{line}\n"}) == []


def test_every_line_is_told_at_once(check):
    lines = check({"requirements.txt": "-e .\n../x\nuWSGI==2.0.28"}, wsgi="gone.py")
    assert [line.partition(":")[0] for line in lines] == ["requirements"] * 3 + ["wsgi"]


def test_a_windows_file_is_read_as_pip_reads_it(check):
    for encoding in ("utf-16", "utf-8-sig"):
        assert "leads out of the source" in one(
            check({"requirements.txt": "-e ../x\r\nflask\r\n".encode(encoding), "pyproject.toml": PROJECT})
        )


@pytest.mark.parametrize(
    ("line", "path", "extras"),
    [
        (".", ".", []),
        (".[live, fast]", ".", ["live", "fast"]),
        ("./lib[a] --config-settings x=y", "./lib", ["a"]),
        ("lib[a] @ file:./lib#egg=x", "./lib", []),
        ("file:///srv/lib", "/srv/lib", []),
    ],
)
def test_a_line_is_taken_apart_as_pip_does(line, path, extras):
    found = local(line)
    assert found is not None
    assert (found.path, found.extras) == (path, extras)


@pytest.mark.parametrize("line", ['-r "base reqs.txt"', "-r base\\ reqs.txt", "--requirement='base reqs.txt'", '-c "base reqs.txt"'])
def test_a_file_with_spaces_in_its_name_is_included_as_pip_does(check, line):
    assert "'base reqs.txt' is included, but not in the source" in one(check({"requirements.txt": line}))
    assert "'gone' is included" in one(check({"base reqs.txt": "-r gone"}))


def test_a_path_for_another_python_need_not_be_there(check):
    assert check({"requirements.txt": "./old ; python_version < '3.9'"}) == []
    assert "which is not in the source" in one(check({"requirements.txt": "./old ; python_version > '3.9'"}))


def test_a_path_that_leads_out_of_a_subdirectory_is_told_how_to_take_the_whole_source(check):
    told = one(check({"requirements.txt": "../../libs/common"}, source={"path": ".", "subdir": "apps/shop"}))
    assert (
        "leads out of the source, and only the source goes to the host; leave out source.subdir, and write `requirements` and `wsgi`"
        in told
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("flask\r\n".encode("utf-16-le"), "it has NUL bytes, as UTF-16 without a byte order mark"),
        ("# für den Laden\nflask\n".encode("latin-1"), "'utf-8' codec can't decode byte 0xfc in position 3: invalid start byte"),
        (b"# -*- coding: utf_99 -*-\nflask\n", "unknown encoding: utf_99"),
    ],
)
@pytest.mark.parametrize("name", ["requirements.txt", "more.txt"])
def test_a_file_that_pip_cannot_decode_is_refused(check, name, content, why):
    files = {"requirements.txt": "-r more.txt\n", "more.txt": "", name: content}
    assert one(check(files)) == f"requirements: '{name}' is no text in UTF-8 ({why}); save it as UTF-8."


@pytest.mark.parametrize("note", ["# -*- coding: latin-1 -*-\n", "#!/usr/bin/pip\n# coding=latin-1\n"])
def test_a_file_may_name_its_encoding(check, note):
    told = one(check({"requirements.txt": f"{note}./größe\n".encode("latin-1")}))
    assert "names 'größe', which is not in the source" in told


@pytest.mark.parametrize("line", ["-r requirements\\base.txt", "-c .\\base.txt", "--requirement=requirements\\base.txt"])
def test_an_include_with_a_path_of_windows_is_refused(check, line):
    told = one(check({"requirements.txt": f"{line}\n", "requirements/base.txt": "flask\n", "base.txt": "flask\n"}))
    says = f"requirements: '{line}' in requirements.txt has a path as Windows writes it"
    assert told == f"{says}; write / in the place of \\, which is right on Windows too."


@pytest.mark.parametrize("option", ["-r", "-c"])
def test_files_that_include_each_other_are_refused(check, option):
    told = one(check({"requirements.txt": "-r more/a.txt\n", "more/a.txt": f"{option} b.txt\n", "more/b.txt": "-r a.txt\nflask\n"}))
    assert told == "requirements: 'more/a.txt' includes itself by way of 'more/b.txt'; remove one of the lines with -r or -c."
    told = one(check({"requirements.txt": f"{option} requirements.txt\nflask\n"}))
    assert told == "requirements: 'requirements.txt' includes itself; remove one of the lines with -r or -c."


def test_two_files_may_include_one(check):
    files = {
        "requirements.txt": "-r a.txt\n-r b.txt\n-r a.txt\n",
        "a.txt": "-r base.txt\n",
        "b.txt": "-r base.txt\n",
        "base.txt": "flask\n",
    }
    assert check(files) == []
