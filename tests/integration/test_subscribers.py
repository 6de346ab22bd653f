"""Importing, suppressing and erasing, on real databases."""

import json
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert, select, text

from db import subscriber_imports
from db.audit import add_audit
from db.engine import is_sqlite, reading, transaction
from db.keys import address_key
from db.letters import add_notices
from db.models import (
    Bookmark,
    Consent,
    Delivery,
    DomainPause,
    Issue,
    Letter,
    ReturnedMail,
    Suppression,
    Tool,
    Vote,
)
from db.partitions import make_partition
from db.states import Call, SubscriberState
from db.subscriber_imports import NewSubscriber
from db.tools import tools_by_slug
from newsletter.clock import real_now
from newsletter.editors.invite import add_editor
from newsletter.errors import BadInputError, NotFoundError
from newsletter.readers.identity import Origin, subscriber_reader
from newsletter.readers.vote import cast_vote
from newsletter.settings import Settings
from newsletter.subscribers.addresses import hash_address
from newsletter.subscribers.erase import erase, erase_address
from newsletter.subscribers.exports import export_of
from newsletter.subscribers.import_subscribers import CHUNK, ImportReport, add_confirmed, import_subscribers
from newsletter.subscribers.sign_up import SignUp, sign_up
from newsletter.subscribers.suppress import lift, suppress_address
from newsletter.subscribers.tell_everything import export_subscriber
from newsletter.subscribers.unsubscribe import unsubscribe
from newsletter.subscribers.update_preferences import find_subscriber
from newsletter.tools.catalogue import community_order
from newsletter.tools.import_tools import import_tools
from tests.conftest import one_database
from tests.fakes.readership import states, stop, suppressed
from tests.fakes.times import MONDAY
from tests.fakes.together import at_once
from tests.fakes.waiting import until

HEAD = "email,name,consent_at,consent_source,categories\n"


def take_in(engine: Engine, *addresses: str) -> ImportReport:
    rows = [f"{address},Name of {address},2026-01-02,form,A;B\n" for address in addresses]
    return import_subscribers(engine, [HEAD, *rows], now=MONDAY, latest=MONDAY)


def sign_up_for(engine: Engine, settings: Settings, email: str) -> bool:
    request = SignUp(email, name="Typed", form="landing", words="Yes")
    report = sign_up(engine, request, now=MONDAY, real_now=real_now(), settings=settings, nonce=b"n" * 32, chance=0)
    return report.letter_queued


def test_an_import_brings_in_each_address_once_with_its_evidence(engine: Engine) -> None:
    report = take_in(engine, "ada@example.org", "bob@example.org", "ADA@example.org")
    assert (report.imported, report.unchanged, report.rejected) == (2, 1, ())
    found = find_subscriber(engine, "ada@example.org")
    assert found is not None
    assert (found["state"], found["categories"], found["name"]) == ("active", ["A", "B"], "Name of ada@example.org")
    assert (found["consent"]["at"], found["consent"]["source"]) == ("2026-01-02T00:00:00Z", "form")
    again = take_in(engine, "ada@example.org", "bob@example.org")
    assert (again.imported, again.unchanged) == (0, 2)
    with reading(engine) as connection:
        assert len(connection.execute(select(Consent.id)).all()) == 2


def test_two_lists_with_the_same_people_in_another_order_come_in_side_by_side(engine: Engine) -> None:
    people = [f"r{number}@example.org" for number in range(500)]
    reports = at_once(*[lambda: take_in(engine, *people), lambda: take_in(engine, *reversed(people))] * 4)
    assert sum(report.imported for report in reports) == len(states(engine)) == 500
    assert sum(report.unchanged for report in reports) == 7 * 500


def test_of_those_who_ask_a_mailbox_at_once_one_does(engine: Engine, settings: Settings) -> None:
    take_in(engine, "left@example.org")
    found = find_subscriber(engine, "left@example.org")
    assert found is not None
    unsubscribe(engine, found["id"], now=MONDAY)
    for address in ("left@example.org", "new@example.org"):
        assert sum(at_once(*[lambda to=address: sign_up_for(engine, settings, to)] * 6)) == 1


def test_an_import_makes_a_pending_sign_up_active(engine: Engine, settings: Settings) -> None:
    assert sign_up_for(engine, settings, "ada@example.org")
    assert take_in(engine, "ada@example.org", "new@example.org").imported == 2
    assert states(engine) == {"ada@example.org": "active", "new@example.org": "active"}


