"""What to do about a database that cannot be used is told from its own words."""

import pytest

from newsletter.errors import advice_on


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("database or disk is full", "make room"),
        ('could not extend file "base/1/2": No space left on device', "make room"),
        ("attempt to write a readonly database", "this user may write"),
        ("database disk image is malformed", "restore` the newest backup"),
        ("malformed database schema (ix_issues_week)", "restore` the newest backup"),
        ("file is not a database", "NEWSLETTER_DATABASE_URL"),
        ("database is locked", "try again"),
    ],
)
def test_a_fault_that_is_known_comes_with_what_to_do(said: str, advice: str) -> None:
    assert advice in advice_on(said)


@pytest.mark.parametrize("said", ["malformed JSON", 'malformed array literal: "{"', "no such table: issues"])
def test_a_fault_of_a_statement_asks_nobody_to_restore_a_backup(said: str) -> None:
    assert advice_on(said) == ""
