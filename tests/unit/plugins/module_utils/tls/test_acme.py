# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The service that gets certificates from a CA: when it asks, what it does with the answer, and what a failure leaves."""

from __future__ import annotations

import contextlib
import json
import os
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import command
from ansible_collections.flaskops.stack.plugins.module_utils.host.files import read_text, write_atomically
from ansible_collections.flaskops.stack.plugins.module_utils.tls import certbot
from ansible_collections.flaskops.stack.plugins.module_utils.tls.acme import AcmeService, AcmeSite
from ansible_collections.flaskops.stack.plugins.module_utils.tls.attempts import Attempts, is_due
from ansible_collections.flaskops.stack.plugins.module_utils.tls.certbot import CaSettings, Certbot, words
from ansible_collections.flaskops.stack.plugins.module_utils.tls.dns_proof import DnsProof, quoted, unwritable
from ansible_collections.flaskops.stack.plugins.module_utils.tls.install import Installer
from ansible_collections.flaskops.stack.plugins.module_utils.tls.pair import CertificateError, examine
from ansible_collections.flaskops.stack.plugins.module_utils.tls.places import CertificatePlaces, CertificateRecord
from ansible_collections.flaskops.stack.tests.unit.certificates import Pair, authority, pair
from ansible_collections.flaskops.stack.tests.unit.killed import killed_at, lines_that_change

DAY, HOUR = 86400, 3600
SERVER = "https://ca.test/directory"


class Ca:
    """A CA that gives what it is told to give, or refuses."""

    def __init__(self) -> None:
        self.gives: Pair | None = None
        self.last: Pair | None = None
        self.asked: list[tuple[str, ...]] = []
        self.proofs: list[DnsProof | None] = []
        self.says = "the CA refuses"

    def kept(self, app: str):
        return self.last and (self.last.chain, self.last.key, examine(self.last.chain, self.last.key))

    def obtain(self, app: str, names, dns):
        self.asked.append(tuple(names))
        self.proofs.append(dns)
        if self.gives is None:
            raise CertificateError(self.says)
        self.last = self.gives
        return self.kept(app)


class Nginx:
    def __init__(self) -> None:
        self.reloads, self.dies = 0, False

    def test(self) -> str:
        return ""

    def reload(self) -> str:
        if self.dies:
            raise KeyboardInterrupt
        self.reloads += 1
        return ""


class Host:
    """A host with the service, a CA and a clock."""

    def __init__(self, tmp_path: Path) -> None:
        self.root, self.webroot = str(tmp_path / "tls"), str(tmp_path / "web")
        self.ca, self.nginx = Ca(), Nginx()
        self.misled: dict[str, str] = {}
        self.seen: list[str] = []

    def elsewhere(self, name: str, path: str, text: str) -> str:
        self.seen.append(Path(self.webroot + path).read_text() == text and name)
        return self.misled.get(name, "")

    def run(self, *names: str, by_hand: bool = False, dns: DnsProof | None = None) -> str:
        installer = Installer(self.nginx, self.root)
        service = AcmeService(self.ca, SERVER, installer, contextlib.nullcontext, self.elsewhere, self.webroot, self.root)
        return service.run({"shop": AcmeSite(names or ("shop.test",), dns)}, by_hand).get("shop", "")

    def record(self) -> CertificateRecord | None:
        return CertificatePlaces("shop", self.root).record()


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


@pytest.fixture
def clock(monkeypatch):
    """Let time go on; certificates are made before."""
    real, moved = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + moved[0])

    def go_on(seconds: float) -> None:
        moved[0] += seconds

    return go_on


def fresh(*names: str, days: int = 90) -> Pair:
    return Pair(*(names or ("shop.test",)), issuer=authority(), days=days)


def test_a_first_certificate_is_asked_for_once_and_installed(host):
    host.ca.gives = fresh()
    assert host.run() == ""
    assert (host.record().kind, host.record().server, host.nginx.reloads) == ("acme", SERVER, 1)
    assert host.seen == ["shop.test"], "what the CA will ask for was there"
    assert os.listdir(f"{host.webroot}/.well-known/acme-challenge") == []
    assert host.run() == ""
    assert (len(host.ca.asked), host.nginx.reloads) == (1, 1)


