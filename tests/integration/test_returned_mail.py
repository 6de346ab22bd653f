"""Returned mail against real databases: who is suppressed by what, and who is not."""

import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Engine, insert, select, update

from db.deliveries import note_trouble
from db.engine import reading, transaction
from db.keys import address_key, link_keys, newest_link_key
from db.letters import add_letter
from db.models import Consent, Delivery, Editor, Issue, IssueContent, Letter, ReturnedMail, Subscriber, Suppression
from db.partitions import make_partition
from db.returned_mail import forget_kept, kept_mail
from db.states import LetterKind
from newsletter.clock import Week
from newsletter.deliveries.bounces_mail import Arrived
from newsletter.deliveries.bounces_providers import read_notices
from newsletter.deliveries.read_mailbox import mails_at, mails_in
from newsletter.deliveries.receive import ReceiveReport, count_refusals, receive_mail, receive_notices
from newsletter.deliveries.verp import LEAVE, RETURN, sign_delivery
from newsletter.errors import NewsletterError
from newsletter.settings import Settings
from newsletter.subscribers.addresses import hash_address
from newsletter.subscribers.erase import erase
from newsletter.subscribers.tokens import Link, sign_link
from tests.fakes.times import MONDAY
from tests.unit.bounces.mails import complaint, dsn, notice, recipient


class Mailed(NamedTuple):
    """A reader, and what was sent to them."""

    subscriber_id: int
    deliveries: list[int]


@pytest.fixture
def ada(engine: Engine, settings: Settings) -> Mailed:
    """Four weekly issues went to her, the first on MONDAY."""
    return mailed(engine, settings, "ada@example.org", issues=4)


def mailed(engine: Engine, settings: Settings, email: str, issues: int = 1) -> Mailed:
    with transaction(engine) as connection:
        values = {"email": email, "email_hash": hash_address(email, address_key(connection)), "name": ""}
        subscriber_id = connection.execute(
            insert(Subscriber)
            .values(state="active", created_at=MONDAY, state_since=MONDAY, **values)
            .returning(Subscriber.id)
        ).scalar_one()
        key_id, _ = newest_link_key(connection)
        deliveries = []
        for number in range(issues):
            issue_id = _issue(connection, number, settings)
            make_partition(connection, issue_id)
            chosen = {"email": email, "name": "", "format": "html", "selection": "", "link_key_id": key_id}
            deliveries.append(
                connection.execute(
                    insert(Delivery)
                    .values(issue_id=issue_id, subscriber_id=subscriber_id, status="sent", **chosen)
                    .returning(Delivery.id)
                ).scalar_one()
            )
    return Mailed(subscriber_id, deliveries)


def _issue(connection, number: int, settings: Settings) -> int:  # type: ignore[no-untyped-def]
    at = MONDAY + timedelta(weeks=number)
    week = str(Week.of(at, settings.timezone))
    known: int | None = connection.execute(select(Issue.id).where(Issue.week == week)).scalar()
    times = {"starts_at": at, "ends_at": at, "composed_at": at, "updated_at": at, "started_at": at}
    return known or int(
        connection.execute(
            insert(Issue).values(week=week, number=number + 1, status="sending", **times).returning(Issue.id)
        ).scalar_one()
    )


def readers_link(engine: Engine, reader: Mailed) -> str:
    """The token in the List-Unsubscribe of the first mail to them."""
    with reading(engine) as connection:
        issue_id = connection.execute(select(Delivery.issue_id).where(Delivery.id == reader.deliveries[0])).scalar_one()
        return sign_link(Link(reader.subscriber_id, issue_id), *newest_link_key(connection))


def return_path(engine: Engine, delivery_id: int, prefix: str = RETURN) -> str:
    with reading(engine) as connection:
        return f"{prefix}{sign_delivery(delivery_id, *newest_link_key(connection))}@bounces.example.com"


def take(engine: Engine, *mails: bytes, now: datetime = MONDAY) -> ReceiveReport:
    return receive_mail(engine, [Arrived(f"{n}.eml", raw) for n, raw in enumerate(mails)], now=now)


def state(engine: Engine, subscriber_id: int) -> tuple[str, str | None]:
    """The subscriber's state, and the reason of their suppression."""
    with reading(engine) as connection:
        row = connection.execute(
            select(Subscriber.state, Suppression.reason)
            .outerjoin(Suppression, Suppression.email_hash == Subscriber.email_hash)
            .where(Subscriber.id == subscriber_id)
        ).one()
    return row.state, row.reason