def test_who_left_bounced_complained_or_was_erased_does_not_come_back_by_an_import(engine: Engine) -> None:
    addresses = [f"{kind}@example.org" for kind in ("left", "bounced", "complained", "erased", "manual", "reads")]
    take_in(engine, *addresses)
    found = {email: find_subscriber(engine, email) for email in addresses}
    left, erased = found["left@example.org"], found["erased@example.org"]
    assert left is not None
    assert erased is not None
    unsubscribe(engine, left["id"], now=MONDAY)
    erase(engine, erased["id"], now=MONDAY)
    for state in (SubscriberState.BOUNCED, SubscriberState.COMPLAINED):
        stop(engine, f"{state}@example.org", state, MONDAY)
    suppress_address(engine, "manual@example.org", now=MONDAY)
    before = states(engine)
    report = take_in(engine, *addresses, "fresh@example.org")
    assert (report.imported, report.unchanged) == (1, 6)
    assert states(engine) == before | {"fresh@example.org": "active"}
    assert "erased@example.org" not in states(engine)


def test_a_suppressed_stranger_stays_out_of_an_import(engine: Engine) -> None:
    suppress_address(engine, "no@example.org", now=MONDAY)
    assert take_in(engine, "no@example.org", "yes@example.org").imported == 1
    assert states(engine) == {"yes@example.org": "active"}


def test_ids_of_erased_subscribers_are_never_given_again(engine: Engine) -> None:
    take_in(engine, "ada@example.org", "bob@example.org")
    found = find_subscriber(engine, "bob@example.org")
    assert found is not None
    erase(engine, found["id"], now=MONDAY)
    take_in(engine, "cyd@example.org")
    new = find_subscriber(engine, "cyd@example.org")
    assert new is not None
    assert new["id"] > found["id"]


def test_bad_rows_are_named_by_line_and_the_rest_comes_in(engine: Engine) -> None:
    lines = [HEAD, "ada@example.org,,,form,\n", '"a\n', 'b",,2026-01-01,form,\n', "bob@example.org,,2026-01-01,form,\n"]
    report = import_subscribers(engine, lines, now=MONDAY, latest=MONDAY)
    assert [(row.line, row.email) for row in report.rejected] == [(2, "ada@example.org"), (3, "a b")]
    assert report.imported == 1


def test_a_file_that_is_none_changes_nothing(engine: Engine) -> None:
    with pytest.raises(BadInputError, match="no column 'email'"):
        import_subscribers(engine, ["name\n", "Ada\n"], now=MONDAY, latest=MONDAY)


@one_database
def test_progress_is_told_as_chunks_are_done(engine: Engine) -> None:
    heard: list[int] = []
    rows = [f"r{number}@example.org,,2026-01-01,form,\n" for number in range(CHUNK + 1)]
    report = import_subscribers(engine, [HEAD, *rows], now=MONDAY, latest=MONDAY, progress=heard.append)
    assert report.imported == CHUNK + 1
    assert heard == [CHUNK, CHUNK + 1]


def test_lifting_a_suppression_opens_the_door_and_pushes_nobody_in(engine: Engine, settings: Settings) -> None:
    take_in(engine, "ada@example.org")
    stop(engine, "ada@example.org", SubscriberState.COMPLAINED, MONDAY)
    assert not sign_up_for(engine, settings, "ada@example.org")
    lift(engine, "ada@example.org", now=MONDAY)
    assert states(engine) == {"ada@example.org": "unsubscribed"}
    assert sign_up_for(engine, settings, "ada@example.org")


def test_lifting_what_is_not_suppressed_says_so(engine: Engine) -> None:
    with pytest.raises(NotFoundError, match="suppressions list"):
        lift(engine, "ada@example.org", now=MONDAY)


def test_a_complaint_outweighs_a_later_bounce_and_an_erasure(engine: Engine, settings: Settings) -> None:
    take_in(engine, "ada@example.org")
    stop(engine, "ada@example.org", SubscriberState.COMPLAINED, MONDAY)
    stop(engine, "ada@example.org", SubscriberState.BOUNCED, MONDAY)
    erase_address(engine, "ada@example.org", now=MONDAY)
    with reading(engine) as connection:
        (kept,) = connection.execute(select(Suppression.email, Suppression.reason)).all()
    assert tuple(kept) == (None, "complained")
    assert not sign_up_for(engine, settings, "ada@example.org")