def test_a_key_that_others_may_read_is_protected_and_the_ca_not_asked(host):
    host.ca.gives = fresh()
    host.run()
    key = CertificatePlaces("shop", host.root).live_file("key.pem")
    os.chmod(key, 0o644)
    assert host.run() == ""
    assert os.stat(key).st_mode & 0o777 == 0o600
    assert (len(host.ca.asked), host.nginx.reloads) == (1, 1)


def test_a_certificate_is_renewed_in_time(host, clock):
    host.ca.gives = fresh()
    host.run()
    clock(58 * DAY)
    host.ca.gives = fresh(days=180)
    assert host.run() == ""
    assert len(host.ca.asked) == 1
    clock(2 * DAY)
    assert host.run() == ""
    assert len(host.ca.asked) == 2
    assert host.record().not_after - time.time() > 100 * DAY


@pytest.mark.parametrize(("lifetime", "left", "due"), [(90, 31, False), (90, 29, True), (6, 3.1, False), (6, 2.9, True), (47, 15, True)])
def test_a_third_of_the_lifetime_is_left_or_half_of_a_short_one(lifetime, left, due):
    record = CertificateRecord("acme", "", ("a",), 0, lifetime * DAY, "")
    assert is_due(record, (lifetime - left) * DAY) is due


def test_another_name_takes_another_certificate(host):
    host.ca.gives = fresh()
    host.run()
    host.ca.gives = fresh("shop.test", "www.shop.test")
    assert host.run("shop.test", "www.shop.test") == ""
    assert host.ca.asked == [("shop.test",), ("shop.test", "www.shop.test")]
    assert host.record().names == ("shop.test", "www.shop.test")


def test_a_name_that_leads_elsewhere_is_told_and_the_ca_not_asked(host):
    host.misled["www.shop.test"] = "www.shop.test leads to 192.0.2.1"
    assert host.run("shop.test", "www.shop.test") == "www.shop.test leads to 192.0.2.1"
    assert host.ca.asked == []
    host.misled.clear()
    host.ca.gives = fresh("shop.test", "www.shop.test")
    assert host.run("shop.test", "www.shop.test") == "", "it costs nothing of the CA's limits, so the next run looks again"


def test_a_refusal_keeps_the_certificate_from_before(host, clock):
    host.ca.gives = fresh()
    host.run()
    before = host.record()
    host.ca.gives = None
    clock(70 * DAY)
    assert host.run() == "the CA refuses"
    assert host.record() == before


def test_after_failures_the_ca_is_asked_ever_more_rarely(host, clock):
    asked_at, passed = [], 0.0
    for _quarter in range(200):
        host.run()
        if len(host.ca.asked) > len(asked_at):
            asked_at.append(passed / HOUR)
        clock(HOUR / 4)
        passed += HOUR / 4
    waits = [round(after - before) for before, after in zip(asked_at, asked_at[1:], strict=False)]
    assert waits[:5] == [1, 2, 4, 8, 12]
    assert "(the CA is not asked before 20" in host.run()
    assert "the CA refuses" in host.run()


def test_somebody_who_waits_may_ask_again_within_the_limits_of_the_ca(host, clock):
    for _attempt in range(10):
        host.run(by_hand=True)
    assert len(host.ca.asked) == 4
    clock(HOUR)
    host.run(by_hand=True)
    assert len(host.ca.asked) == 5


def test_a_time_that_the_ca_names_is_kept(host, clock):
    host.ca.says = "too many certificates, retry after " + time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(time.time() + 30 * HOUR))
    host.run()
    clock(29 * HOUR)
    host.run(by_hand=True)
    assert len(host.ca.asked) == 1
    clock(2 * HOUR)
    host.run(by_hand=True)
    assert len(host.ca.asked) == 2


def test_the_same_names_are_asked_for_four_times_a_week(tmp_path, clock):
    attempts = Attempts(_places(tmp_path))
    for _time in range(4):
        assert attempts.wait_until(["a", "b"], time.time(), True) <= time.time()
        attempts.succeeded(["a", "b"])
        clock(HOUR)
    again = Attempts(_places(tmp_path))
    assert 6 * DAY < again.wait_until(["b", "a"], time.time(), True) - time.time() < 7 * DAY
    assert again.wait_until(["a"], time.time(), True) <= time.time()


