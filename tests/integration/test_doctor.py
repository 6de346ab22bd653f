"""Doctor against a live relay, real databases, and a DNS of the test's own."""

import base64
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from sqlalchemy import Engine

from db.engine import transaction
from db.runs import write_plans
from newsletter.deliveries import rsa_eights
from newsletter.operations.backup import back_up
from newsletter.operations.checks import Check, Level
from newsletter.operations.doctor import examine, examine_identity
from newsletter.setting_values import DkimKey, Mailbox, relays
from newsletter.settings import Settings
from tests.fakes.times import MONDAY


@dataclass(frozen=True)
class Zone:
    """A DNS that holds what the test wrote; names in ``silent`` get no answer."""

    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    exchanges: Mapping[str, Sequence[str]] = field(default_factory=dict)
    silent: bool = False

    def txt(self, name: str) -> list[str]:
        return self._answer(self.texts, name)

    def mx(self, name: str) -> list[str]:
        return self._answer(self.exchanges, name)

    def addresses(self, name: str) -> list[str]:
        return self._answer({}, name)

    def ptr(self, address: str) -> list[str]:
        return self._answer({}, address)

    def _answer(self, records: Mapping[str, Sequence[str]], name: str) -> list[str]:
        if self.silent:
            raise LookupError(name)
        return list(records.get(name, ()))


def look(settings: Settings, zone: Zone | None = None) -> dict[str, Check]:
    found = list(examine(replace(settings, public_url="http://127.0.0.1:9"), zone or Zone(), now=MONDAY))
    return {check.name: check for check in found}


def test_every_line_says_how_it_stands_and_what_to_do(settings: Settings) -> None:
    found = look(replace(settings, smtp=relays("smtp://127.0.0.1:9?tls=off")))
    assert found["database"].level is Level.OK
    assert found["relay 127.0.0.1:9"].level is Level.ERROR
    assert all(check.advice for check in found.values() if check.level is not Level.OK)


def test_a_dns_that_does_not_answer_is_a_warning_and_stops_nothing(settings: Settings) -> None:
    found = look(settings, Zone(silent=True))
    assert found["SPF of bounces.example.com"].level is Level.WARNING
    assert found["MX of bounces.example.com"].level is Level.WARNING