HARD = recipient("ada@example.org", "5.1.1", "550 5.1.1 User unknown")
SOFT = recipient("ada@example.org", "5.2.2", "552 5.2.2 Mailbox full")


def test_a_hard_bounce_with_our_token_suppresses_at_once(engine: Engine, ada: Mailed) -> None:
    report = take(engine, dsn(HARD, to=return_path(engine, ada.deliveries[0])))
    (result,) = report.results
    assert (result.kind, result.recipient, result.status, result.subscriber_changed) == (
        "hard", "ada@example.org", "5.1.1", True,
    )  # fmt: skip
    assert state(engine, ada.subscriber_id) == ("bounced", "bounced")


def test_others_write_while_a_mail_is_read(engine: Engine, ada: Mailed) -> None:
    """A crafted mail takes seconds, in which nobody else could sign up or leave."""

    class Watched(bytes):
        def __getitem__(self, key: Any) -> Any:
            with transaction(engine, patience=0.1) as connection:
                connection.execute(update(Subscriber).values(name="Ada"))
            return super().__getitem__(key)

    mail = Watched(dsn(HARD, to=return_path(engine, ada.deliveries[0])))
    assert take(engine, mail).results[0].subscriber_changed


def test_a_report_without_or_with_a_forged_token_suppresses_nobody(engine: Engine, ada: Mailed) -> None:
    genuine = return_path(engine, ada.deliveries[0])
    forged = genuine.replace(genuine[10], "a" if genuine[10] != "a" else "b", 1)
    report = take(
        engine, dsn(HARD), dsn(HARD, to=forged), complaint(), complaint(mail_from=forged),
        dsn(HARD, to=forged, unsubscribe=readers_link(engine, ada)),
    )  # fmt: skip
    assert [result.subscriber_changed for result in report.results] == [False] * 5
    assert state(engine, ada.subscriber_id) == ("active", None)


def test_a_token_of_one_reader_does_not_suppress_another_whom_the_report_names(
    engine: Engine, settings: Settings, ada: Mailed
) -> None:
    bob = mailed(engine, settings, "bob@example.org")
    take(engine, dsn(HARD, recipient("eve@example.org", "5.1.1"), to=return_path(engine, bob.deliveries[0])))
    assert state(engine, ada.subscriber_id) == ("active", None)


def test_of_several_recipients_only_the_one_that_is_ours_counts(engine: Engine, ada: Mailed) -> None:
    delayed = recipient("ada@example.org", "4.4.1", action="delayed")
    other = recipient("list-member@example.net", "5.1.1")
    take(engine, dsn(delayed, other, to=return_path(engine, ada.deliveries[0])))
    assert state(engine, ada.subscriber_id) == ("active", None)


@pytest.mark.parametrize(
    "mail",
    [
        notice("Did you see?\n\nFinal-Recipient: rfc822; granny@example.net\nAction: failed\nStatus: 5.1.1\n",
               subject="Fwd: Undelivered Mail", sender="ada@example.org"),
        notice("<granny@example.net>: 550 5.1.1 user unknown", subject="a mail problem", sender="ada@example.org"),
        notice("ada@example.org is no longer in use and your message was not delivered. Write to new@example.org.",
               subject="Undeliverable: nobody reads this", sender="ada@example.org", Auto_Submitted="auto-replied"),
    ],
    ids=["passed on", "told", "a vacation program"],
)  # fmt: skip
def test_what_no_mail_system_wrote_is_believed_only_of_whom_it_names(engine: Engine, ada: Mailed, mail: bytes) -> None:
    to = return_path(engine, ada.deliveries[0])
    (result,) = take(engine, mail.replace(b"To: news@example.com", f"To: {to}".encode())).results
    assert (result.kind, result.subscriber_changed) == ("ignored", False)
    assert state(engine, ada.subscriber_id) == ("active", None)


def test_what_is_full_beside_our_reader_does_not_count_in_their_row(engine: Engine, ada: Mailed) -> None:
    other = recipient("list-member@example.net", "5.2.2", "552 5.2.2 Mailbox full")
    fine = recipient("second-member@example.net", "2.0.0", action="delivered")
    for week, blocks in enumerate([(other, fine), (other, fine), (other, fine), (SOFT,)]):
        to = return_path(engine, ada.deliveries[week])
        take(engine, dsn(*blocks, to=to), now=MONDAY + timedelta(weeks=week))
    assert state(engine, ada.subscriber_id) == ("active", None)