def _places(tmp_path: Path) -> CertificatePlaces:
    places = CertificatePlaces("shop", str(tmp_path))
    os.makedirs(places.directory, exist_ok=True)
    return places


def test_what_a_killed_run_has_got_is_installed_without_asking_again(host):
    host.ca.gives = fresh()
    host.nginx.dies = True
    with pytest.raises(KeyboardInterrupt):
        host.run()
    host.nginx.dies = False
    os.unlink(CertificatePlaces("shop", host.root).live)
    assert host.run() == ""
    assert len(host.ca.asked) == 1
    assert host.record() is not None
    assert len(Attempts(CertificatePlaces("shop", host.root)).issued) == 1, "it was written down before"


def test_a_certificate_counts_that_was_given_to_a_run_killed_before_it_could_write_that_down(host):
    host.ca.gives = fresh()
    host.ca.obtain("shop", ("shop.test",), None)
    places = CertificatePlaces("shop", host.root)
    os.makedirs(places.directory)
    left = Path(places.directory, ".attempts.json.4194305-0123456789abcdef.partial")
    left.touch()
    assert host.run() == ""
    assert len(host.ca.asked) == 1
    assert len(Attempts(places).issued) == 1
    assert not left.exists()


def test_a_run_that_was_killed_before_the_reload_is_ended_by_the_next(host):
    host.ca.gives = fresh()
    host.nginx.dies = True
    with pytest.raises(KeyboardInterrupt):
        host.run()
    host.nginx.dies = False
    assert host.run() == ""
    assert (len(host.ca.asked), host.nginx.reloads) == (1, 1)


class StoringCa:
    """A CA whose client writes down each question, and stores what it gets in two steps."""

    def __init__(self, directory: Path, gives: Pair) -> None:
        self.directory, self.gives = directory, gives

    def kept(self, app: str):
        texts = [read_text(str(self.directory / name)) for name in ("chain", "key")]
        with contextlib.suppress(CertificateError):
            return (*texts, examine(*texts)) if all(texts) else None

    def obtain(self, app: str, names, dns):
        with (self.directory / "asked").open("a") as file:
            file.write("once\n")
        write_atomically(str(self.directory / "chain"), self.gives.chain, 0o600)
        write_atomically(str(self.directory / "key"), self.gives.key, 0o600)
        return self.kept(app)


def due_host(directory: Path, now: Pair, then: Pair) -> t.Callable[[], dict[str, str]]:
    """Make a host with a certificate that is due, and return the service that renews it."""
    root, web, stored = (directory / name for name in ("tls", "web", "ca"))
    stored.mkdir(parents=True)

    def run(gives: Pair) -> dict[str, str]:
        installer = Installer(Nginx(), str(root))
        ca = StoringCa(stored, gives)
        service = AcmeService(ca, SERVER, installer, contextlib.nullcontext, lambda *_question: "", str(web), str(root))
        return service.run({"shop": AcmeSite(("shop.test",))}, False)

    assert run(now) == {}
    attempts = Attempts(CertificatePlaces("shop", str(root)))
    attempts.issued = [(time.time() - 2 * DAY, names) for _at, names in attempts.issued]
    attempts._write()
    meta = root / "shop/live/meta.json"
    meta.write_text(json.dumps({**json.loads(meta.read_text()), "not_before": 1, "not_after": 1700000000}))
    return lambda: run(then)


