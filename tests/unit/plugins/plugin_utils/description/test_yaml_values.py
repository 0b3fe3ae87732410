# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Values that YAML has turned into something else are refused if it shows, with quotes as the remedy."""

from __future__ import annotations

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.role_variables import resolve_variables
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.tests.unit.parse import nginx
from ansible_collections.flaskops.stack.tests.unit.render import complete, describe, nginx_files


def refusal(text: str) -> str:
    """Return the one line about a description whose other keys are written as YAML."""
    with pytest.raises(AppError) as caught:
        resolve_apps([{"name": "shop", "source": {"path": "shop"}, "wsgi": "shop:app", **yaml.safe_load(text)}])
    (line,) = caught.value.problems
    return line


@pytest.mark.parametrize("number", ["1.10", "0.5", "1.0e+3", "1_0.5", "1:30.5", ".inf", ".nan"])
def test_a_number_with_a_point_in_the_environment_is_to_be_quoted(number):
    # 1.10 has become 1.1, and 1:30.5 has become 90.5.
    line = refusal(f"env: {{A: {number}}}")
    assert line.startswith("shop.env.A must be text (")
    assert line.endswith("; write it in quotes.")
    assert refusal(f"secrets: {{A: {number}}}") == "shop.secrets.A must be text; write it in quotes."


@pytest.mark.parametrize("value", ["2026-11-28", "2026-11-28 10:00:00", "yes", "~", "[a]"])
def test_other_values_that_are_no_text_in_the_environment_are_to_be_quoted(value):
    assert refusal(f"env: {{A: {value}}}").endswith("; write it in quotes.")


@pytest.mark.parametrize(("written", "text"), [("8080", "8080"), ("-1", "-1"), ('"1.10"', "1.10"), ('"0123"', "0123"), ("1.2.3", "1.2.3")])
def test_whole_numbers_and_texts_in_the_environment_are_taken(written, text):
    assert complete(**yaml.safe_load(f"env: {{A: {written}}}"))["env"] == {"A": text}


@pytest.mark.parametrize(("written", "seen"), [("0012345", "5349"), ("1234567", "1234567"), ("2026", "2026"), ("1_000_000", "1000000")])
def test_a_number_as_the_version_of_a_repository_is_to_be_quoted(written, seen):
    # The number as it was written is lost: 0012345 is a commit, and YAML has read it as octal.
    assert refusal(f"source: {{git: ../shop, version: {written}}}") == (
        f"shop.source.version is {seen}, a number, and YAML may have read another than was written (0012345 becomes 5349); write it in quotes."
    )


def test_a_quoted_number_is_a_version():
    assert complete(source={"path": None, "git": "../shop", "version": "0012345"})["source"]["version"] == "0012345"


def test_the_label_of_prebuilt_code_may_be_a_number():
    assert complete(source={"path": None, "prebuilt": "/opt/shop", "virtualenv": "/opt/venv", "version": 7})["source"]["version"] == "7"


@pytest.mark.parametrize("kind", ["nginx", "health"])
@pytest.mark.parametrize("value", ["1.10", "on", "2026-11-28", "[a]", "{a: b}"])
def test_a_header_is_text(kind, value):
    line = refusal(f"{kind}: {{headers: {{X-A: {value}}}}}")
    assert line.startswith(f"shop.{kind}.headers.X-A is ")
    assert line.endswith(", but must be text; write it in quotes.")


def test_a_header_without_a_value_is_an_empty_one(tmp_path):
    # As in `X-Frame-Options:` with nothing behind the colon; it was sent with the value None.
    written = yaml.safe_load("headers: {X-Frame-Options: , X-Number: 5}")
    assert complete(nginx=written)["nginx"]["headers"]["X-Frame-Options"] == ""
    assert complete(health=written)["health"]["headers"] == {"X-Frame-Options": "", "X-Number": 5}
    http = nginx(nginx_files([describe(nginx=written)]), tmp_path)
    assert not http.all("map", "$upstream_http_x_frame_options")
    assert http.one("map", "$upstream_http_x_number").block[0].args == ("5",)


@pytest.mark.parametrize("value", ["1.10", "[1.10]"])
@pytest.mark.parametrize("where", ["options", "stream: {options"])
def test_a_number_with_a_point_as_an_option_of_uwsgi_is_to_be_quoted(where, value):
    line = refusal(f"uwsgi: {{{where}: {{env: {value}}}}}{'}' if 'stream' in where else ''}")
    assert ".options.env is 1.1, " in line
    assert line.endswith("; write it in quotes.")