def test_a_forwarded_address_that_fails_is_a_bounce_of_the_reader_who_forwards(engine: Engine, ada: Mailed) -> None:
    take(engine, dsn(recipient("inner@corp.example", "5.1.1"), to=return_path(engine, ada.deliveries[0])))
    assert state(engine, ada.subscriber_id) == ("bounced", "bounced")


MEMBER = recipient("left.long.ago@example.net", "5.1.1", "550 5.1.1 User unknown")
OF_A_LIST = b"List-Id: <team.example.org>\nSubject: This week's verdicts"


@pytest.mark.parametrize(
    "mail",
    [
        dsn(MEMBER).replace(b"Subject: This week's verdicts", b"List-Id: <weekly.example.com>\n" + OF_A_LIST),
        dsn(MEMBER).replace(b"Subject: This week's verdicts", b"Precedence: list\n" + OF_A_LIST),
        dsn(MEMBER).replace(b"Subject: This week's verdicts", b"List-Post: <mailto:ada@example.org>\n" + OF_A_LIST),
        dsn(recipient("left.long.ago@example.net", "5.1.1", original="ada@example.org")).replace(
            b"Subject: This week's verdicts", b"X-BeenThere: ada@example.org\nSubject: This week's verdicts"
        ),
        dsn(MEMBER, recipient("left.too@example.net", "5.1.1")),
        dsn(
            recipient("left.long.ago@example.net", "5.1.1", original="ada@example.org"),
            recipient("is.there@example.net", "2.0.0", action="delivered", original="ada@example.org"),
        ),
    ],
    ids=["its own List-Id", "its precedence", "takes posts", "its mark", "two members", "one of two"],
)
def test_a_dead_member_of_a_list_that_is_subscribed_ends_nothing_for_the_others(
    engine: Engine, ada: Mailed, mail: bytes
) -> None:
    """The list passes mail on under our return path, so its members' bounces come to us."""
    for week, delivery_id in enumerate(ada.deliveries):
        to = return_path(engine, delivery_id).encode()
        take(engine, mail.replace(b"To: news@example.com", b"To: " + to), now=MONDAY + timedelta(weeks=week))
    assert state(engine, ada.subscriber_id) == ("active", None)


def test_a_list_that_is_dead_itself_is_a_bounce(engine: Engine, ada: Mailed) -> None:
    mail = dsn(HARD, to=return_path(engine, ada.deliveries[0]))
    take(engine, mail.replace(b"Subject: This week's verdicts", b"Precedence: list\n" + OF_A_LIST))
    assert state(engine, ada.subscriber_id) == ("bounced", "bounced")


def test_a_complaint_of_one_member_is_one_about_the_list(engine: Engine, ada: Mailed) -> None:
    mail = complaint(mail_from=return_path(engine, ada.deliveries[0]), to="a@example.net, b@example.net")
    take(engine, mail.replace(b"Subject: This week's verdicts", b"Precedence: list\n" + OF_A_LIST))
    assert state(engine, ada.subscriber_id) == ("complained", "complained")


@pytest.mark.parametrize(
    "mail",
    [
        notice("I am away. 550 5.1.1 user unknown", subject="Out of office", sender="ada@example.org"),
        dsn(recipient("ada@example.org", "2.0.0", action="delivered")),
        dsn(recipient("ada@example.org", "5.1.1", action="delayed")),
        dsn(recipient("ada@example.org", "5.7.1", "550 5.7.1 blocked")),
        notice("Hello there", subject="Re: news", sender="ada@example.org"),
    ],
    ids=["vacation", "delivered", "delayed", "policy", "a person"],
)
def test_what_is_no_failure_of_the_mailbox_changes_nobody(engine: Engine, ada: Mailed, mail: bytes) -> None:
    to = return_path(engine, ada.deliveries[0]).encode()
    report = take(engine, mail.replace(b"To: news@example.com", b"To: " + to))
    assert not report.results[0].subscriber_changed
    assert state(engine, ada.subscriber_id) == ("active", None)