def test_killed_at_any_line_a_renewal_is_ended_by_the_next_run(tmp_path):
    now, then = fresh(), fresh()
    lines = lines_that_change(tmp_path / "0", due_host(tmp_path / "0", now, then))
    assert len(lines) > 20
    for line in lines:
        host, when = tmp_path / str(line), f"killed at line {line}"
        renew = due_host(host, now, then)
        killed_at(line, renew)
        key, asked = host / "ca/key", (host / "ca/asked").read_text()
        more = "" if key.read_text() == then.key else "once\n"
        assert renew() == {}, when
        places = CertificatePlaces("shop", str(host / "tls"))
        assert Path(places.live_file("key.pem")).read_text().strip() == then.key.strip(), when
        assert sorted(os.listdir(places.directory)) == sorted([places.live_name(), "attempts.json", "live"]), when
        assert os.listdir(host / "tls") == ["shop"], when
        assert os.listdir(host / "web/.well-known/acme-challenge") == [], when
        assert (host / "ca/asked").read_text() == asked + more, f"{when}: the CA is asked again only for what it has not given"
        assert len(Attempts(places).issued) == 2, f"{when}: a certificate that the CA has given is written down"


def test_what_killed_runs_have_left_for_the_ca_to_read_is_removed(host):
    challenges = Path(host.webroot, ".well-known/acme-challenge")
    challenges.mkdir(parents=True)
    (challenges / "token").write_text("of certbot, which was killed with the service")
    host.ca.gives = fresh()
    assert host.run() == ""
    assert list(challenges.iterdir()) == []


def test_a_failure_of_one_site_keeps_no_other_from_its_certificate(host):
    host.ca.gives = fresh("b.test")
    host.misled["a.test"] = "a.test leads elsewhere"
    service = AcmeService(
        host.ca, SERVER, Installer(host.nginx, host.root), contextlib.nullcontext, host.elsewhere, host.webroot, host.root
    )
    assert service.run({"a": AcmeSite(("a.test",)), "b": AcmeSite(("b.test",))}, False) == {"a": "a.test leads elsewhere"}
    assert CertificatePlaces("b", host.root).record() is not None


def test_a_site_whose_files_cannot_be_written_keeps_no_other_from_its_certificate(host):
    host.ca.gives = fresh("b.test")
    os.makedirs(host.root)
    Path(f"{host.root}/a").write_text("no directory")
    service = AcmeService(
        host.ca, SERVER, Installer(host.nginx, host.root), contextlib.nullcontext, host.elsewhere, host.webroot, host.root
    )
    problems = service.run({"a": AcmeSite(("a.test",)), "b": AcmeSite(("b.test",))}, False)
    assert list(problems) == ["a"]
    assert "File exists" in problems["a"]
    assert CertificatePlaces("b", host.root).record() is not None


def test_a_time_that_is_none_keeps_no_other_from_its_certificate(host):
    host.ca.says = "too many certificates, retry after 2026-13-45 99:99:99 UTC"
    service = AcmeService(
        host.ca, SERVER, Installer(host.nginx, host.root), contextlib.nullcontext, host.elsewhere, host.webroot, host.root
    )
    problems = service.run({"a": AcmeSite(("a.test",)), "b": AcmeSite(("b.test",))}, False)
    assert problems == {"a": host.ca.says, "b": host.ca.says}


def test_names_that_answer_slowly_take_no_time_from_other_sites(host, monkeypatch):
    """A server of names can take as long for an answer as a question may last."""
    passed = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: passed[0])
    asked = host.elsewhere

    def slowly(*question):
        passed[0] += 25
        return asked(*question)

    host.elsewhere = slowly
    host.ca.gives = fresh("shop.test")
    host.run(*(f"{number}.test" for number in range(20)))
    assert host.seen == ["0.test", "1.test", "2.test"], "a minute for all of them"
    assert len(host.ca.asked) == 1, "those that were not asked may lead here"


def test_names_that_the_dns_proves_may_lead_anywhere(host):
    proof = DnsProof("rfc2136", {"dns_rfc2136_secret": "c2VjcmV0"})
    host.misled["*.shop.test"] = "*.shop.test leads to 192.0.2.1"
    host.ca.gives = fresh("*.shop.test")
    assert host.run("*.shop.test", dns=proof) == ""
    assert (host.seen, host.ca.proofs) == ([], [proof])


# --- certbot ----------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def called(monkeypatch):
    """Collect the calls of certbot, with what its configuration says."""
    calls: list[tuple[list[str], str, dict]] = []

    def run(argv, env=None, **_options):
        calls.append((argv, Path(argv[argv.index("--config") + 1]).read_text(), env))
        return command.CommandResult(0)

    monkeypatch.setattr(certbot, "run", run)
    return calls


