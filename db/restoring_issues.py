"""What a restored backup is told of the issues of the database that it replaces, attached as ``old``: whom they reached
since is not mailed again. Ids are given once, so the same id is the same issue and the same delivery."""

import sqlite3

_OUTCOMES = """
    UPDATE main.deliveries AS here SET status = since.status, attempts = since.attempts,
        next_attempt_at = since.next_attempt_at, lease_owner = NULL, lease_until = NULL, relay = since.relay,
        relay_id = since.relay_id, code = since.code, reply = since.reply,
        first_attempt_at = since.first_attempt_at, finished_at = since.finished_at
    FROM old.deliveries AS since
    WHERE since.id = here.id AND since.issue_id = here.issue_id AND since.subscriber_id = here.subscriber_id
        AND (here.status = 'failed' AND since.status = 'sent'
            OR here.status IN ('queued', 'sending', 'deferred', 'uncertain')
            AND (since.status IN ('sent', 'failed', 'skipped')
                OR (since.status IN ('deferred', 'uncertain') AND since.attempts >= here.attempts)))
"""
_ENDED = """
    UPDATE main.issues AS here SET status = since.status, finished_at = since.finished_at,
        updated_at = since.updated_at, pause_reason = since.pause_reason, trouble = NULL
    FROM old.issues AS since
    WHERE since.id = here.id AND since.week = here.week AND since.started_at = here.started_at
        AND here.status IN ('sending', 'paused') AND since.status IN ('sent', 'cancelled')
"""
# Issues that began since come over whole, as they were approved and sent, but for tools that came since, too.
_BEGAN = """
    CREATE TEMP TABLE began AS SELECT id, week FROM old.issues AS since WHERE started_at IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM main.issues AS here
            WHERE (here.id = since.id OR here.week = since.week)
                AND (here.id <> since.id OR here.week <> since.week OR here.started_at IS NOT NULL))
"""
_OF_THEM = "WHERE issue_id IN (SELECT id FROM began)"
_REPLACE = f"""
    DELETE FROM main.issue_items {_OF_THEM};
    DELETE FROM main.issue_verdicts {_OF_THEM};
    DELETE FROM main.issue_contents {_OF_THEM};
    DELETE FROM main.issues WHERE id IN (SELECT id FROM began);
    INSERT INTO main.issues SELECT * FROM old.issues WHERE id IN (SELECT id FROM began);
    INSERT INTO main.issue_contents SELECT * FROM old.issue_contents {_OF_THEM};
    INSERT INTO main.issue_items (issue_id, tool_id, position, dropped, note, added_by, added_at)
        SELECT issue_id, tool_id, position, dropped, note, added_by, added_at FROM old.issue_items {_OF_THEM}
            AND tool_id IN (SELECT id FROM same_tools) ORDER BY id;
    INSERT INTO main.issue_verdicts (issue_id, tool_id, call, ship_percent, pricing, calls)
        SELECT issue_id, tool_id, call, ship_percent, pricing, calls FROM old.issue_verdicts {_OF_THEM}
            AND tool_id IN (SELECT id FROM same_tools) ORDER BY id;
    INSERT INTO main.deliveries SELECT * FROM old.deliveries {_OF_THEM}
"""  # noqa: S608
_SAME_TOOLS = """
    CREATE TEMP TABLE same_tools AS SELECT here.id FROM main.tools AS here JOIN old.tools AS since USING (id, slug)
"""
# What they announced is theirs for good, whatever the backup knew of it then: a release that it has not comes over with
# the entries that showed it, so that no feed makes news of it again. One whose tool came since has nothing to say any
# more, but is no news either.
_SAME_FEEDS = """
    CREATE TEMP TABLE same_feeds AS
    SELECT here.id FROM main.feeds AS here JOIN old.feeds AS since USING (id, created_at)
"""
_ANNOUNCED = f"""
    CREATE TEMP TABLE announced AS SELECT * FROM old.releases {_OF_THEM};
    UPDATE announced SET feed_id = NULL WHERE feed_id NOT IN (SELECT id FROM same_feeds);
    UPDATE announced SET tool_id = NULL, status = 'dropped' WHERE tool_id NOT IN (SELECT id FROM same_tools);
    UPDATE main.releases AS here SET issue_id = since.issue_id, week = since.week, late = since.late,
        tool_id = since.tool_id, status = since.status, matched_at = since.matched_at,
        match_reason = since.match_reason, candidates = since.candidates
    FROM announced AS since WHERE since.id = here.id AND since.canonical_url = here.canonical_url;
    INSERT INTO main.releases SELECT * FROM announced WHERE id NOT IN (SELECT id FROM main.releases);
    INSERT INTO main.entries (feed_id, identity, url, link_key, title, summary, published_at, first_seen_at,
        backlog, status, reason, release_id)
    SELECT seen.feed_id, identity, seen.url, link_key, seen.title, seen.summary, seen.published_at, seen.first_seen_at,
        backlog, seen.status, reason, release_id
    FROM announced JOIN old.entries AS seen ON seen.release_id = announced.id
        JOIN main.releases AS here ON here.id = announced.id AND here.canonical_url = announced.canonical_url
    WHERE seen.feed_id IN (SELECT id FROM same_feeds) ORDER BY seen.id
    ON CONFLICT (feed_id, identity) DO UPDATE SET status = excluded.status, reason = excluded.reason,
        release_id = excluded.release_id
"""  # noqa: S608
_GIVE_BACK = """
    UPDATE main.deliveries SET status = 'queued', attempts = attempts - 1, lease_owner = NULL, lease_until = NULL,
        first_attempt_at = CASE WHEN attempts > 1 THEN first_attempt_at END
    WHERE status = 'sending' AND issue_id IN (SELECT id FROM began)
"""
# Whoever came since is a stranger to the backup: what was theirs stays in the counts alone.
_STRANGERS = """
    UPDATE main.deliveries SET email = '', name = '', selection = '', reply = NULL, relay_id = NULL
    WHERE email <> '' AND subscriber_id NOT IN (SELECT id FROM main.subscribers)
"""


def carry_issues(connection: sqlite3.Connection, *, alike: bool) -> int:
    """Returns of how many deliveries more is known now. ``alike``: both databases have the same schema."""
    known = connection.execute(_OUTCOMES).rowcount
    connection.execute(_ENDED)
    if alike:
        known += _bring_those_that_began(connection)
    return known


def forget_strangers(connection: sqlite3.Connection) -> None:
    """Takes addresses of people whom the restored database does not know out of its ledger."""
    connection.execute(_STRANGERS)


def _bring_those_that_began(connection: sqlite3.Connection) -> int:
    connection.execute(_BEGAN)
    connection.execute(_SAME_TOOLS)
    connection.execute(_SAME_FEEDS)
    for statement in (*_REPLACE.split(";"), *_ANNOUNCED.split(";"), _GIVE_BACK):
        connection.execute(statement)
    brought: int = connection.execute(f"SELECT count(*) FROM main.deliveries {_OF_THEM}").fetchone()[0]  # noqa: S608
    return brought