def test_three_soft_bounces_in_a_row_over_fifteen_days_suppress(engine: Engine, ada: Mailed) -> None:
    changed = []
    for number, delivery_id in enumerate(ada.deliveries):
        now = MONDAY + timedelta(weeks=number)
        with transaction(engine) as connection:
            later = ada.deliveries[number + 1 :]
            connection.execute(update(Delivery).where(Delivery.id.in_(later)).values(status="queued"))
            connection.execute(update(Delivery).where(Delivery.id == delivery_id).values(status="sent"))
        report = take(engine, dsn(SOFT, to=return_path(engine, delivery_id)), now=now)
        changed.append(report.results[0].subscriber_changed)
    assert changed == [False, False, False, True]
    assert state(engine, ada.subscriber_id) == ("bounced", "bounced")


def test_an_issue_that_arrived_in_between_resets_the_row(engine: Engine, ada: Mailed) -> None:
    for number in (0, 2, 3):
        now = MONDAY + timedelta(weeks=number)
        report = take(engine, dsn(SOFT, to=return_path(engine, ada.deliveries[number])), now=now)
        assert not report.results[0].subscriber_changed
    assert state(engine, ada.subscriber_id) == ("active", None)


def test_refusals_at_smtp_time_stand_in_the_same_row(engine: Engine, ada: Mailed) -> None:
    with transaction(engine) as connection:
        for number, delivery_id in enumerate(ada.deliveries[:3]):
            at = MONDAY + timedelta(weeks=number)
            values = {"status": "failed", "code": 552, "reply": "5.2.2 mailbox full", "finished_at": at}
            connection.execute(update(Delivery).where(Delivery.id == delivery_id).values(**values))
    report = take(engine, dsn(SOFT, to=return_path(engine, ada.deliveries[3])), now=MONDAY + timedelta(weeks=3))
    assert report.results[0].subscriber_changed


@pytest.mark.parametrize("reply", ["5.2.2 mailbox full", "5.5.0 mailbox unavailable", "no mailbox by that name here"])
def test_mailboxes_that_are_full_or_gone_at_smtp_time_are_given_up_without_any_mail(
    engine: Engine, ada: Mailed, reply: str
) -> None:
    with transaction(engine) as connection:
        for number, delivery_id in enumerate(ada.deliveries):
            at = MONDAY + timedelta(weeks=number)
            values = {"status": "failed", "code": 552, "reply": reply, "finished_at": at}
            connection.execute(update(Delivery).where(Delivery.id == delivery_id).values(**values))
    now = MONDAY + timedelta(weeks=4)
    assert [count_refusals(engine, now=now), count_refusals(engine, now=now)] == [1, 0]
    assert state(engine, ada.subscriber_id) == ("bounced", "bounced")


def test_the_same_mail_again_changes_nothing_again(engine: Engine, ada: Mailed) -> None:
    mail = dsn(HARD, to=return_path(engine, ada.deliveries[0]))
    take(engine, mail)
    with transaction(engine) as connection:  # she came back by a new double opt-in
        connection.execute(update(Subscriber).values(state="active"))
    again = take(engine, mail, mail + b"\nsent again\n")
    assert [result.subscriber_changed for result in again.results] == [False, False]
    assert state(engine, ada.subscriber_id)[0] == "active"


def test_a_complaint_suppresses_at_once_by_return_path_or_by_the_readers_link(
    engine: Engine, settings: Settings, ada: Mailed
) -> None:
    bob = mailed(engine, settings, "bob@example.org")
    link = readers_link(engine, bob)
    take(engine, complaint(mail_from=return_path(engine, ada.deliveries[0])), complaint(unsubscribe=link, to="-"))
    assert state(engine, ada.subscriber_id) == ("complained", "complained")
    assert state(engine, bob.subscriber_id) == ("complained", "complained")


def test_a_complaint_about_the_welcome_is_one_and_a_bounce_of_it_proves_nothing(engine: Engine, ada: Mailed) -> None:
    """It has the reader's own link, which no issue carried."""
    with reading(engine) as connection:
        link = sign_link(Link(ada.subscriber_id), *newest_link_key(connection))
    first, second = take(engine, dsn(HARD, unsubscribe=link), complaint(unsubscribe=link)).results
    assert (first.subscriber_changed, second.subscriber_changed) == (False, True)
    assert state(engine, ada.subscriber_id) == ("complained", "complained")
    assert take(engine, complaint(unsubscribe=link, to="-")).results[0].subscriber_changed is False