def test_certbot_is_told_all_names_and_no_secret_in_an_argument(called, tmp_path):
    settings = CaSettings(SERVER, "a@example.com", "ecdsa", "/etc/ca.pem", "kid-1", "c2VjcmV0c2VjcmV0")
    with pytest.raises(CertificateError, match="there is none"):
        Certbot(settings, str(tmp_path / "certbot")).obtain("shop", ["shop.test", "www.shop.test"])
    ((argv, config, env),) = called
    assert [argv[index + 1] for index, part in enumerate(argv) if part == "--domain"] == ["shop.test", "www.shop.test"]
    assert argv[argv.index("--server") + 1] == SERVER
    assert "c2VjcmV0c2VjcmV0" not in " ".join(argv)
    assert config == "eab-kid = kid-1\neab-hmac-key = c2VjcmV0c2VjcmV0\n"
    assert env["REQUESTS_CA_BUNDLE"] == "/etc/ca.pem"
    assert "--preferred-profile" not in argv


def test_certbot_is_told_the_profile(called, tmp_path):
    with pytest.raises(CertificateError, match="there is none"):
        Certbot(CaSettings(SERVER, profile="shortlived"), str(tmp_path / "certbot")).obtain("shop", ["shop.test"])
    ((argv, _config, _env),) = called
    assert argv[argv.index("--preferred-profile") + 1] == "shortlived"


RFC2136 = {"dns_rfc2136_server": "192.0.2.53", "dns_rfc2136_name": "key.", "dns_rfc2136_secret": "c2VjcmV0"}


@pytest.mark.parametrize(
    ("proof", "arguments", "text"),
    [
        (
            DnsProof("rfc2136", RFC2136, 5),
            "--authenticator dns-rfc2136 --dns-rfc2136-credentials FILE --dns-rfc2136-propagation-seconds 5",
            'dns_rfc2136_name = "key."\ndns_rfc2136_secret = "c2VjcmV0"\ndns_rfc2136_server = "192.0.2.53"\n',
        ),
        (DnsProof("standalone", {}), "--authenticator dns-standalone", ""),
        (DnsProof("google", {"type": "a", "private_key": "b\nc"}), "--authenticator dns-google --dns-google-credentials FILE", None),
        (DnsProof("route53", {"aws_access_key_id": "AK"}), "--authenticator dns-route53", "[default]\naws_access_key_id = AK\n"),
    ],
)
def test_certbot_is_told_where_the_credentials_of_a_plugin_are(monkeypatch, tmp_path, proof, arguments, text):
    calls = []

    def run(argv, env=None, timeout=None, **_options):
        path = Path(argv[argv.index("--config") + 1]).with_name("credentials")
        calls.append((argv, env, timeout, path, path.read_text(), path.stat().st_mode & 0o777))
        return command.CommandResult(0)

    monkeypatch.setattr(certbot, "run", run)
    with pytest.raises(CertificateError, match="there is none"):
        Certbot(CaSettings(SERVER), str(tmp_path / "certbot")).obtain("shop", ["*.shop.test"], proof)
    ((argv, env, timeout, path, written, mode),) = calls
    assert arguments.replace("FILE", str(path)) in " ".join(argv)
    assert "--webroot" not in argv
    assert not [value for value in proof.secrets() if value in " ".join(argv)]
    assert mode == 0o600
    assert json.loads(written) == proof.credentials if text is None else written == text
    assert timeout == 600 + (proof.propagation or 0)
    assert env.get("AWS_SHARED_CREDENTIALS_FILE") == (str(path) if proof.plugin == "route53" else None)
    assert not path.exists(), "it is there while certbot runs, and no longer"


