from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from newsletter.feeds.document import Entry
from newsletter.feeds.identity import believable, but_renamed, identify, is_backlog, new_ones

NOW = datetime(2026, 11, 18, 9, tzinfo=UTC)


def entry(guid: str | None = None, url: str | None = None, title: str = "One", at: datetime | None = None) -> Entry:
    return Entry(guid, url, title, None, at)


@dataclass
class Stored:
    identity: str
    link_key: str | None
    url: str | None
    title: str
    published_at: datetime | None


def stored(*entries: Entry) -> list[Stored]:
    return [
        Stored(item.identity, item.link_key, item.entry.url, item.entry.title, item.entry.published_at)
        for item in identify(entries)
    ]


def new_titles(before: list[Entry], after: list[Entry]) -> list[str]:
    shown, known = identify(after), stored(*before)
    return [item.entry.title for item in but_renamed(new_ones(shown, known), known, shown)]


def test_an_entry_is_its_guid_whatever_its_title_and_link_become() -> None:
    before = [entry("a", "https://example.com/1", "One")]
    assert new_titles(before, [entry("a", "https://example.com/2", "One, edited")]) == []


def test_a_guid_that_the_feed_repeats_identifies_nothing() -> None:
    shown = identify([entry("same", "https://example.com/1"), entry("same", "https://example.com/2")])
    assert [item.identity for item in shown] == ["link:https://example.com/1", "link:https://example.com/2"]


def test_tracking_parameters_in_guids_and_links_make_no_new_entry() -> None:
    before = [entry("https://example.com/1?utm_source=a"), entry(None, "https://example.com/2?utm_source=a")]
    assert new_titles(before, [entry("http://example.com/1?utm_source=b"), entry(None, "https://example.com/2")]) == []


def test_an_undated_entry_elsewhere_on_a_page_is_new_though_an_older_one_was_called_so() -> None:
    page = "https://example.com/changelog"
    before = [entry("1", f"{page}#1", "Fixes"), entry("2", f"{page}#2", "More")]
    after = [entry("2", f"{page}#2", "More"), entry("3", f"{page}#3", "Fixes")]
    assert new_titles(before, after) == ["Fixes"]


def test_what_was_stored_under_an_id_that_was_made_a_page_is_known() -> None:
    before = [entry("https://example.com/abc-17", "https://example.com/abc-17", "One", NOW)]
    after = [entry("abc-17", None, "One", NOW), entry("abc-18", None, "Two", NOW)]
    assert new_titles(before, after) == ["Two"]


def test_a_site_that_moves_shows_nothing_new() -> None:
    def at(site: str) -> list[Entry]:
        pages = (f"https://{site}/posts/one", f"https://{site}/posts/two", f"https://{site}/log?v=3#3")
        return [entry(page, page, page[-3:], day) for page, day in zip(pages, (NOW, None, None), strict=True)]

    assert new_titles(at("old.example"), at("www.new.example")) == []
    assert new_titles([entry(None, "https://jelly.example/", "Jelly")], [entry(None, "https://jelly.test/", "Jelly")])


def test_a_namesake_at_the_same_path_of_another_site_is_new_in_a_feed_of_many_sites() -> None:
    page = "https://{}.example/blog/launch".format
    before = [entry("1", page("one"), "Launch"), entry("2", page("two"), "Other")]
    assert new_titles(before, [entry("3", page("three"), "Launch"), entry("4", page("four"), "Else")])[0] == "Launch"
    stayed = [entry("3", page("three"), "Launch"), *before[1:], entry("5", page("five"), "More")]
    assert "Launch" in new_titles(before, stayed)
    still_there = [
        entry("3", page("three"), "Launch"),
        entry("4", page("three") + "-2", "B"),
        entry("6", page("one") + "-2"),
    ]
    assert "Launch" in new_titles(before, still_there), "its site is there, and has not moved"


def test_a_feed_that_changes_its_guids_shows_nothing_new() -> None:
    before = [entry("old-1", "https://example.com/1", "One", NOW), entry("old-2", "https://example.com/2", "Two")]
    after = [entry("new-1", "https://example.com/1", "One!", NOW), entry("new-2", "https://example.com/2", "Two")]
    assert new_titles(before, after) == []