@pytest.mark.parametrize("before", ["pending", "unsubscribed", "bounced"])
def test_a_complaint_is_heeded_whatever_the_reader_is_and_no_letter_follows(
    engine: Engine, ada: Mailed, before: str
) -> None:
    """Whoever was asked again, or signed up anew, waits for a letter."""
    with transaction(engine) as connection:
        connection.execute(update(Subscriber).values(state=before))
        add_letter(connection, LetterKind.CONFIRM, "ada@example.org", {}, MONDAY, MONDAY, ada.subscriber_id)
    take(engine, complaint(mail_from=return_path(engine, ada.deliveries[0])))
    assert state(engine, ada.subscriber_id) == ("complained", "complained")
    with reading(engine) as connection:
        assert connection.scalars(select(Letter.id)).all() == []


def test_a_bounce_that_came_to_our_from_is_tied_by_the_readers_link_in_what_it_returns(
    engine: Engine, ada: Mailed
) -> None:
    """Without a bounce domain reports go to the From mailbox, and what they enclose is all that proves them."""
    report = take(engine, dsn(HARD, unsubscribe=readers_link(engine, ada)))
    assert [(result.kind, result.subscriber_changed) for result in report.results] == [("hard", True)]
    assert state(engine, ada.subscriber_id) == ("bounced", "bounced")


def test_where_mails_have_return_paths_a_link_in_what_a_bounce_returns_proves_nothing(
    engine: Engine, ada: Mailed
) -> None:
    with transaction(engine) as connection:
        for issue_id in connection.scalars(select(Issue.id)).all():
            content = {"message": {"envelope": {"bounce_domain": "bounces.example.com"}}}
            connection.execute(
                insert(IssueContent).values(
                    issue_id=issue_id, content_hash="", content=content, segments=b"", frozen_at=MONDAY
                )
            )
    report = take(engine, dsn(HARD, unsubscribe=readers_link(engine, ada)))
    assert [(result.kind, result.subscriber_changed) for result in report.results] == [("hard", False)]
    assert state(engine, ada.subscriber_id) == ("active", None)


def test_a_bounce_of_a_copy_that_a_reader_forwarded_does_not_touch_them(engine: Engine, ada: Mailed) -> None:
    """The copy carries the link of her who forwarded it, and the address that failed is another's."""
    other = recipient("grandmother@example.net", "5.1.1")
    report = take(engine, dsn(other, unsubscribe=readers_link(engine, ada)), dsn(HARD, unsubscribe="A" * 32))
    assert [(result.kind, result.subscriber_changed) for result in report.results] == [("hard", False)] * 2
    assert state(engine, ada.subscriber_id) == ("active", None)


def test_mail_to_the_leave_path_unsubscribes(engine: Engine, ada: Mailed) -> None:
    to = return_path(engine, ada.deliveries[0], LEAVE)
    report = take(engine, f"From: ada@example.org\nTo: {to}\nSubject: unsubscribe\n\n\n".encode())
    assert (report.results[0].reason, report.results[0].subscriber_changed) == ("unsubscribe", True)
    assert state(engine, ada.subscriber_id) == ("unsubscribed", None)


@pytest.mark.parametrize(("mail", "outcome"), [("leave", "unsubscribed"), ("complaint", "complained")])
def test_mail_to_another_spelling_of_the_address_is_heeded(
    engine: Engine, ada: Mailed, mail: str, outcome: str
) -> None:
    """The form was sent with other capitals since the issue went out."""
    with transaction(engine) as connection:
        connection.execute(update(Subscriber).where(Subscriber.id == ada.subscriber_id).values(email="Ada@example.org"))
    to = return_path(engine, ada.deliveries[0], LEAVE if mail == "leave" else RETURN)
    leaving = f"From: ada@example.org\nTo: {to}\nSubject: unsubscribe\n\n\n".encode()
    raw = leaving if mail == "leave" else complaint(mail_from=to)
    assert [result.subscriber_changed for result in take(engine, raw).results] == [True]
    assert state(engine, ada.subscriber_id)[0] == outcome


def test_mail_that_is_not_understood_keeps_its_bytes(engine: Engine) -> None:
    mail = notice("What is this?", subject="?", sender="x@example.org")
    take(engine, mail, dsn(HARD))
    with reading(engine) as connection:
        kept = list(connection.scalars(select(ReturnedMail.raw).order_by(ReturnedMail.id)))
    assert kept == [mail, None]