def test_a_refusal_by_the_name_server_is_one_sentence_with_the_key_to_correct(monkeypatch, tmp_path):
    said = (
        "Saving debug log to /x\nRequesting a certificate for *.shop.test and shop.test\nEncountered exception during recovery:"
        " Received response from server: NOTAUTH\nReceived response from server: NOTAUTH\nAsk for help or search for solutions"
    )

    def run(*_argv, **_options):
        raise command.CommandError(f"'certbot certonly' ended with 1:\n{said}")

    monkeypatch.setattr(certbot, "run", run)
    with pytest.raises(CertificateError) as error:
        Certbot(CaSettings(SERVER), str(tmp_path)).obtain("shop", ["*.shop.test"], DnsProof("rfc2136", RFC2136))
    assert str(error.value) == (
        "certbot could not prove the names by its plugin dns-rfc2136: Received response from server: NOTAUTH. If the plugin was refused,"
        " correct shop.nginx.tls.dns.credentials; if the CA has not seen the record, write a longer shop.nginx.tls.dns.propagation"
    )


@pytest.mark.parametrize(
    ("refusals", "says", "times"),
    [
        (1, "urn:ietf:params:acme:error:badNonce :: The client sent an unacceptable anti-replay nonce :: JWS has an invalid nonce", 2),
        (2, "acme.messages.Error: badNonce", 3),
        (9, "The client sent an unacceptable anti-replay nonce", 3),
        (9, "too many requests", 1),
    ],
)
def test_a_nonce_that_the_ca_refuses_is_no_reason_to_give_up(monkeypatch, tmp_path, refusals, says, times):
    calls = []

    def run(*_arguments, **_more):
        calls.append("certonly")
        if len(calls) <= refusals:
            raise command.CommandError(says)

    monkeypatch.setattr(certbot, "run", run)
    monkeypatch.setattr(Certbot, "kept", lambda *_arguments: "a certificate")
    with pytest.raises(CertificateError, match=says[:10]) if refusals == 9 else contextlib.nullcontext():
        Certbot(CaSettings(SERVER), str(tmp_path)).obtain("shop", ["shop.test"])
    assert len(calls) == times


@pytest.mark.parametrize(
    ("says", "times"),
    [
        ("Account has been deactivated", 2),
        ("Account https://ca.test/my-account/1 not found.", 2),
        ("urn:ietf:params:acme:error:accountDoesNotExist :: The request specified an account that does not exist", 2),
        ("Detail: DNS problem: NXDOMAIN", 1),
        ("The account has been rate limited", 1),
    ],
)
def test_another_account_takes_the_place_of_one_that_the_ca_has_given_up(monkeypatch, tmp_path, says, times):
    calls = []
    (tmp_path / "config/accounts/ca").mkdir(parents=True)

    def run(argv, **_options):
        calls.append((tmp_path / "config/accounts").exists())
        raise command.CommandError(f"'certbot certonly' ended with 1:\nAn unexpected error occurred:\n{says}")

    monkeypatch.setattr(certbot, "run", run)
    with pytest.raises(CertificateError):
        Certbot(CaSettings(SERVER), str(tmp_path)).obtain("shop", ["shop.test"])
    assert calls == [True, False][:times]


def test_the_answer_of_the_ca_is_read_in_the_log_where_certbot_loses_it(monkeypatch, tmp_path):
    """certbot 2.1.0 of Debian 12, with Python 3.11."""
    log = tmp_path / "logs/letsencrypt.log"
    log.parent.mkdir()
    error = "acme.messages.Error: urn:ietf:params:acme:error:rateLimited :: There were too many requests of a given type :: "

    def run(*_argv, **_options):
        log.write_text(f"Traceback\n{error}the first one\n\nTraceback\n{error}too many certificates, retry after 2030-01-01 00:00:00 UTC\n")
        raise command.CommandError("'certbot certonly' ended with 1:\nAn unexpected error occurred:\nAttributeError: can't set attribute")

    monkeypatch.setattr(certbot, "run", run)
    with pytest.raises(CertificateError, match="^too many certificates, retry after 2030-01-01 00:00:00 UTC$"):
        Certbot(CaSettings(SERVER), str(tmp_path)).obtain("shop", ["shop.test"])


