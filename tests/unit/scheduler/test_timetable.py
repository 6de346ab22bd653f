"""What is due when: pure time arithmetic, on both sides of the clock's shifts."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.settings import Settings, load
from scheduler.timetable import Crontab, Due, Every, Job, due, next_time, timetable

BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def first(rule: Crontab | Every, after: str, count: int) -> list[str]:
    return [
        instant.astimezone(BERLIN).isoformat(" ", "minutes").removeprefix("2026-")
        for instant in islice(rule.times(at(after)), count)
    ]


def settings() -> Settings:
    return load({"NEWSLETTER_TIMEZONE": "Europe/Berlin"})


@pytest.mark.parametrize(
    ("fields", "after", "expected"),
    [
        ("0 9 * * tue", "2026-11-20T00:00Z", ["11-24 09:00+01:00", "12-01 09:00+01:00"]),
        # Put forward on 2026-03-29: 02:00 becomes 03:00.
        ("30 2 * * *", "2026-03-27T12:00Z", ["03-28 02:30+01:00", "03-29 03:30+02:00", "03-30 02:30+02:00"]),
        ("0 * * * *", "2026-03-28T23:30Z", ["03-29 01:00+01:00", "03-29 03:00+02:00", "03-29 04:00+02:00"]),
        ("*/30 * * * *", "2026-03-29T00:00Z", ["03-29 01:30+01:00", "03-29 03:00+02:00", "03-29 03:30+02:00"]),
        # Put back on 2026-10-25: 02:00 to 03:00 comes twice.
        ("30 2 * * *", "2026-10-24T12:00Z", ["10-25 02:30+02:00", "10-26 02:30+01:00"]),
        ("0 * * * *", "2026-10-24T23:30Z", ["10-25 02:00+02:00", "10-25 02:00+01:00", "10-25 03:00+01:00"]),
        ("0 */1 * * *", "2026-10-24T23:30Z", ["10-25 02:00+02:00", "10-25 02:00+01:00", "10-25 03:00+01:00"]),
        ("0 0-23 * * *", "2026-10-24T23:30Z", ["10-25 02:00+02:00", "10-25 02:00+01:00", "10-25 03:00+01:00"]),
        (
            "*/30 * * * *",
            "2026-10-24T23:30Z",
            ["10-25 02:00+02:00", "10-25 02:30+02:00", "10-25 02:00+01:00", "10-25 02:30+01:00"],
        ),
    ],
)
def test_a_crontab_is_read_on_the_wall_clock_of_its_zone(fields: str, after: str, expected: list[str]) -> None:
    assert first(Crontab(fields, BERLIN), after, len(expected)) == expected


def test_a_reminder_comes_hours_before_its_time_on_the_wall_clock_too() -> None:
    assert first(Crontab("0 9 * * tue", BERLIN, ahead=4 * HOUR), "2026-10-24T00:00Z", 1) == ["10-27 05:00+01:00"]


def test_equal_distances_know_no_zone() -> None:
    rule = Every(timedelta(minutes=30))
    assert first(rule, "2026-10-25T00:00Z", 3) == [
        "10-25 02:30+02:00", "10-25 02:00+01:00", "10-25 02:30+01:00",
    ]  # fmt: skip


@given(
    st.sampled_from(["0 * * * *", "*/20 * * * *", "30 2 * * *", "15 1,2,3 * * *", "0 9 * * tue", "59 23 * * sun"]),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
    st.integers(0, 1000 * 24 * 60).map(lambda minutes: at("2025-01-01T00:00Z") + timedelta(minutes=minutes)),
)
def test_times_only_go_forward_and_asking_from_the_middle_changes_nothing(
    fields: str, zone: str, after: datetime
) -> None:
    rule = Crontab(fields, ZoneInfo(zone))
    times = list(islice(rule.times(after), 30))
    assert all(earlier < later for earlier, later in zip([after, *times], times, strict=False))
    assert list(islice(rule.times(times[9]), 20)) == times[10:]
    assert len({instant.date() for instant in times}) > 1 or "*" in fields.split()[1]


def test_a_rule_that_never_comes_has_no_next_time() -> None:
    assert next_time(Job("never", Crontab("0 0 31 2 *", BERLIN), late=HOUR), at("2026-01-01T00:00Z")) is None


SMALL = Job("gather", Crontab("0 * * * *", BERLIN), late=HOUR)
WEEKLY = Job("compose", Crontab("0 6 * * mon", BERLIN), late=6 * DAY, each=True)


def test_nothing_is_due_between_two_times() -> None:
    assert due(SMALL, at("2026-11-16T10:00Z"), at("2026-11-16T10:59Z")) == Due()


def test_a_small_job_missed_for_a_day_is_made_good_once() -> None:
    found = due(SMALL, at("2026-11-15T10:00Z"), at("2026-11-16T10:20Z"))
    assert found == Due(run=(at("2026-11-16T10:00Z"),))


def test_each_week_stands_for_itself_and_what_is_too_late_is_reported() -> None:
    found = due(WEEKLY, at("2026-11-02T05:00Z"), at("2026-11-24T12:00Z"))
    assert found.run == (at("2026-11-23T05:00Z"),)
    assert found.missed == (at("2026-11-09T05:00Z"), at("2026-11-16T05:00Z"))


def test_a_first_start_makes_good_what_it_still_may_and_reports_nothing() -> None:
    assert due(WEEKLY, None, at("2026-11-18T12:00Z")) == Due(run=(at("2026-11-16T05:00Z"),))
    assert due(SMALL, None, at("2026-11-16T10:20Z")).run == (at("2026-11-16T10:00Z"),)


def test_a_year_of_standing_still_is_looked_through_quickly_and_reported() -> None:
    found = due(WEEKLY, at("2024-01-01T00:00Z"), at("2026-11-18T12:00Z"))
    assert len(found.run) == 1
    assert 50 <= len(found.missed) <= 53


def test_a_clock_put_back_makes_nothing_due_twice() -> None:
    assert due(WEEKLY, at("2026-11-16T05:00Z"), at("2026-11-14T00:00Z")) == Due()


def test_the_timetable_reads_the_settings_and_leaves_out_what_has_no_mailbox() -> None:
    jobs = {job.name: str(job.rule) for job in timetable(settings())}
    assert jobs["compose"] == "0 6 * * mon Europe/Berlin"
    assert jobs["remind"] == "0 9 * * tue Europe/Berlin, 4 h before"
    assert "read_bounces" not in jobs
    more = load({"NEWSLETTER_BOUNCE_MAILBOX": "maildir:/var/mail/bounces"})
    assert "read_bounces" in {job.name for job in timetable(more)}


def test_every_job_of_the_timetable_has_work() -> None:
    from scheduler.jobs import JOBS

    full = load({"NEWSLETTER_BOUNCE_MAILBOX": "maildir:/var/mail/bounces"})
    assert {job.name for job in timetable(full)} == set(JOBS)
