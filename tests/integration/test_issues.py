"""Composing, rendering and approving against real databases."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from functools import partial, reduce

import pytest
from sqlalchemy import Engine, insert, select, update

from db import issues
from db.engine import reading, transaction
from db.keys import address_key
from db.models import Issue, IssueApproval, Key, Panelist, Release, Subscriber, Take, Tool
from newsletter.clock import Week
from newsletter.deliveries.steer import CancelReport, cancel_issue
from newsletter.errors import NotFoundError, RefusedError, SettingsError
from newsletter.issues.approve import approve_issue
from newsletter.issues.arrange import arrange
from newsletter.issues.arrangement import Arrangement, drop, write_note
from newsletter.issues.check import check_issue
from newsletter.issues.compose import compose_issue
from newsletter.issues.findings import Finding
from newsletter.issues.publish import publish_issue
from newsletter.issues.render import read_issue, render_issue
from newsletter.releases.resolve import drop_release, match_to_tool
from newsletter.settings import Settings
from newsletter.subscribers.addresses import hash_address
from newsletter.subscribers.selections import Selection
from newsletter.tools.merge import merge_tools
from tests.fakes.together import at_once

WEEK = Week(2026, 47)
NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
IN_WEEK = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)


def add_tool(engine: Engine, slug: str, calls: str = "", category: str = "Developer Tools") -> int:
    """``SK..S``: what each of the panel calls, in its order."""
    with transaction(engine) as connection:
        tool_id: int = connection.execute(
            insert(Tool)
            .values(
                slug=slug, name=slug.title(), name_key=slug, tagline=f"What {slug} does", url=f"https://{slug}.example/",
                category=category, pricing="Free", listed=True, created_at=NOW, updated_at=NOW,
            )
            .returning(Tool.id)
        ).scalar_one()  # fmt: skip
        panel = list(connection.scalars(select(Panelist.key).order_by(Panelist.position)))
        for panelist, call in zip(panel, calls, strict=False):
            if call in "SK":
                score, word = (80, "ship") if call == "S" else (20, "skip")
                connection.execute(
                    insert(Take).values(
                        tool_id=tool_id,
                        panelist=panelist,
                        score=score,
                        call=word,
                        text=f"{panelist} on {slug}.",
                        recorded_at=NOW,
                    )
                )
    return tool_id


def add_release(engine: Engine, tool_id: int | None, week: str | None = "2026-W47", **more: object) -> int:
    row = {
        "tool_id": tool_id, "url": "https://launches.example/x", "canonical_url": "launches.example/x",
        "title": "A launch", "name": "A launch", "published_at": IN_WEEK, "first_seen_at": IN_WEEK, "week": week,
        "late": False, "status": "matched" if tool_id else "unmatched",
    } | more  # fmt: skip
    with transaction(engine) as connection:
        release_id: int = connection.execute(insert(Release).values(**row).returning(Release.id)).scalar_one()
    return release_id


def launch(engine: Engine, slug: str, calls: str = "", **more: object) -> int:
    tool_id = add_tool(engine, slug, calls)
    add_release(engine, tool_id, **more)  # type: ignore[arg-type]
    return tool_id


def set_take(engine: Engine, tool_id: int, panelist: str, call: str, at: datetime = NOW) -> None:
    with transaction(engine) as connection:
        connection.execute(
            update(Take)
            .where(Take.tool_id == tool_id, Take.panelist == panelist, Take.replaced_at.is_(None))
            .values(replaced_at=at)
        )
        connection.execute(
            insert(Take).values(
                tool_id=tool_id, panelist=panelist, score=None, call=call, text="Changed.", recorded_at=at
            )
        )


def add_reader(engine: Engine, email: str) -> int:
    with transaction(engine) as connection:
        reader: int = connection.execute(
            insert(Subscriber)
            .values(email=email, email_hash=hash_address(email, address_key(connection)), name="Ada", state="active",
                    format="html", selection="", created_at=NOW, state_since=NOW)
            .returning(Subscriber.id)
        ).scalar_one()  # fmt: skip
    return reader


def move(engine: Engine, status: str, **more: object) -> None:
    with transaction(engine) as connection:
        connection.execute(update(Issue).where(Issue.week == str(WEEK)).values(status=status, **more))


def test_of_several_who_compose_at_once_one_makes_the_draft(engine: Engine, settings: Settings) -> None:
    launch(engine, "alpha", "SSS")
    reports = at_once(*[lambda: compose_issue(engine, WEEK, settings, NOW)] * 8)
    assert [report.tools for report in reports] == [1] * 8
    assert sum(report.created for report in reports) == 1


def test_of_several_who_approve_and_publish_at_once_one_does_and_the_others_are_told(
    engine: Engine, settings: Settings
) -> None:
    launch(engine, "alpha", "SSS")
    add_reader(engine, "ada@example.org")
    compose_issue(engine, WEEK, settings, NOW)
    at_once(*[lambda: approve_issue(engine, WEEK, "ada", settings, NOW)] * 8)
    with reading(engine) as connection:
        assert len(connection.execute(select(IssueApproval)).all()) == 1, "the others found it approved"

    def publish() -> str:
        try:
            return f"to {publish_issue(engine, WEEK, settings, NOW).recipients}"
        except RefusedError as error:
            return str(error)

    assert sorted(at_once(*[publish] * 8)) == [*["issue 2026-W47 is sending, not approved"] * 7, "to 1"]


def test_composing_merging_cancelling_and_the_queue_wait_for_each_other(engine: Engine, settings: Settings) -> None:
    for number in range(4):
        slugs = [f"tool-{number}-{place}" for place in range(10)]
        for slug in slugs:
            launch(engine, slug, "SSS")

        def merge(source: str, target: str = slugs[-1]) -> object:
            return merge_tools(engine, source, target, NOW)

        at_once(
            lambda: compose_issue(engine, WEEK, settings, NOW), partial(merge, slugs[0]), partial(merge, slugs[4])
        )  # fmt: skip
    approve_issue(engine, WEEK, "ada", settings, NOW)
    with reading(engine) as connection:
        first, *_, last = connection.scalars(select(Release.id).order_by(Release.id))
    dropped, matched, cancelled = at_once(
        lambda: drop_release(engine, first, NOW).status,
        lambda: match_to_tool(engine, last, "tool-0-9", NOW).tool,
        lambda: str(cancel_issue(engine, WEEK, NOW).releases),
    )
    assert (dropped, matched) == ("dropped", "tool-0-9")
    assert cancelled in ("38", "39", "40")  # those that nobody had taken out of the issue before


def test_a_week_without_matched_releases_gets_no_issue(engine: Engine, settings: Settings) -> None:
    add_release(engine, None)
    report = compose_issue(engine, WEEK, settings, NOW)
    assert (report.status, report.created, report.changed) == (None, False, False)
    with reading(engine) as connection:
        assert issues.list_issues(connection) == []


def test_a_draft_has_the_tools_with_takes_as_items_and_the_others_as_also_released(
    engine: Engine, settings: Settings
) -> None:
    launch(engine, "alpha", "SSSK")
    launch(engine, "beta", "KKK")
    launch(engine, "gamma")
    report = compose_issue(engine, WEEK, settings, NOW)
    assert (report.status, report.created, report.new_releases, report.tools) == ("draft", True, 3, 3)
    _, values = read_issue(engine, WEEK, settings)
    assert [tool.slug for tool in values.items] == ["alpha", "beta"]
    assert [tool.slug for tool in values.also] == ["gamma"]
    assert (values.items[0].verdict.call, values.items[0].verdict.ship_percent) == ("ship", 75)
    assert values.pairs == (("alpha", "beta"),)


def test_composing_again_lets_in_what_is_new_and_changes_nothing_else(engine: Engine, settings: Settings) -> None:
    launch(engine, "alpha", "SSS")
    compose_issue(engine, WEEK, settings, NOW)
    first, _ = read_issue(engine, WEEK, settings)
    again = compose_issue(engine, WEEK, settings, NOW + timedelta(hours=1))
    assert not again.changed
    assert read_issue(engine, WEEK, settings)[0] == first
    launch(engine, "beta")
    third = compose_issue(engine, WEEK, settings, NOW + timedelta(hours=2))
    assert (third.changed, third.new_releases, third.tools) == (True, 1, 2)
    assert read_issue(engine, WEEK, settings)[0].revision == first.revision + 1


@pytest.mark.parametrize(("own", "left"), [("", "From Beta."), ("From Alpha.", "From Alpha.")])
def test_a_note_stays_where_its_tool_becomes_part_of_another_of_the_draft(
    engine: Engine, settings: Settings, own: str, left: str
) -> None:
    alpha, beta = launch(engine, "alpha", "SSS"), launch(engine, "beta", "SSS")
    compose_issue(engine, WEEK, settings, NOW)

    def noted(now: Arrangement) -> Arrangement:
        return write_note(write_note(now, beta, "From Beta."), alpha, own)

    arrange(engine, WEEK, noted, "wrote notes", by="ada", revision=None, now=NOW)
    merge_tools(engine, "beta", "alpha", NOW)
    (item,) = read_issue(engine, WEEK, settings)[1].items
    assert (item.slug, item.note) == ("alpha", left)


def test_a_tool_that_left_the_draft_does_not_take_along_the_one_that_becomes_part_of_it(
    engine: Engine, settings: Settings
) -> None:
    alpha, beta = launch(engine, "alpha", "SSS"), launch(engine, "beta", "SSS")
    compose_issue(engine, WEEK, settings, NOW)

    def edited(now: Arrangement) -> Arrangement:
        return drop(write_note(now, alpha, "From Alpha."), alpha)

    arrange(engine, WEEK, edited, "dropped Alpha", by="ada", revision=None, now=NOW)
    with transaction(engine) as connection:
        gone = update(Release).where(Release.tool_id == alpha)
        connection.execute(gone.values(status="unmatched", tool_id=None, issue_id=None))
    assert beta in {tool.id for tool in read_issue(engine, WEEK, settings)[1].items}
    merge_tools(engine, "beta", "alpha", NOW)
    (item,) = read_issue(engine, WEEK, settings)[1].items
    assert (item.slug, item.note) == ("alpha", "From Alpha.")


def test_a_take_flows_into_a_draft_and_composing_tells_of_it_once(engine: Engine, settings: Settings) -> None:
    tool_id = launch(engine, "alpha", "SS")
    compose_issue(engine, WEEK, settings, NOW)
    set_take(engine, tool_id, "builder", "skip")  # at the very instant of composing, as clocks of rehearsals have it
    assert read_issue(engine, WEEK, settings)[1].items[0].verdict.call == "split"
    told = [compose_issue(engine, WEEK, settings, NOW) for _ in range(2)]
    assert [(report.changed, report.new_releases) for report in told] == [(True, 0), (False, 0)]


def test_what_editors_arrange_is_nothing_new_to_compose(engine: Engine, settings: Settings) -> None:
    alpha = launch(engine, "alpha", "SS")
    launch(engine, "beta", "SS")
    compose_issue(engine, WEEK, settings, NOW)
    arrange(engine, WEEK, lambda now: drop(now, alpha), "dropped", by="ada", revision=None, now=NOW)
    assert not compose_issue(engine, WEEK, settings, NOW).changed
    assert [tool.slug for tool in read_issue(engine, WEEK, settings)[1].items] == ["beta"]


def test_a_release_put_off_because_the_draft_existed_comes_back_while_nobody_approved(
    engine: Engine, settings: Settings
) -> None:
    launch(engine, "alpha", "SS")
    compose_issue(engine, WEEK, settings, NOW)
    launch(engine, "beta", "SS", week="2026-W48", late=True)
    assert compose_issue(engine, WEEK, settings, NOW).new_releases == 1
    _, values = read_issue(engine, WEEK, settings)
    assert {tool.slug: tool.late for tool in values.items} == {"alpha": False, "beta": False}


def test_what_missed_its_issue_goes_into_the_next_one_although_that_was_begun(
    engine: Engine, settings: Settings
) -> None:
    """Where a draft of the week that goes on exists already, a late release is put off to the week after that one."""
    launch(engine, "alpha", "SS")
    compose_issue(engine, WEEK, settings, NOW)
    approve_issue(engine, WEEK, "ada", settings, NOW)
    second, third = WEEK.next(), WEEK.next().next()
    launch(engine, "beta", "SS", week=str(second))
    compose_issue(engine, second, settings, NOW)
    launch(engine, "gamma", "SS", week=str(third), late=True)
    launch(engine, "ahead", "SS", week=str(third), published_at=third.starts_at(settings.timezone))
    assert compose_issue(engine, second, settings, NOW).new_releases == 1
    _, values = read_issue(engine, second, settings)
    assert {tool.slug: tool.late for tool in values.items} == {"beta": False, "gamma": True}


def test_what_was_seen_after_a_week_that_had_nothing_goes_into_the_next_issue_marked_late(
    engine: Engine, settings: Settings
) -> None:
    assert compose_issue(engine, WEEK, settings, NOW).status is None
    after = WEEK.ends_at(settings.timezone) + timedelta(hours=12)
    launch(engine, "seen-late", "SS", first_seen_at=after)
    launch(engine, "matched-late", "SS", matched_at=after)
    launch(engine, "in-time", "SS", week=str(WEEK.next()))
    launch(engine, "old", "SS", week="2026-W40", first_seen_at=after)
    assert compose_issue(engine, WEEK.next(), settings, NOW + timedelta(days=7)).new_releases == 3
    _, values = read_issue(engine, WEEK.next(), settings)
    assert {tool.slug: tool.late for tool in values.items} == {
        "seen-late": True, "matched-late": True, "in-time": False,
    }  # fmt: skip


def test_what_a_new_feed_brings_of_the_week_before_stays_in_that_week(engine: Engine, settings: Settings) -> None:
    """Nobody composed a week before there was a feed: a first issue holds its own week alone."""
    after = WEEK.ends_at(settings.timezone) + timedelta(hours=12)
    launch(engine, "before-us", "SS", first_seen_at=after, matched_at=after)
    launch(engine, "ours", "SS", week=str(WEEK.next()))
    assert compose_issue(engine, WEEK.next(), settings, NOW + timedelta(days=7)).new_releases == 1
    assert compose_issue(engine, WEEK, settings, NOW + timedelta(days=7)).new_releases == 1


def test_a_week_that_nobody_composed_keeps_what_was_there_in_time(engine: Engine, settings: Settings) -> None:
    launch(engine, "alpha", "SS", matched_at=IN_WEEK)
    assert compose_issue(engine, WEEK.next(), settings, NOW).status is None
    assert compose_issue(engine, WEEK, settings, NOW).new_releases == 1


def test_a_release_that_missed_its_closed_issue_goes_into_the_next_one_marked_late(
    engine: Engine, settings: Settings
) -> None:
    launch(engine, "alpha", "SS")
    compose_issue(engine, WEEK, settings, NOW)
    approve_issue(engine, WEEK, "ada", settings, NOW)
    launch(engine, "beta", "SS")
    launch(engine, "old", "SS", week="2026-W40")
    assert not compose_issue(engine, WEEK, settings, NOW).changed
    assert compose_issue(engine, WEEK.next(), settings, NOW).new_releases == 1
    _, values = read_issue(engine, WEEK.next(), settings)
    assert [(tool.slug, tool.late) for tool in values.items] == [("beta", True)]


@pytest.mark.parametrize("approved", [False, True])
def test_an_issue_that_is_cancelled_before_anybody_got_it_hands_its_releases_on(
    engine: Engine, settings: Settings, approved: bool
) -> None:
    launch(engine, "alpha", "SS")
    beta = launch(engine, "beta", "SS")
    compose_issue(engine, WEEK, settings, NOW)
    arrange(engine, WEEK, lambda now: drop(now, beta), "dropped", by="ada", revision=None, now=NOW)
    if approved:
        approve_issue(engine, WEEK, "ada", settings, NOW)
    report = cancel_issue(engine, WEEK, NOW)
    assert report == CancelReport(skipped=0, held=0, releases=1)
    assert "its 1 release goes into the next issue of the four weeks after it" in report.words
    assert compose_issue(engine, WEEK, settings, NOW).status == "cancelled"
    assert compose_issue(engine, WEEK.next(), settings, NOW).new_releases == 1
    _, values = read_issue(engine, WEEK.next(), settings)
    assert [(tool.slug, tool.late) for tool in values.items] == [("alpha", True)]


def number_of(engine: Engine, week: Week) -> int:
    with reading(engine) as connection:
        found = issues.issue_of_week(connection, str(week))
    assert found is not None
    return found.number


def test_a_skipped_week_leaves_no_hole_in_the_numbers_that_readers_see(engine: Engine, settings: Settings) -> None:
    launch(engine, "alpha", "SS")
    compose_issue(engine, WEEK, settings, NOW)
    cancel_issue(engine, WEEK, NOW)
    compose_issue(engine, second := WEEK.next(), settings, NOW)
    assert number_of(engine, second) == 1
    launch(engine, "beta", "SS", week=str(second.next()))
    compose_issue(engine, third := second.next(), settings, NOW)
    launch(engine, "gamma", "SS", week=str(third.next()))
    compose_issue(engine, fourth := third.next(), settings, NOW)
    cancel_issue(engine, second, NOW)
    assert [number_of(engine, third), number_of(engine, fourth)] == [1, 2], "drafts move up"
    approve_issue(engine, fourth, "ada", settings, NOW)
    cancel_issue(engine, third, NOW)
    assert number_of(engine, fourth) == 2, "it is approved as no. 2"


@pytest.mark.parametrize(("weeks", "taken_in"), [(4, 1), (5, 0)])
def test_what_a_skipped_week_had_is_news_for_four_weeks(
    engine: Engine, settings: Settings, weeks: int, taken_in: int
) -> None:
    launch(engine, "alpha", "SS")
    compose_issue(engine, WEEK, settings, NOW)
    cancel_issue(engine, WEEK, NOW)
    later = reduce(lambda week, _: week.next(), range(weeks), WEEK)
    assert compose_issue(engine, later, settings, NOW).new_releases == taken_in


def test_an_issue_that_is_cancelled_on_its_way_keeps_its_releases(engine: Engine, settings: Settings) -> None:
    launch(engine, "alpha", "SS")
    compose_issue(engine, WEEK, settings, NOW)
    approve_issue(engine, WEEK, "ada", settings, NOW)
    publish_issue(engine, WEEK, settings, NOW)
    assert cancel_issue(engine, WEEK, NOW).releases is None
    assert compose_issue(engine, WEEK.next(), settings, NOW).status is None


def test_words_that_make_a_mail_which_is_clipped_hold_its_approval_up(engine: Engine, settings: Settings) -> None:
    alpha = launch(engine, "alpha", "SSSS")
    compose_issue(engine, WEEK, settings, NOW)

    def edit(edit: Callable[[Arrangement], Arrangement]) -> None:
        arrange(engine, WEEK, edit, "wrote", by="ada", revision=None, now=NOW)

    edit(lambda now: replace(write_note(now, alpha, "a\n\n" * 660), intro="b\n\n" * 1_300))
    with pytest.raises(RefusedError, match=r"more than 80,000.*shorten the intro"):
        approve_issue(engine, WEEK, "ada", settings, NOW)
    assert not check_issue(engine, WEEK, settings, NOW).passed
    edit(lambda now: replace(now, intro="b " * 1_900))
    assert approve_issue(engine, WEEK, "ada", settings, NOW).status == "approved"


def test_rendering_twice_gives_the_same_bytes(engine: Engine, settings: Settings) -> None:
    launch(engine, "alpha", "SSSK")
    launch(engine, "beta", "KSKS")
    compose_issue(engine, WEEK, settings, NOW)
    one = render_issue(engine, WEEK, settings)
    assert render_issue(engine, WEEK, settings) == one
    parsed = message_from_bytes(one.message, policy=policy.default)
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]
    assert "Alpha" in one.text
    assert "Alpha" in one.html


def test_an_approval_freezes_what_the_issue_says(engine: Engine, settings: Settings) -> None:
    tool_id = launch(engine, "alpha", "SSSK")
    compose_issue(engine, WEEK, settings, NOW)
    report = approve_issue(engine, WEEK, "ada", settings, NOW, send_at=NOW + timedelta(hours=3))
    frozen = render_issue(engine, WEEK, settings)
    set_take(engine, tool_id, "builder", "skip")
    moved = replace(settings, title="Another Title", public_url="https://elsewhere.example", postal_address="Elsewhere")
    assert render_issue(engine, WEEK, moved) == frozen
    issue, values = read_issue(engine, WEEK, moved)
    assert (issue.status, issue.approved_by, issue.send_at) == ("approved", "ada", NOW + timedelta(hours=3))
    assert values.items[0].verdict.ship_percent == 75
    assert approve_issue(engine, WEEK, "bob", settings, NOW).content_hash == report.content_hash


def test_a_sent_issue_gives_the_same_bytes_after_keys_preferences_and_settings_changed(
    engine: Engine, settings: Settings
) -> None:
    launch(engine, "alpha", "SSSK")
    launch(engine, "beta", "KSKS")
    reader = add_reader(engine, "ada@example.org")
    compose_issue(engine, WEEK, settings, NOW)
    approve_issue(engine, WEEK, "ada", settings, NOW)
    publish_issue(engine, WEEK, settings, NOW)
    for_ada = render_issue(engine, WEEK, settings, "ada@example.org")
    for_nobody = render_issue(engine, WEEK, settings)
    assert "Ada <ada@example.org>" in for_ada.message.decode()
    with transaction(engine) as connection:
        connection.execute(insert(Key).values(purpose="links", secret=b"n" * 32, created_at=NOW))
        changed = {"name": "Countess", "selection": Selection(("Audio",)).key(), "format": "text"}
        connection.execute(update(Subscriber).where(Subscriber.id == reader).values(**changed))
        connection.execute(update(Tool).values(name="Renamed", pricing="A fortune", url="https://gone.example"))
    moved = replace(settings, title="Other", public_url="https://other.example")
    assert render_issue(engine, WEEK, moved, "ada@example.org") == for_ada
    assert render_issue(engine, WEEK, moved) == for_nobody


def test_an_approval_of_something_else_than_was_seen_is_refused(engine: Engine, settings: Settings) -> None:
    launch(engine, "alpha", "SS")
    compose_issue(engine, WEEK, settings, NOW)
    with pytest.raises(RefusedError, match="changed since you looked"):
        approve_issue(engine, WEEK, "ada", settings, NOW, seen="another hash")
    assert read_issue(engine, WEEK, settings)[0].status == "draft"


def test_an_issue_is_not_approved_without_a_from_mailbox(engine: Engine, settings: Settings) -> None:
    launch(engine, "alpha", "SS")
    compose_issue(engine, WEEK, settings, NOW)
    with pytest.raises(SettingsError, match="NEWSLETTER_FROM"):
        approve_issue(engine, WEEK, "ada", replace(settings, from_=None), NOW)


def test_a_sent_issue_cannot_be_approved_again(engine: Engine, settings: Settings) -> None:
    launch(engine, "alpha", "SS")
    compose_issue(engine, WEEK, settings, NOW)
    approve_issue(engine, WEEK, "ada", settings, NOW)
    move(engine, "sent", started_at=NOW)
    with pytest.raises(RefusedError, match="is sent"):
        approve_issue(engine, WEEK, "ada", settings, NOW)


def test_the_next_issue_says_which_verdicts_changed(engine: Engine, settings: Settings) -> None:
    alpha = launch(engine, "alpha", "SSK")
    compose_issue(engine, WEEK, settings, NOW)
    approve_issue(engine, WEEK, "ada", settings, NOW)
    move(engine, "sent", started_at=NOW)
    launch(engine, "beta", "SS", week="2026-W48")
    set_take(engine, alpha, "builder", "skip")
    compose_issue(engine, WEEK.next(), settings, NOW)
    _, values = read_issue(engine, WEEK.next(), settings)
    assert [tool.slug for tool in values.items] == ["beta"]
    (changed,) = values.changed
    assert changed.before is not None
    assert (changed.slug, changed.before.call, changed.verdict.call) == ("alpha", "ship", "skip")
    assert changed.before.changes == ("Builder turned from ship to skip",)
    assert "Changed our mind" in render_issue(engine, WEEK.next(), settings).html


def test_an_unknown_issue_and_an_unknown_subscriber_are_named(engine: Engine, settings: Settings) -> None:
    with pytest.raises(NotFoundError, match="2026-W47"):
        render_issue(engine, WEEK, settings)
    launch(engine, "alpha", "SS")
    compose_issue(engine, WEEK, settings, NOW)
    with pytest.raises(NotFoundError, match=r"nobody@example\.com"):
        render_issue(engine, WEEK, settings, "nobody@example.com")


def test_a_check_passes_a_sound_draft_and_names_settings_that_lack(engine: Engine, settings: Settings) -> None:
    launch(engine, "alpha", "SSSSS")
    compose_issue(engine, WEEK, settings, NOW)
    assert check_issue(engine, WEEK, settings, NOW).passed
    report = check_issue(engine, WEEK, replace(settings, postal_address=None), NOW)
    assert not report.passed
    assert report.findings[0].place == "NEWSLETTER_POSTAL_ADDRESS"


def test_a_check_names_the_takes_that_came_after_the_draft_and_after_the_approval(
    engine: Engine, settings: Settings
) -> None:
    alpha = launch(engine, "alpha", "SSS")
    compose_issue(engine, WEEK, settings, NOW)
    assert _freshness(engine, settings) == []
    set_take(engine, alpha, "builder", "skip", NOW + timedelta(hours=1))
    (found,) = _freshness(engine, settings)
    assert (found.severity, found.place) == ("note", "alpha")
    assert "(skip, before: ship) came after the draft" in found.message
    approve_issue(engine, WEEK, "ada", settings, NOW + timedelta(hours=2))
    assert _freshness(engine, settings) == []
    set_take(engine, alpha, "builder", "ship", NOW + timedelta(hours=3))
    (found,) = _freshness(engine, settings)
    assert (found.severity, found.place) == ("warning", "alpha")


def _freshness(engine: Engine, settings: Settings) -> list[Finding]:
    return [found for found in check_issue(engine, WEEK, settings, NOW).findings if " came after " in found.message]