def test_an_entry_whose_guid_and_query_are_made_for_every_request_is_known_by_its_title_and_date() -> None:
    page = "https://example.com/log"
    before = [entry("x1", f"{page}?sid=1", "One", NOW), entry("x2", page, "Two"), entry("x3", page, "Three", NOW)]
    after = [entry("y1", f"{page}?sid=2", "One", NOW), entry("y2", page, "Two"), entry("y3", page, "Three", NOW)]
    assert new_titles(before, after) == []
    later = NOW + timedelta(days=1)
    assert new_titles(before, [*after, entry("y4", f"{page}?sid=3", "One", later)]) == ["One"]


def test_two_entries_that_look_the_same_are_two_where_a_feed_shows_both() -> None:
    before = [entry("a", "https://example.com/?p=1", "Update", NOW)]
    after = [*before, entry("b", "https://example.com/?p=2", "Update", NOW)]
    assert new_titles(before, after) == ["Update"]
    assert new_titles(
        [entry("a", "https://example.com/1", "v1", NOW)], [entry("b", "https://example.com/2", "v1", NOW)]
    )


def test_another_entry_at_the_same_address_is_new() -> None:
    before = [entry("v1", "https://example.com/log", "v1", NOW - timedelta(days=9))]
    assert new_titles(before, [entry("v2", "https://example.com/log", "v2", NOW)]) == ["v2"]


def test_a_guid_that_becomes_ambiguous_later_does_not_bring_old_entries_back() -> None:
    before = [entry("same", "https://example.com/1", "One", NOW)]
    after = [*before, entry("same", "https://example.com/2", "Two")]
    assert new_titles(before, after) == ["Two"]


def test_anchors_of_a_changelog_page_are_entries_of_their_own() -> None:
    shown = identify([entry(None, "https://example.com/log#2"), entry(None, "https://example.com/log#1")])
    assert len({item.identity for item in shown}) == 2


PAGE = "https://example.com/changelog"


def test_entries_that_have_one_link_and_nothing_else_are_told_apart_by_their_titles() -> None:
    log = [entry(None, PAGE, f"Thing 1.{number}") for number in (3, 2, 1)]
    assert len(identify(log)) == 3
    assert new_titles(log, [entry(None, PAGE, "Thing 1.4"), *log]) == ["Thing 1.4"]


def test_an_entry_stays_known_when_others_come_to_its_page_and_when_they_go() -> None:
    alone, two = [entry(None, PAGE, "Thing 1.1")], [entry(None, PAGE, "Thing 1.2"), entry(None, PAGE, "Thing 1.1")]
    assert new_titles(alone, two) == ["Thing 1.2"]
    assert new_titles(two, alone) == []
    assert new_titles(two, [entry(None, PAGE, "Thing 1.3")]) == ["Thing 1.3"]


def test_an_entry_shown_twice_counts_once() -> None:
    assert len(identify([entry("a"), entry("a")])) == 1


def test_entries_without_guid_and_link_are_told_apart_by_their_text() -> None:
    assert len(identify([entry(title="One"), entry(title="Two"), entry(title="One")])) == 2


def test_zeros_of_clocks_and_dates_in_the_future_are_not_believed() -> None:
    for zero in (datetime(1, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC), datetime(1980, 1, 1, tzinfo=UTC)):
        assert believable(zero, NOW) is None
    assert believable(NOW + timedelta(days=40), NOW) is None
    assert believable(None, NOW) is None
    assert believable(NOW + timedelta(hours=3), NOW) == NOW + timedelta(hours=3)


def test_an_essay_from_before_there_were_feeds_is_old_and_not_undated() -> None:
    assert believable(datetime(1993, 9, 1, tzinfo=UTC), NOW) == datetime(1993, 9, 1, tzinfo=UTC)


def test_more_than_ten_undated_entries_of_a_first_fetch_are_backlog() -> None:
    assert is_backlog([None] * 11, first_fetch=True)
    assert not is_backlog([None] * 10 + [NOW] * 5, first_fetch=True)
    assert not is_backlog([None] * 11, first_fetch=False)