def give_a_history(engine: Engine, subscriber: int, email: str) -> None:
    """An issue that reached them, a returned mail, a letter, a vote, a bookmark, and what a reply paused."""
    add_editor(engine, "operator@example.com", "operator", MONDAY)
    with transaction(engine) as connection:
        tool = connection.execute(
            insert(Tool)
            .values(slug="tern", name="Tern", name_key="tern", url="https://tern.test", category="A", listed=True,
                    vote_ships=4, vote_skips=1, created_at=MONDAY, updated_at=MONDAY)
            .returning(Tool.id)
        ).scalar_one()  # fmt: skip
        connection.execute(insert(Vote).values(tool_id=tool, voter=f"subscriber:{subscriber}", call="ship", at=MONDAY))
        connection.execute(insert(Bookmark).values(tool_id=tool, reader=f"subscriber:{subscriber}", at=MONDAY))
        issue = connection.execute(
            insert(Issue)
            .values(week="2026-W46", number=1, starts_at=MONDAY, ends_at=MONDAY, status="sent", composed_at=MONDAY,
                    updated_at=MONDAY, pause_reason=f"a relay said: 550 <{email}> is unknown")
            .returning(Issue.id)
        ).scalar_one()  # fmt: skip
        make_partition(connection, issue)
        delivery = connection.execute(
            insert(Delivery)
            .values(issue_id=issue, subscriber_id=subscriber, email=email, name="Ada", format="html", selection="",
                    link_key_id=1, status="failed", reply=f"550 {email} is unknown", relay_id="for-Ada",
                    finished_at=MONDAY)
            .returning(Delivery.id)
        ).scalar_one()  # fmt: skip
        connection.execute(
            insert(ReturnedMail).values(fingerprint="f", recipient=email, at=MONDAY, source="m", kind="soft",
                                        reason=f"{email}: full", delivery_id=delivery, changed=False,
                                        raw=email.encode())
        )  # fmt: skip
        connection.execute(
            insert(Letter).values(kind="confirm", email=email, subscriber_id=subscriber, data={}, status="sent",
                                  not_before=MONDAY, created_at=MONDAY)
        )  # fmt: skip
        reply = f"554 5.7.1 <{email.upper()}>: refused"
        connection.execute(insert(DomainPause).values(domain="example.org", until=MONDAY, reason=reply))
        add_notices(connection, ["operator"], "A domain waits", [f"It said: {reply}"], None, MONDAY, MONDAY)


def test_an_erasure_takes_everything_that_names_the_person(engine: Engine) -> None:
    take_in(engine, "ada@example.org")
    found = find_subscriber(engine, "ada@example.org")
    assert found is not None
    give_a_history(engine, found["id"], "ada@example.org")
    with transaction(engine) as connection:  # from where they forward their mail to; its delivery is gone by now
        connection.execute(
            insert(ReturnedMail).values(fingerprint="g", recipient="a@elsewhere.test", at=MONDAY, source="m",
                                        kind="soft", reason="Ada is away", subscriber_id=found["id"], changed=False)
        )  # fmt: skip
    report = erase(engine, found["id"], now=MONDAY + timedelta(days=1))
    assert (report.known, report.files_clean) == (True, True)
    for rows in dump(engine):
        assert "ada@" not in str(rows).lower()
        assert "Ada" not in str(rows)
    with reading(engine) as connection:
        delivery = connection.execute(select(Delivery.status, Delivery.email, Delivery.reply)).one()
        votes = connection.execute(select(Tool.vote_ships, Tool.vote_skips)).one()
    assert tuple(delivery) == ("failed", "", None), "the issue's counts still add up"
    assert tuple(votes) == (3, 1)
    assert not erase(engine, found["id"], now=MONDAY).known
    assert not erase_address(engine, "nobody@example.org", now=MONDAY).known


def test_a_tool_keeps_its_right_place_when_a_voter_is_erased(engine: Engine) -> None:
    take_in(engine, "ada@example.org")
    found = find_subscriber(engine, "ada@example.org")
    assert found is not None
    tools = [{"slug": slug, "name": slug, "url": f"https://{slug}.test", "category": "A"} for slug in ("owl", "tern")]
    import_tools(engine, json.dumps({"tools": tools}), MONDAY)
    origin = Origin("192.0.2.7/32", "192.0.2.0/24", real_now())
    with reading(engine) as connection:
        ids = {tool.slug: tool.id for tool in tools_by_slug(connection, ["owl", "tern"]).values()}
    cast_vote(engine, ids["owl"], subscriber_reader(found["id"]), Call.SHIP, origin, now=MONDAY)
    cast_vote(engine, ids["tern"], subscriber_reader(found["id"]), Call.SHIP, origin, now=MONDAY)
    cast_vote(engine, ids["tern"], "browser:x", Call.SKIP, origin, now=MONDAY)
    erase(engine, found["id"], now=MONDAY)
    with reading(engine) as connection:
        counts = connection.execute(
            select(Tool.slug, Tool.vote_ships, Tool.vote_skips, Tool.community_order).order_by(Tool.slug)
        )
        assert [tuple(row) for row in counts] == [
            ("owl", 0, 0, community_order(0, 0)),
            ("tern", 0, 1, community_order(0, 1)),
        ]