def a_thousand_sent(engine: Engine, ada: Mailed) -> tuple[int, list[int]]:
    """An issue that is being sent, with a thousand deliveries that were, and an operator to be told."""
    with transaction(engine) as connection:
        issue_id = connection.execute(select(Delivery.issue_id).where(Delivery.id == ada.deliveries[0])).scalar_one()
        connection.execute(insert(Editor).values(email="ops@example.com", role="operator", created_at=MONDAY))
        rows = [
            {"issue_id": issue_id, "subscriber_id": 10_000 + n, "email": f"r{n}@example.org", "name": "",
             "format": "html", "selection": "", "link_key_id": 1, "status": "sent"}
            for n in range(1000)
        ]  # fmt: skip
        return issue_id, list(connection.scalars(insert(Delivery).returning(Delivery.id), rows))


def test_more_than_three_complaints_in_a_thousand_pause_the_issue_and_tell_operators(
    engine: Engine, settings: Settings, ada: Mailed
) -> None:
    issue_id, ids = a_thousand_sent(engine, ada)
    take(engine, *(complaint(mail_from=return_path(engine, delivery_id)) for delivery_id in ids[:3]))
    assert _status(engine, issue_id) == "sending"
    with transaction(engine) as connection:
        note_trouble(connection, issue_id, "the relay is away")
    take(engine, complaint(mail_from=return_path(engine, ids[3])))
    assert _status(engine, issue_id) == "paused"
    with reading(engine) as connection:
        assert list(connection.scalars(select(Letter.email))) == ["ops@example.com"]
        why = connection.execute(select(Issue.pause_reason, Issue.trouble).where(Issue.id == issue_id)).one()
    assert (str(why.pause_reason).startswith("4 of 1"), why.trouble) == (True, None), "what held it up is over"

    # Most of what comes back comes when all is sent: then operators are told, once for each reason.
    with transaction(engine) as connection:
        connection.execute(update(Issue).where(Issue.id == issue_id).values(status="sent"))
    bounced = [dsn(HARD, to=return_path(engine, delivery_id)) for delivery_id in ids[100:152]]
    take(engine, *bounced[:50])
    assert _letters(engine) == 1
    take(engine, bounced[50])
    take(engine, bounced[51], complaint(mail_from=return_path(engine, ids[4])))
    assert _letters(engine) == 2
    assert _status(engine, issue_id) == "sent"


def _letters(engine: Engine) -> int:
    with reading(engine) as connection:
        return len(list(connection.scalars(select(Letter.id))))


def _status(engine: Engine, issue_id: int) -> str:
    with reading(engine) as connection:
        return str(connection.execute(select(Issue.status).where(Issue.id == issue_id)).scalar_one())


def test_a_providers_notice_finds_its_delivery_by_the_relays_id(engine: Engine, ada: Mailed) -> None:
    with transaction(engine) as connection:
        connection.execute(update(Delivery).where(Delivery.id == ada.deliveries[0]).values(relay_id="0100-abc"))
    document = {
        "notificationType": "Bounce",
        "bounce": {
            "bounceType": "Permanent", "bounceSubType": "General", "feedbackId": "f1",
            "bouncedRecipients": [{"emailAddress": "ada@example.org", "status": "5.1.1"}],
        },
        "mail": {"messageId": "0100-abc", "source": "news@example.com"},
    }  # fmt: skip
    unknown = {**document, "mail": {"messageId": "someone-elses"}}
    first = receive_notices(engine, "ses", read_notices("ses", unknown), now=MONDAY)
    second = receive_notices(engine, "ses", read_notices("ses", document), now=MONDAY)
    assert [report.results[0].subscriber_changed for report in (first, second)] == [False, True]
    assert state(engine, ada.subscriber_id) == ("bounced", "bounced")


