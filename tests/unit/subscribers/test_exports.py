"""Files as listmonk, Mailchimp and Substack write them. The columns are theirs, the people are made up."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.states import SuppressionReason
from newsletter.subscribers.exports import PROGRAMS, Departed, export_of
from newsletter.subscribers.records import Record, Rejected

LATEST = datetime(2026, 11, 16, tzinfo=UTC)

LISTMONK = """\
uuid,email,name,attributes,status,created_at,updated_at
6b0c1b5e-1f0e-4b62-8b61-1f6d8a3f0001,ada@example.org,Ada,"{""city"": ""Köln""}",enabled,2024-01-15 10:00:00.123456 +0000 UTC,2024-02-01 08:00:00.5 +0000 UTC
6b0c1b5e-1f0e-4b62-8b61-1f6d8a3f0002,bo@example.org,Bo,{},disabled,2024-01-15 15:30:00.123456789 +0530 IST,2024-03-01 13:30:00 +0530 IST
6b0c1b5e-1f0e-4b62-8b61-1f6d8a3f0003,cy@example.org,Cy,{},blocklisted,2024-01-15 10:00:00 +0000 +0000,2024-04-01 08:00:00 +0000 +0000
6b0c1b5e-1f0e-4b62-8b61-1f6d8a3f0004,di@example.org,Di,{},asleep,2024-01-15 10:00:00 +0000 UTC,2024-04-01 08:00:00 +0000 UTC
"""  # noqa: E501
_MAILCHIMP = '"Email Address","First Name","Last Name",MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,'
SUBSCRIBED = f"""\
{_MAILCHIMP}LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS
ada@example.org,Ada,Byron,2,"2013-06-25 17:38:20",192.0.2.7,"2013-06-25 17:38:27",192.0.2.8,,,,,,,,"2013-06-27 12:11:50",4,c2cb,,"""  # noqa: E501
SUBSCRIBED += '"vip"\nbo@example.org,,,2,,,"2014-01-01 00:00:00",,,,,,,,,"2014-01-01 00:00:00",5,c2cc,,\n'
SUBSCRIBED += 'cy@example.org,,,2,,,,,,,,,,,,"2014-01-01 00:00:00",6,c2cd,,\n'
UNSUBSCRIBED = f"""\
{_MAILCHIMP}UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_REASON_OTHER,LEID,EUID,NOTES,TAGS
di@example.org,Di,,2,,,"2013-06-25 17:38:27",,"2015-02-03 04:05:06","May",1a2b,"NORMAL",,7,c2ce,,
"""
CLEANED = f"""\
{_MAILCHIMP}CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID,LEID,EUID,NOTES,TAGS
ed@example.org,Ed,,1,,,"2013-06-25 17:38:27",,"2016-02-03 04:05:06","June",1a2c,8,c2cf,,
"""
SUBSTACK = """\
email,active_subscription,expiry,plan,email_disabled,created_at,first_payment_at
ada@example.org,false,,other,false,2024-01-15T10:00:00.000Z,
bo@example.org,true,2026-12-01T00:00:00.000Z,monthly,false,2024-02-01T10:00:00.000Z,2024-02-01T10:00:00.000Z
cy@example.org,false,,other,true,2024-03-01T10:00:00.000Z,
di@example.org,false,,other,,2024-03-01T10:00:00.000Z,
"""


def read(program: str, text: str, name: str = "") -> list[Record | Departed | Rejected]:
    return list(export_of(program, name).read(text.splitlines(keepends=True), LATEST))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_listmonk_says_who_reads_who_left_and_who_is_blocked() -> None:
    ada, bo, cy, di = read("listmonk", LISTMONK)
    assert ada == Record(2, "ada@example.org", "Ada", at("2024-01-15T10:00:00"), "listmonk export", "")
    left = SuppressionReason.UNSUBSCRIBED
    assert bo == Departed(3, "bo@example.org", left, at("2024-03-01T08:00:00"), "disabled in listmonk")
    manual = SuppressionReason.MANUAL
    assert cy == Departed(4, "cy@example.org", manual, at("2024-04-01T08:00:00"), "blocklisted in listmonk")
    assert isinstance(di, Rejected)
    assert "asleep" in di.reason


def test_mailchimp_tells_its_people_apart_by_their_files() -> None:
    ada, bo, cy = read("mailchimp", SUBSCRIBED)
    source = "Mailchimp export, asked from 192.0.2.8"
    assert ada == Record(2, "ada@example.org", "Ada Byron", at("2013-06-25T17:38:27"), source, "")
    assert isinstance(bo, Record)
    assert (bo.name, bo.consent_source) == ("", "Mailchimp export")
    assert isinstance(cy, Rejected)
    assert "since when" in cy.reason
    (di,) = read("mailchimp", UNSUBSCRIBED)
    assert isinstance(di, Departed)
    assert (di.reason, di.at) == (SuppressionReason.UNSUBSCRIBED, at("2015-02-03T04:05:06"))
    (ed,) = read("mailchimp", CLEANED)
    assert isinstance(ed, Departed)
    assert (ed.reason, ed.at) == (SuppressionReason.BOUNCED, at("2016-02-03T04:05:06"))


def test_people_who_never_subscribed_do_not_come_in() -> None:
    with pytest.raises(ValueError, match="non-subscribed"):
        export_of("mailchimp", "nonsubscribed_email_audience_export_1a2b.csv")


def test_substack_says_who_switched_its_mail_off_and_paying_is_another_matter() -> None:
    ada, bo, cy, di = read("substack", SUBSTACK)
    assert ada == Record(2, "ada@example.org", "", at("2024-01-15T10:00:00"), "Substack export", "")
    assert isinstance(bo, Record)
    assert isinstance(cy, Departed)
    assert (cy.reason, cy.at) == (SuppressionReason.UNSUBSCRIBED, None)
    assert isinstance(di, Rejected)


@pytest.mark.parametrize("program", PROGRAMS)
def test_another_programs_file_is_refused_by_the_column_that_it_lacks(program: str) -> None:
    with pytest.raises(ValueError, match=r"has no column .* this program's file has"):
        read(program, "email,name,consent_at,consent_source,categories\n")


@given(st.sampled_from(PROGRAMS), st.lists(st.text(max_size=30), max_size=12))
def test_whatever_stands_in_a_row_it_is_read_or_reported(program: str, fields: list[str]) -> None:
    head = ",".join(export_of(program).needed)
    row = ",".join(f'"{field.replace(chr(34), chr(34) * 2)}"' for field in fields)
    for found in read(program, f"{head}\n{row}\n"):
        assert isinstance(found, Record | Departed | Rejected)