def dump(engine: Engine) -> list[Sequence[object]]:
    from db.models import Base

    with reading(engine) as connection:
        return [connection.execute(select(table)).all() for table in Base.metadata.sorted_tables]


def test_my_data_names_votes_bookmarks_and_issues(engine: Engine) -> None:
    add_confirmed(engine, "ada@example.org", name="Ada", consent_at=MONDAY, consent_source="form", now=MONDAY)
    found = find_subscriber(engine, "ada@example.org")
    assert found is not None
    give_a_history(engine, found["id"], "ada@example.org")
    document = export_subscriber(engine, found["id"])
    assert document is not None
    assert document["votes"] == [{"tool": "tern", "call": "ship", "at": "2026-11-16T06:00:00Z"}]
    assert document["bookmarks"] == [{"tool": "tern", "at": "2026-11-16T06:00:00Z"}]
    assert document["issues"][0]["issue"] == "2026-W46"
    assert document["consents"][0]["source"] == "form"


def test_my_data_is_everything(engine: Engine, settings: Settings) -> None:
    assert sign_up_for(engine, settings, "ada@example.org")
    take_in(engine, "ada@example.org")
    found = find_subscriber(engine, "ada@example.org")
    assert found is not None
    give_a_history(engine, found["id"], "ada@example.org")
    suppress_address(engine, "ada@example.org", now=MONDAY, note="asked by telephone")
    with transaction(engine) as connection:
        add_audit(connection, "operator", "looked at a reader", "ada@example.org", MONDAY)
        stranger = {"recipient": "ADA@example.org", "source": "m", "kind": "hard", "changed": False, "at": MONDAY}
        connection.execute(insert(ReturnedMail).values(fingerprint="g", reason="bad mailbox", **stranger))
    document = export_subscriber(engine, found["id"])
    assert document is not None
    assert document["suppression"] == {"reason": "manual", "at": "2026-11-16T06:00:00Z", "note": "asked by telephone"}
    assert [(one["form"], one["words"], one["name"]) for one in document["requests"]] == [("landing", "Yes", "Typed")]
    assert {one["kind"] for one in document["letters"]} == {"confirm"}
    assert [one["reason"] for one in document["returned_mail"]] == ["ada@example.org: full", "bad mailbox"]
    assert document["returned_mail"][0]["mail"] == "ada@example.org"
    assert document["done_by_others"] == [{"at": "2026-11-16T06:00:00Z", "what": "looked at a reader"}]
    assert json.loads(json.dumps(document)) == document
    assert "token" not in json.dumps(document)


def test_two_sign_ups_at_once_ask_once(engine: Engine, settings: Settings) -> None:
    request = SignUp("ada@example.org", household="203.0.113.7", network="203.0.113.0/24")

    def once(number: int) -> bool:
        return sign_up(
            engine, request, now=MONDAY, real_now=real_now(), settings=settings, nonce=bytes([number]) * 32, chance=0
        ).letter_queued

    assert sum(at_once(*(partial(once, number) for number in range(8)))) == 1
    assert states(engine) == {"ada@example.org": SubscriberState.PENDING}


def test_who_signs_up_while_an_import_brings_them_in_is_no_failure(engine: Engine, settings: Settings) -> None:
    """On PostgreSQL a second row of one address waits for the first, and then there is one already."""
    request = SignUp("ada@example.org")
    with ThreadPoolExecutor(1) as pool:
        with transaction(engine) as connection:
            email_hash = hash_address("ada@example.org", address_key(connection))
            chunk = [NewSubscriber("ada@example.org", email_hash, "Ada", "", MONDAY, "a form")]
            subscriber_imports.take_in(connection, chunk, MONDAY)
            signing = pool.submit(
                sign_up, engine, request, now=MONDAY, real_now=real_now(), settings=settings, nonce=bytes(32), chance=0
            )
            until(lambda: is_sqlite(connection) or _somebody_waits(connection))
        report = signing.result()
    assert not report.letter_queued
    assert states(engine) == {"ada@example.org": SubscriberState.ACTIVE}