@pytest.mark.parametrize("option", ["chmod-socket", "umask", "logfile-chmod"])
def test_a_mode_among_the_options_of_uwsgi_is_to_be_quoted(option):
    # 0660 has become 432, which uWSGI would read as octal.
    assert refusal(f"uwsgi: {{options: {{{option}: 0660}}}}") == (
        f"shop.uwsgi.options.{option} is 432, a number, and YAML reads a leading zero as octal (0660 becomes 432); write it in quotes."
    )
    assert complete(uwsgi={"options": {option: "0660"}})["uwsgi"]["options"] == {option: "0660"}


def test_other_options_of_uwsgi_may_be_whole_numbers_and_switches():
    options = {"harakiri": 60, "lazy-apps": True, "log-format": None, "chmod-socket": True}
    assert complete(uwsgi={"options": options})["uwsgi"]["options"] == options


# --- whole numbers, as ansible-core reads them from a file -------------------------------------------------------------------------------


@pytest.fixture
def loaded(tmp_path):
    """Return what ansible-core reads from a file of variables."""

    def loaded(text):
        path = tmp_path / f"vars{len(list(tmp_path.iterdir()))}.yml"
        path.write_text(f"# the number stands in the second line\n{text}\n")
        return DataLoader().load_from_file(str(path))

    return loaded


def lines(loaded_text):
    with pytest.raises(AppError) as caught:
        resolve_apps([{"name": "shop", "source": {"path": "shop"}, "wsgi": "shop:app", **loaded_text}])
    return caught.value.problems


@pytest.mark.parametrize(
    ("written", "seen"), [("0123", "83"), ("22:22", "1342"), ("1_000", "1000"), ("0x1F", "31"), ("+7", "7"), ("-010", "-8")]
)
def test_a_whole_number_that_yaml_has_read_otherwise_is_to_be_quoted(loaded, written, seen):
    assert lines(loaded(f"env: {{PIN: {written}, OTHER: 8080}}")) == [
        f"shop.env.PIN is {written}, which YAML reads as {seen}; write it in quotes."
    ]
    assert lines(loaded(f"user: {written}")) == [f"shop.user is {written}, which YAML reads as {seen}; write it in quotes."]
    assert lines(loaded(f"packages: [ {written} ]"))[0].startswith(f"shop.packages[0] is {written}, which YAML reads as ")
    assert lines(loaded(f"health:\n  headers:\n    X-A: {written}  # a comment")) == [
        f"shop.health.headers.X-A is {written}, which YAML reads as {seen}; write it in quotes."
    ]


def test_a_secret_is_not_quoted_in_the_message(loaded):
    assert lines(loaded("secrets: {PIN: 0123}")) == [
        "shop.secrets.PIN is a number that YAML reads otherwise than it is written; write it in quotes."
    ]


@pytest.mark.parametrize(("written", "seen"), [("1:30", "90"), ("010", "8"), ("0x10", "16")])
def test_a_number_in_another_base_is_no_number_of_seconds(loaded, written, seen):
    assert lines(loaded(f"drain_timeout: {written}")) == [
        f"shop.drain_timeout is {written}, which YAML reads as {seen}; write the number that is meant in digits, without a zero before it."
    ]


@pytest.mark.parametrize("written", ["8080", "0", "-1", '"0123"', "'22:22'", "1000"])
def test_a_number_that_is_what_it_seems_is_taken(loaded, written):
    assert complete(**loaded(f"env: {{A: {written}}}"))["env"] == {"A": str(yaml.safe_load(written))}
    assert complete(**loaded("drain_timeout: 1_000"))["drain_timeout"] == 1000


@pytest.mark.parametrize("text", ["nginx_site_listen: 80:30", "nginx_site_listen: [80:30]", "nginx_site_backend_listen: 80:30"])
def test_an_address_that_yaml_takes_for_a_number_is_to_be_quoted(loaded, text):
    with pytest.raises(AppError, match=r"^nginx_site_\w+(\[0\])? is 80:30, which YAML reads as 4830; write it in quotes\.$"):
        resolve_variables(loaded(text))


def test_a_file_that_has_changed_or_is_encrypted_is_no_reason_to_refuse(loaded, tmp_path):
    values = loaded("env: {PIN: 0123}")
    next(tmp_path.glob("*.yml")).write_text("$ANSIBLE_VAULT;1.1;AES256\n3132\n")
    assert complete(**values)["env"] == {"PIN": "83"}