def test_a_maildir_is_read_once_and_loses_nothing(engine: Engine, ada: Mailed, tmp_path: Path) -> None:
    for name in ("new", "cur", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    (tmp_path / "box" / "new" / "1.host").write_bytes(dsn(HARD, to=return_path(engine, ada.deliveries[0])))
    first = receive_mail(engine, mails_at(tmp_path / "box"), now=MONDAY)
    second = receive_mail(engine, mails_at(tmp_path / "box"), now=MONDAY)
    assert (len(first.results), len(second.results)) == (1, 0)
    assert [file.name for file in (tmp_path / "box" / "cur").iterdir()] == ["1.host:2,S"]


def test_an_mbox_is_read_mail_by_mail(engine: Engine) -> None:
    line = b"From MAILER-DAEMON Mon Nov 16 06:00:00 2026\n"
    mbox = line + dsn(HARD) + b"\n" + line + complaint() + b"\n"
    report = receive_mail(engine, mails_in(io.BytesIO(mbox), "box"), now=MONDAY)
    found = [(result.source, result.mail, result.kind) for result in report.results]
    assert found == [("box", 1, "hard"), ("box", 2, "complaint")]


def test_an_mbox_that_is_larger_than_memory_should_hold_is_read_to_its_end(engine: Engine) -> None:
    line = b"From MAILER-DAEMON Mon Nov 16 06:00:00 2026\n"
    big = b"Subject: big\n\n" + b"x" * 25_000_000 + b"\n\n"
    sizes = [len(mail.raw) for mail in mails_in(io.BytesIO(line + big + line + complaint() + b"\n"))]
    assert len(sizes) == 2
    assert sizes[0] < 21_000_000, "what is kept of one mail has an end"
    assert sizes[1] == len(line + complaint() + b"\n")


@pytest.mark.parametrize("nothing", [b"", b"\n", b"\r\n\r\n"])
def test_where_nothing_is_written_there_is_no_mail(nothing: bytes) -> None:
    assert list(mails_in(io.BytesIO(nothing))) == []


def test_a_mail_that_quotes_the_lines_of_an_mbox_is_one_mail(engine: Engine) -> None:
    line = b"\n\nFrom MAILER-DAEMON Mon Nov 16 06:00:00 2026\nSubject: look at these\n"
    (one,) = mails_in(io.BytesIO(b"Subject: a question" + line * 3))
    assert one == Arrived("-", b"Subject: a question" + line * 3)


@pytest.mark.parametrize("folders", [("new", "cur", "tmp"), ()], ids=["maildir", "folder"])
def test_a_file_that_cannot_be_read_is_named_and_the_others_are_read(
    engine: Engine, tmp_path: Path, folders: tuple[str, ...]
) -> None:
    box = tmp_path / "box"
    for folder in (".", *folders):
        (box / folder).mkdir()
    place = box / "new" if folders else box
    for number in (0, 2):
        (place / f"{number}.host").write_bytes(dsn(HARD))
    (place / "1.host").symlink_to("/proc/self/mem")  # a file whose reading is an input/output error
    report = receive_mail(engine, mails_at(box), now=MONDAY)
    assert [result.source for result in report.results] == ["0.host", "2.host"]
    assert [(one.source, "Input/output error" in one.why) for one in report.unread] == [("1.host", True)]


def test_what_cannot_be_marked_is_named_and_the_others_are_read(engine: Engine, tmp_path: Path) -> None:
    for folder in ("new", "cur", "tmp"):
        (tmp_path / folder).mkdir()
    for number in range(3):
        (tmp_path / "new" / f"{number}.host").write_bytes(dsn(HARD))
    in_the_way = tmp_path / "cur" / "1.host:2,S"
    in_the_way.mkdir()
    (in_the_way / "x").touch()
    report = receive_mail(engine, mails_at(tmp_path), now=MONDAY)
    assert [result.source for result in report.results] == ["0.host", "1.host", "2.host"]
    assert [one.source for one in report.unread] == ["1.host"]


def test_a_source_that_breaks_off_keeps_what_was_taken_and_the_watch_over_it(
    engine: Engine, settings: Settings, ada: Mailed
) -> None:
    issue_id, ids = a_thousand_sent(engine, ada)

    def breaking() -> Iterator[Arrived]:
        for delivery_id in ids[:4]:
            yield Arrived("a mail", complaint(mail_from=return_path(engine, delivery_id)))
        raise NewsletterError("the line was cut")

    report = receive_mail(engine, breaking(), now=MONDAY)
    assert (len(report.results), report.broke_off) == (4, "the line was cut")
    assert _status(engine, issue_id) == "paused"


def consented(engine: Engine, reader: Mailed, at: datetime) -> None:
    with transaction(engine) as connection:
        connection.execute(
            insert(Consent).values(subscriber_id=reader.subscriber_id, at=at, source="double opt-in", asked_at=at)
        )


def test_a_late_bounce_of_before_does_not_undo_a_new_double_opt_in(engine: Engine, ada: Mailed) -> None:
    """Three issues came back soft and one hard; she came back between the third and the fourth."""
    consented(engine, ada, MONDAY - timedelta(weeks=1))
    consented(engine, ada, MONDAY + timedelta(weeks=2, days=1))
    take(engine, *(dsn(SOFT, to=return_path(engine, delivery)) for delivery in ada.deliveries[:3]))
    report = take(engine, dsn(HARD, to=return_path(engine, ada.deliveries[1])))
    assert not report.results[0].subscriber_changed
    take(engine, dsn(SOFT, to=return_path(engine, ada.deliveries[3])), now=MONDAY + timedelta(weeks=3))
    assert state(engine, ada.subscriber_id) == ("active", None)
    take(engine, dsn(HARD, to=return_path(engine, ada.deliveries[3])))
    assert state(engine, ada.subscriber_id) == ("bounced", "bounced")


def test_who_came_in_once_bounces_whatever_the_clocks_say(engine: Engine, ada: Mailed) -> None:
    consented(engine, ada, MONDAY + timedelta(weeks=50))
    take(engine, dsn(HARD, to=return_path(engine, ada.deliveries[0])))
    assert state(engine, ada.subscriber_id) == ("bounced", "bounced")


def test_mail_that_names_an_erased_reader_is_kept_no_more(engine: Engine, ada: Mailed) -> None:
    names = notice("What about Ada@Example.org?", subject="?", sender="x@example.net")
    folded = notice("What about ada@exam=\nple.org?", subject="?", sender="x@example.net")
    other = notice("What is this?", subject="?", sender="x@example.net")
    take(engine, names, folded, other, dsn(recipient("ADA@example.org", "5.1.1")))
    erase(engine, ada.subscriber_id, now=MONDAY)
    with reading(engine) as connection:
        rows = list(connection.execute(select(ReturnedMail.recipient, ReturnedMail.raw).order_by(ReturnedMail.id)))
    assert [tuple(row) for row in rows] == [("", None), ("", None), ("", other), ("", None)]


def test_mail_that_comes_after_an_erasure_does_not_bring_the_address_back(engine: Engine, ada: Mailed) -> None:
    erase(engine, ada.subscriber_id, now=MONDAY)
    to = return_path(engine, ada.deliveries[0])
    strange = notice("What about Ada@Example.org?", subject="?", sender="x@example.net", to=to)
    report = take(engine, dsn(HARD, to=to), dsn(recipient("ADA@example.org", "5.1.1")), strange)
    assert [result.subscriber_changed for result in report.results] == [False] * 3
    with reading(engine) as connection:
        rows = list(connection.execute(select(ReturnedMail.recipient, ReturnedMail.raw)))
    assert [tuple(row) for row in rows] == [("", None)] * 3


def test_an_erasure_knows_letters_of_all_alphabets_and_whose_address_only_ends_so(
    engine: Engine, settings: Settings
) -> None:
    anne = mailed(engine, settings, "Änne@example.org")
    kept = [notice(f"Who is {name}@example.org?", subject="?", sender="x@example.net").decode() for name in
            ("änne", "Änne", "Joänne", "joanne.Änne")]  # fmt: skip
    take(engine, *(text.encode() for text in kept), dsn(recipient("Änne@example.org", "5.1.1")))
    erase(engine, anne.subscriber_id, now=MONDAY)
    with reading(engine) as connection:
        rows = [tuple(row) for row in connection.execute(
            select(ReturnedMail.recipient, ReturnedMail.raw).order_by(ReturnedMail.id))]  # fmt: skip
    assert rows == [("", None), ("", None), ("", kept[2].encode()), ("", kept[3].encode()), ("", None)]


def test_mail_that_nobody_understood_is_kept_for_three_months(engine: Engine) -> None:
    take(engine, notice("What is this?", subject="?", sender="x@example.org"))
    with transaction(engine) as connection:
        assert forget_kept(connection, MONDAY) == 0
        assert forget_kept(connection, MONDAY + timedelta(seconds=1)) == 1
        assert kept_mail(connection, 0, 10) == []


def test_keys_are_those_of_the_database(engine: Engine) -> None:
    with reading(engine) as connection:
        assert link_keys(connection)
