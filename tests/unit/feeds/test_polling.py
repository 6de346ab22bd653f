from datetime import UTC, datetime, timedelta

from newsletter.feeds import polling
from newsletter.feeds.polling import HOUR, Rhythm

NOW = datetime(2026, 11, 18, 9, tzinfo=UTC)


def test_a_feed_with_news_is_looked_at_sooner_and_one_without_later() -> None:
    busy = polling.observe(Rhythm(), NOW - HOUR, NOW, news=True, ttl=None)
    quiet = polling.observe(Rhythm(), NOW - HOUR, NOW, news=False, ttl=None)
    assert busy.interval < HOUR < quiet.interval


def test_no_feed_is_looked_at_less_than_twice_a_day_unless_it_asks() -> None:
    rhythm = Rhythm()
    for _ in range(50):
        rhythm = polling.observe(rhythm, NOW, NOW, news=False, ttl=None)
    assert rhythm.interval == timedelta(hours=12)
    asking = polling.observe(rhythm, NOW, NOW, news=False, ttl=43_200)
    assert polling.next_check(asking, NOW, timedelta(), 0.999) - NOW <= timedelta(hours=20)


def test_what_feed_and_server_ask_for_is_honoured() -> None:
    assert polling.next_check(Rhythm(ttl=240), NOW, timedelta(), 0.999) - NOW > timedelta(hours=3, minutes=45)
    assert polling.next_check(Rhythm(), NOW, timedelta(hours=6), 0.0) - NOW > timedelta(hours=5, minutes=30)


def test_a_job_that_comes_on_the_hour_finds_a_feed_due_an_hour_after_its_last_check() -> None:
    assert polling.is_due(polling.next_check(Rhythm(), NOW, timedelta(), 0.999), NOW + HOUR - timedelta(seconds=2))


def test_a_feed_without_a_plan_is_due_whatever_the_clock_says() -> None:
    assert polling.is_due(None, NOW - timedelta(days=4000))


def test_a_clock_that_was_years_ahead_keeps_no_feed_from_being_looked_at() -> None:
    ahead = NOW + timedelta(days=1600)
    assert polling.is_due(polling.next_check(Rhythm(), ahead, timedelta(), 0.5), NOW)
    assert not polling.is_due(polling.after_failure(NOW, 9, retry_after=timedelta(days=90), jitter=0.5), NOW)


def test_a_rhythm_is_kept_as_json() -> None:
    rhythm = Rhythm(timedelta(hours=3), timedelta(days=2), 60)
    assert Rhythm.of(rhythm.as_state()) == rhythm
    assert Rhythm.of({}) == Rhythm()


def test_failures_wait_twice_as_long_each_time_up_to_two_days_or_so() -> None:
    waits = [polling.after_failure(NOW, count, retry_after=None, jitter=0.5) - NOW for count in range(1, 12)]
    assert waits[0] == timedelta(minutes=30)
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(days=2)


def test_feeds_that_failed_together_come_back_apart() -> None:
    first, second = (polling.after_failure(NOW, 3, retry_after=None, jitter=jitter) for jitter in (0.1, 0.9))
    assert first != second


def test_retry_after_is_waited_for_but_not_for_ever() -> None:
    asked = timedelta(hours=9)
    assert polling.after_failure(NOW, 1, retry_after=asked, jitter=0.5) - NOW == asked
    assert polling.after_failure(NOW, 1, retry_after=timedelta(days=900), jitter=0.5) - NOW == timedelta(days=7)


def test_a_feed_quiet_for_long_beyond_its_habit_is_stale() -> None:
    assert polling.is_stale(NOW - timedelta(days=60), timedelta(days=1), NOW)
    assert not polling.is_stale(NOW - timedelta(days=60), timedelta(days=30), NOW)
    assert not polling.is_stale(NOW - timedelta(days=20), timedelta(hours=1), NOW)


def test_a_feed_fails_for_long_after_a_week() -> None:
    assert polling.is_failing_long(NOW - timedelta(days=8), NOW - timedelta(days=90), 12, NOW)
    assert not polling.is_failing_long(NOW - timedelta(days=8), NOW - timedelta(days=90), 0, NOW)
    assert polling.is_failing_long(None, NOW - timedelta(days=8), 12, NOW)