def test_who_leaves_while_an_import_knows_them_as_pending_stays_gone(engine: Engine, settings: Settings) -> None:
    """Between its look at who is pending and making them active."""
    assert sign_up_for(engine, settings, "ada@example.org")
    found = find_subscriber(engine, "ada@example.org")
    assert found is not None
    leaving: list[Future[Any]] = []
    with ThreadPoolExecutor(1) as pool:

        def leaves(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
            if statement.startswith("UPDATE subscribers") and not leaving:
                leaving.append(pool.submit(unsubscribe, engine, found["id"], now=MONDAY))
                until(lambda: is_sqlite(engine) or leaving[0].done() or _somebody_waits(connection))

        event.listen(engine, "before_cursor_execute", leaves)
        assert take_in(engine, "ada@example.org").imported == 1
        event.remove(engine, "before_cursor_execute", leaves)
        leaving[0].result()
    assert states(engine) == {"ada@example.org": SubscriberState.UNSUBSCRIBED}


def _somebody_waits(connection: Connection) -> bool:
    waiting = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND transactionid IS NOT NULL"
    return bool(connection.scalar(text(waiting)))


LEFT_ELSEWHERE = (
    "uuid,email,name,attributes,status,created_at,updated_at\n"
    "1,ada@example.org,Ada,{},enabled,2024-01-15 10:00:00.1 +0000 UTC,2024-01-15 10:00:00.1 +0000 UTC\n"
    "2,bo@example.org,Bo,{},disabled,2024-01-15 10:00:00.1 +0000 UTC,2024-02-15 10:00:00.1 +0000 UTC\n"
    "3,cy@example.org,Cy,{},blocklisted,2024-01-15 10:00:00.1 +0000 UTC,2024-02-15 10:00:00.1 +0000 UTC\n"
)


def move_in(engine: Engine, text: str = LEFT_ELSEWHERE) -> ImportReport:
    lines = text.splitlines(keepends=True)
    return import_subscribers(engine, lines, now=MONDAY, latest=MONDAY, export=export_of("listmonk"))


def test_who_left_elsewhere_is_suppressed_here(engine: Engine) -> None:
    report = move_in(engine)
    assert (report.imported, report.suppressed, report.unchanged, report.rejected) == (1, 2, 0, ())
    assert states(engine) == {"ada@example.org": "active"}
    assert suppressed(engine) == {"bo@example.org": "unsubscribed", "cy@example.org": "manual"}
    assert take_in(engine, "bo@example.org", "cy@example.org").imported == 0, "no later import brings them back"
    again = move_in(engine)
    assert (again.imported, again.suppressed, again.unchanged) == (0, 0, 3)


def test_who_reads_here_and_left_elsewhere_later_is_unsubscribed(engine: Engine, settings: Settings) -> None:
    add_confirmed(
        engine, "bo@example.org", name="", consent_at=MONDAY.replace(year=2023), consent_source="f", now=MONDAY
    )
    assert sign_up_for(engine, settings, "cy@example.org")
    assert move_in(engine).suppressed == 2
    assert states(engine) == {
        "ada@example.org": "active", "bo@example.org": "unsubscribed", "cy@example.org": "unsubscribed",
    }  # fmt: skip
    with reading(engine) as connection:
        waiting = connection.execute(select(Letter.id).where(Letter.kind == "confirm")).all()
    assert waiting == [], "nobody who left is asked again"


def test_who_consented_here_after_leaving_elsewhere_stays(engine: Engine) -> None:
    add_confirmed(
        engine, "bo@example.org", name="", consent_at=MONDAY.replace(year=2025), consent_source="f", now=MONDAY
    )
    assert move_in(engine).suppressed == 1
    assert states(engine)["bo@example.org"] == "active"
    assert "bo@example.org" not in suppressed(engine)


def test_a_complaint_or_an_erasure_is_not_softened_by_what_another_program_says(engine: Engine) -> None:
    stop(engine, "bo@example.org", SubscriberState.COMPLAINED, MONDAY)
    take_in(engine, "cy@example.org")
    erase_address(engine, "cy@example.org", now=MONDAY)
    assert move_in(engine).suppressed == 0
    assert suppressed(engine) == {"bo@example.org": "complained", None: "erased"}