def test_the_published_dkim_key_must_be_the_private_ones(settings: Settings, tmp_path: Path) -> None:
    private = Ed25519PrivateKey.generate()
    path = tmp_path / "key.pem"
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    public = base64.b64encode(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    name = "s1._domainkey.example.com"
    signing = replace(settings, dkim=(DkimKey("s1", "example.com", path),))
    right = look(signing, Zone({name: [f"v=DKIM1; k=ed25519; p={public}"]}))
    wrong = look(signing, Zone({name: ["v=DKIM1; k=ed25519; p=AAAA"]}))
    path.chmod(0o644)
    readable = look(signing, Zone({name: [f"p={public}"]}))
    levels = [found[f"DKIM {name}"].level for found in (right, wrong, readable)]
    assert levels == [Level.OK, Level.ERROR, Level.ERROR]


@pytest.mark.parametrize(
    ("library", "level"), [(OSError("no AVX-512 IFMA"), Level.WARNING), (PackageNotFoundError("ipp-crypto"), None)]
)
def test_fast_signing_that_was_installed_and_does_not_work_is_told(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: Exception, level: Level | None
) -> None:
    def load() -> None:
        raise library

    monkeypatch.setattr(rsa_eights, "load", load)
    found = look(replace(settings, dkim=(DkimKey("s1", "example.com", tmp_path / "key.pem"),)))
    assert (found["fast signing"].level if "fast signing" in found else None) is level


def test_files_that_everybody_can_read_are_named(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = replace(settings, database_url=f"sqlite:///{tmp_path}/newsletter.db")
    held = [tmp_path / "newsletter.toml", tmp_path / "newsletter.db"]
    for path in held:
        path.touch()
        path.chmod(0o600)
    assert look(here)["files"].level is Level.OK
    for path in held:
        path.chmod(0o604)
        assert path.name in look(here)["files"].what
        path.chmod(0o640)


@pytest.mark.parametrize(
    ("topic", "kind", "level"),
    [
        ("arn:aws:sns:eu-west-1:123456789012:bounces ", "rsa", Level.OK),
        ("", "rsa", Level.WARNING),
        ("arn:aws:sns:eu-west-1:123456789012:bounces ", "ed25519", Level.ERROR),
        ("arn:aws:sns:eu-west-1:123456789012:bounces ", "text", Level.ERROR),
        ("arn:aws:sns:eu-west-1:123456789012:bounces ", "none", Level.ERROR),
    ],
)
def test_the_key_that_notices_are_verified_with_is_read(
    settings: Settings, tmp_path: Path, topic: str, kind: str, level: Level
) -> None:
    file = tmp_path / "key.pem"
    if kind == "text":
        file.write_text("no key")
    elif kind != "none":
        private = Ed25519PrivateKey.generate() if kind == "ed25519" else rsa.generate_private_key(65537, 2048)
        file.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert look(replace(settings, hook_ses=f"{topic}{file}"))["hooks"].level is level


def test_a_dmarc_record_of_the_organization_counts(settings: Settings) -> None:
    found = look(settings, Zone({"_dmarc.example.com": ["v=DMARC1; p=reject"]}))
    assert found["DMARC of example.com"].level is Level.OK


def test_spf_is_followed_into_what_it_includes(settings: Settings) -> None:
    texts = {"bounces.example.com": ["v=spf1 include:relay.example -all"], "relay.example": ["v=spf1 include:x.y -all"]}
    found = look(settings, Zone(texts))
    assert "x.y, which it includes, has no SPF record" in found["SPF of bounces.example.com"].what
    assert look(settings, Zone({**texts, "x.y": ["v=spf1 -all"]}))["SPF of bounces.example.com"].level is Level.OK


def test_a_mail_server_without_an_address_is_told(settings: Settings) -> None:
    found = look(settings, Zone(exchanges={"bounces.example.com": ["mx.example.com"]}))
    assert found["MX of bounces.example.com"].level is Level.ERROR


def test_a_missing_database_and_a_missing_mailbox_are_named(settings: Settings, tmp_path: Path) -> None:
    elsewhere = replace(
        settings, database_url=f"sqlite:///{tmp_path}/none.db", bounce_mailbox=Mailbox(tmp_path / "none")
    )
    found = look(elsewhere)
    assert "newsletter init" in found["database"].advice
    assert found["bounce mailbox"].level is Level.ERROR
    assert not (tmp_path / "none.db").exists()


def test_a_backup_made_a_moment_ago_is_found(
    sqlite_url: str, sqlite_engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    here = replace(settings, database_url=sqlite_url)
    back_up(sqlite_engine, tmp_path / "b.db", now=MONDAY - timedelta(days=1))
    assert look(here)["backup"].level is Level.OK


def test_a_timetable_that_nobody_keeps_is_noticed(sqlite_url: str, sqlite_engine: Engine, settings: Settings) -> None:
    here = replace(settings, database_url=sqlite_url)
    assert "timetable" not in look(here)
    with transaction(sqlite_engine) as connection:
        write_plans(connection, [("gather", "0 * * * * UTC", MONDAY - timedelta(days=3))])
    assert look(here)["timetable"].what == "nobody has kept it since 2026-11-13 06:00 UTC"


def test_the_command_prints_a_document_and_exits_with_1_on_errors(sqlite_url: str, tmp_path: Path) -> None:
    environment = {"NEWSLETTER_DATABASE_URL": sqlite_url, "NEWSLETTER_SMTP": "smtp://127.0.0.1:9?tls=off"}
    import json
    import os
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "newsletter.cli.main", "doctor", "--json", "--resolver", "127.0.0.1:9"],
        env=os.environ | environment, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    document = json.loads(done.stdout)
    assert (done.returncode, document["fit"]) == (1, False)
    assert done.stderr.startswith("newsletter: this installation is not fit to send")
    assert {"name", "level", "what", "advice"} == set(document["checks"][0])


def test_examining_an_installation_changes_nothing(engine: Engine, settings: Settings) -> None:
    before = look(settings)
    assert look(settings).keys() == before.keys()


def test_what_receivers_judge_the_mail_by_can_be_asked_for_alone(engine: Engine, settings: Settings) -> None:
    here = replace(settings, public_url="http://127.0.0.1:9", bounce_domain=None, dkim=())
    domain = settings.from_.domain if settings.from_ else ""
    zone = Zone({domain: ["v=spf1 mx -all"], f"_dmarc.{domain}": ["v=DMARC1; p=none"]})
    found = {check.name: check.level for check in examine_identity(engine, here, zone)}
    assert found == {
        f"SPF of {domain}": Level.OK, f"DMARC of {domain}": Level.OK, "DKIM": Level.WARNING, "service": Level.WARNING,
    }  # fmt: skip
    silent = examine_identity(engine, here, Zone(silent=True))
    assert all(check.level is Level.WARNING for check in silent)


def test_a_maildir_whose_mail_cannot_be_marked_as_read_is_no_bounce_mailbox(settings: Settings, tmp_path: Path) -> None:
    box = replace(settings, bounce_mailbox=Mailbox(tmp_path / "box"))
    (tmp_path / "box/new").mkdir(parents=True)
    assert "marked as read" in look(box)["bounce mailbox"].what, "there is no folder to put it in"
    (tmp_path / "box/cur").mkdir()
    assert look(box)["bounce mailbox"].level is Level.OK