@pytest.mark.parametrize(
    ("plugin", "value", "says"),
    [
        ("rfc2136", 'a#b, c="d" ', ""),
        ("rfc2136", "it's", ""),
        ("rfc2136", 'it\'s "it"', "has both kinds of quotes"),
        ("rfc2136", "a\nb", "has a line break or a tab"),
        ("rfc2136", "a%(b)s", "has %(, which certbot takes for the name of another value"),
        ("route53", 'it\'s "it"', ""),
        ("google", "a\nb", ""),
    ],
)
def test_what_a_file_of_certbot_cannot_hold_is_known(plugin, value, says):
    assert unwritable(plugin, value) == says


def test_a_value_in_quotes_stays_what_it_is():
    assert [quoted(value) for value in ("a#b, c ", 'say "a"', "it's")] == ['"a#b, c "', "'say \"a\"'", '"it\'s"']


def test_what_is_no_secret_may_be_shown():
    assert DnsProof("rfc2136", {**RFC2136, "dns_rfc2136_port": "53", "dns_rfc2136_algorithm": "HMAC-SHA256"}).secrets() == ["c2VjcmV0"]


def test_each_ca_has_a_directory_of_its_own():
    assert CaSettings(SERVER).directory != CaSettings("https://other.test").directory


def test_a_certificate_that_certbot_has_is_found(tmp_path):
    live = tmp_path / "config/live/shop"
    live.mkdir(parents=True)
    given = pair("shop.test")
    (live / "fullchain.pem").write_text(given.chain)
    (live / "privkey.pem").write_text(given.key)
    assert Certbot(CaSettings(SERVER), str(tmp_path)).kept("shop")[2].names == ("shop.test",)
    (live / "privkey.pem").write_text("half")
    assert Certbot(CaSettings(SERVER), str(tmp_path)).kept("shop") is None
    assert Certbot(CaSettings(SERVER), str(tmp_path)).kept("other") is None


@pytest.mark.parametrize(
    "left",
    [
        pytest.param(("renewal/shop.conf",), id="killed before its settings are complete"),
        pytest.param(("renewal/shop.conf", "archive/shop/fullchain1.pem", "live/shop/fullchain.pem"), id="killed before the key is there"),
        pytest.param(("live/shop/fullchain.pem",), id="without settings after a power cut"),
        pytest.param(("archive/shop/privkey1.pem",), id="without links after a power cut"),
    ],
)
def test_what_a_killed_certbot_has_left_does_not_keep_the_next_one_from_a_certificate(monkeypatch, tmp_path, left):
    config, given = tmp_path / "config", pair("shop.test")
    for path in left:
        (config / path).parent.mkdir(parents=True, exist_ok=True)
        (config / path).touch()

    def run(*_arguments, **_more):
        """Store a new certificate as certbot does (new_lineage in certbot/_internal/storage.py)."""
        name = "shop-0001" if (config / "renewal/shop.conf").exists() else "shop"
        for kind in ("archive", "live"):
            if (config / kind / name).exists():
                raise command.CommandError(f"{kind} directory exists for {name}")
            (config / kind / name).mkdir(parents=True)
        (config / "live" / name / "fullchain.pem").write_text(given.chain)
        (config / "live" / name / "privkey.pem").write_text(given.key)

    monkeypatch.setattr(certbot, "run", run)
    assert Certbot(CaSettings(SERVER), str(tmp_path)).obtain("shop", ["shop.test"])[0] == given.chain


def test_a_former_certificate_is_never_taken_for_the_new_one(monkeypatch, tmp_path):
    live, given = tmp_path / "config/live/shop", pair("shop.test")
    live.mkdir(parents=True)
    (live / "fullchain.pem").write_text(given.chain)
    (live / "privkey.pem").write_text(given.key)
    monkeypatch.setattr(certbot, "run", lambda *_arguments, **_more: None)
    with pytest.raises(CertificateError, match="there is none"):
        Certbot(CaSettings(SERVER), str(tmp_path)).obtain("shop", ["shop.test"])


def test_the_words_of_the_ca_are_found_in_what_certbot_says():
    said = (
        "Saving debug log\n\nCertificate Authority failed\n  Domain: shop.test\n  Type:   dns\n  Detail: DNS problem: NXDOMAIN\n\nHint: x"
    )
    assert words(said) == "shop.test DNS problem: NXDOMAIN"
    assert words("one\ntwo") == "one two"
