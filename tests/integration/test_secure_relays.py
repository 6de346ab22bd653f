"""Relays that want TLS and a login, as nearly all do."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from newsletter.deliveries import transport
from newsletter.deliveries.read_receipt import read_receipt
from newsletter.deliveries.send import send_due
from newsletter.deliveries.transport import Offers, connect, submit
from newsletter.setting_values import relays
from newsletter.settings import Settings
from tests.conftest import one_database
from tests.fakes.certificate import write_certificate
from tests.fakes.smtp_sink import ALL, Mail, Sink
from tests.integration.sending import WEEK, published, soon_after, standing, with_relays

MANY = 60
WAYS = pytest.mark.parametrize(
    "offers", [ALL, ("PIPELINING", "SIZE"), ()], ids=["chunking", "pipelining", "plain"]
)  # fmt: skip
AT_ONCE = pytest.mark.parametrize("at_once", [False, True], ids=["starttls", "implicit"])


@one_database
@WAYS
@AT_ONCE
def test_every_reader_gets_the_issue_over_tls_after_a_login(
    engine: Engine, settings: Settings, tmp_path: Path, offers: tuple[str, ...], at_once: bool
) -> None:
    with Sink().offering(*offers).with_tls(tmp_path, at_once=at_once).wanting_login("ed", "secret") as sink:
        here = with_relays(settings, sink.secure_url("ed", "secret"))
        published(engine, here, MANY, size=200_000)
        sent = send_due(engine, here, standing(), WEEK).issues[0]
    assert (sent.status, sent.counts.sent) == ("sent", MANY)
    assert set(sink.recipients().values()) == {1}
    assert min(len(mail.data) for mail in sink.mails) > 200_000
    verbs = [line.split()[0] for line in sink.commands]
    assert verbs.count("AUTH") == sink.connections
    assert verbs.count("STARTTLS") == (0 if at_once else sink.connections)


@one_database
@AT_ONCE
def test_a_certificate_that_nobody_vouches_for_gets_no_password_and_no_mail(
    engine: Engine, settings: Settings, tmp_path: Path, at_once: bool
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    trusted, _ = write_certificate(other)
    with Sink().with_tls(tmp_path, at_once=at_once).wanting_login("ed", "secret") as sink:
        url = sink.secure_url("ed", "secret").replace(str(sink.certificate), str(trusted))
        here = with_relays(settings, url)
        published(engine, here, MANY)
        sent = send_due(engine, here, standing(), WEEK).issues[0]
    assert sent.counts.queued == MANY
    assert "certificate" in (sent.trouble or "").lower()
    assert not [line for line in sink.commands if line.startswith(("AUTH", "MAIL"))]


@one_database
@AT_ONCE
def test_a_wrong_password_is_told_in_the_relays_words_and_not_repeated(
    engine: Engine, settings: Settings, tmp_path: Path, at_once: bool
) -> None:
    with Sink().with_tls(tmp_path, at_once=at_once).wanting_login("ed", "secret") as sink:
        here = with_relays(settings, sink.secure_url("ed", "wr0ng-pass"))
        published(engine, here, MANY)
        sent = send_due(engine, here, standing(), WEEK).issues[0]
    assert sent.counts.queued == MANY
    assert "cannot be used: 535 5.7.8 wrong name or password" in (sent.trouble or "")
    assert "wr0ng-pass" not in (sent.trouble or "")


def test_what_somebody_on_the_way_adds_before_tls_begins_is_not_believed(tmp_path: Path) -> None:
    """Replies in clear text must not count as said over TLS (CVE-2011-0411 and its like)."""

    async def offered(url: str) -> Offers:
        connected = await connect(*relays(url))
        await connected.quit()
        return connected.offers

    with Sink().offering().with_tls(tmp_path, injecting=b"250-sink.example\r\n250 PIPELINING\r\n") as sink:
        assert asyncio.run(offered(sink.secure_url())) == Offers(False, False, False, False)


@AT_ONCE
def test_a_letter_goes_over_tls_after_a_login(tmp_path: Path, at_once: bool) -> None:
    with Sink().with_tls(tmp_path, at_once=at_once).wanting_login("ed", "secret") as sink:
        relay = relays(sink.secure_url("ed", "secret"))
        words = b"Subject: Please confirm\r\n\r\nPress here.\r\n"
        reply = asyncio.run(submit(relay, "news@example.com", "ada@example.org", words))
    assert reply.ok
    assert [mail.data for mail in sink.mails] == [words]


@one_database
@WAYS
@AT_ONCE
@pytest.mark.parametrize(
    ("end", "status"),
    [(lambda mail, number: None, "uncertain"), (lambda mail, number: "451 4.3.0 not now", "deferred")],
    ids=["cut", "refused"],
)
def test_counts_add_up_when_lines_over_tls_are_cut(
    engine: Engine, settings: Settings, tmp_path: Path, offers: tuple[str, ...], at_once: bool,
    end: Callable[[Mail, int], str | None], status: str,
) -> None:  # fmt: skip
    def fifth(mail: Mail, number: int) -> str | None:
        return end(mail, number) if mail.recipient.partition("@")[0].endswith("5") else "250 2.0.0 taken"

    with Sink().offering(*offers).with_tls(tmp_path, at_once=at_once).ending(fifth) as sink:
        here = with_relays(settings, sink.secure_url())
        published(engine, here, MANY)
        send_due(engine, here, standing(), WEEK)
    counts = read_receipt(engine, WEEK).counts
    assert (counts.sent, getattr(counts, status)) == (MANY - 6, 6)


@one_database
def test_a_relay_that_falls_silent_over_tls_is_left_in_time(
    engine: Engine, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(transport, "CONNECT_SECONDS", 1.0)
    monkeypatch.setattr("newsletter.deliveries.converse.COMMAND_SECONDS", 0.6)
    monkeypatch.setattr("newsletter.deliveries.converse.FINAL_SECONDS", 0.6)
    with Sink().with_tls(tmp_path) as sink:
        sink.silent_after(MANY // 2)
        here = with_relays(settings, sink.secure_url())
        published(engine, here, MANY)
        stop = soon_after(lambda: len(sink.mails) >= MANY // 2)
        send_due(engine, here, standing(), WEEK, stop)
    counts = read_receipt(engine, WEEK).counts
    assert (counts.recipients, counts.sending, counts.sent) == (MANY, 0, MANY // 2)


@pytest.mark.parametrize("asked", ["", "ed:secret@"], ids=["starttls", "login"])
def test_a_relay_that_knows_no_ehlo_hears_nothing_that_should_be_secret(asked: str) -> None:
    with Sink().refusing_ehlo() as sink:
        tls = "off" if asked else "starttls"
        (relay,) = relays(sink.url.partition("?")[0].replace("://", f"://{asked}") + f"?tls={tls}")
        with pytest.raises(transport.RelayError, match="not supported"):
            asyncio.run(connect(relay))
    assert {line.split()[0] for line in sink.commands} == {"EHLO", "HELO"}


@pytest.mark.parametrize("reply", ["554 5.7.1 we do not talk to you", "421 4.3.2 closing"])
def test_a_relay_that_does_not_want_us_is_not_asked_in_other_words(reply: str) -> None:
    with Sink().refusing_ehlo(reply) as sink, pytest.raises(transport.RelayError, match=reply):
        asyncio.run(connect(relays(sink.url)[0]))
    assert {line.split()[0] for line in sink.commands} == {"EHLO"}
