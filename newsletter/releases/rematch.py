"""Look again at what waits unmatched: tools and aliases may have come since."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, Engine

from db import releases as rows
from db.engine import reading, transaction
from db.feeds import FeedRow, all_feeds
from db.releases import ReleaseRow
from db.states import ReleaseStatus
from newsletter.feeds.addresses import canonical_url
from newsletter.releases.catalogue import Catalogue, catalogue_of
from newsletter.releases.matching import TAKEN_BACK, Candidate, Match, as_rows, match_release
from newsletter.releases.naming import Naming

BATCH = 250


def rematch_releases(engine: Engine, now: datetime) -> int:
    """Attach the waiting releases that a tool is sure for now; returns how many. Does nothing twice."""
    attached, after_id = 0, 0
    with reading(engine) as connection:  # a large catalogue takes a while, in which others may write
        if not rows.count_unmatched(connection):
            return 0
        stamp, catalogue = rows.catalogue_stamp(connection), _catalogue(connection)
        feeds = {feed.id: feed for feed in all_feeds(connection)}
    while True:
        with transaction(engine) as connection:
            rows.hold_collecting(connection)
            waiting = rows.list_releases(connection, status=ReleaseStatus.UNMATCHED, after_id=after_id, limit=BATCH)
            if not waiting:
                return attached
            if stamp != (stamp := rows.catalogue_stamp(connection)):
                catalogue = _catalogue(connection)
            attached += _look_again(connection, waiting, catalogue, feeds, now)
            after_id = waiting[-1].id


def _catalogue(connection: Connection) -> Catalogue:
    return catalogue_of(rows.nameplates(connection), rows.alias_keys(connection))


def _look_again(
    connection: Connection, waiting: list[ReleaseRow], catalogue: Catalogue, feeds: Mapping[int, FeedRow], now: datetime
) -> int:
    attached = 0
    for release in waiting:
        naming = Naming(release.name, release.tagline, release.version)
        # What an editor gave has neither a feed nor a date. What a feed showed that was removed since mostly has one.
        feed = release.feed if release.published_at is None else release.feed or ""
        home = feeds.get(release.feed_id or 0)
        at_home = home is not None and release.canonical_url == canonical_url(home.place)
        url = None if at_home and not rows.was_linked(connection, release) else release.url
        match = match_release(naming, url, catalogue, feed=feed, sites=home.sites if home else ())
        if (release.match_reason or "").startswith(TAKEN_BACK):
            _propose(connection, release, _proposed(match, catalogue))
        elif match.tool_id is not None:
            rows.update_release(
                connection, release.id, tool_id=match.tool_id, status=ReleaseStatus.MATCHED, matched_at=now,
                match_reason=match.reason, candidates=None,
            )  # fmt: skip
            attached += 1
        else:
            _propose(connection, release, match.candidates, match_reason=match.reason)
    return attached


def _propose(connection: Connection, release: ReleaseRow, found: Iterable[Candidate], **values: object) -> None:
    """What the queue shows beside the release, if it is other than before."""
    candidates = as_rows(found) or None
    if candidates != release.candidates:
        rows.update_release(connection, release.id, candidates=candidates, **values)


def _proposed(match: Match, catalogue: Catalogue) -> Iterable[Candidate]:
    """With the tool that would be sure, were it not for the editor who said otherwise."""
    sure = match.tool_id
    if sure is None:
        return match.candidates
    return [Candidate(sure, catalogue.slugs[sure], match.score, match.reason)]
