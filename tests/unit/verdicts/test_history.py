from datetime import timedelta

from newsletter.verdicts.history import turns
from tests.unit.verdicts.takes import START, take

WEEK = timedelta(days=7)


def test_a_change_of_mind_tells_what_it_did_to_the_verdict() -> None:
    takes = [
        take("builder", "ship", 70, id=1),
        take("skeptic", "skip", 30, id=2, replaced_at=START + WEEK),
        take("skeptic", "ship", 60, id=3, recorded_at=START + WEEK),
    ]
    (turn,) = turns(takes)
    assert (turn.old.score, turn.new.score, turn.at) == (30, 60, START + WEEK)
    assert (turn.before.call, turn.after.call) == ("split", "ship")


def test_the_newest_change_comes_first() -> None:
    takes = [
        take("builder", "ship", id=1, replaced_at=START + WEEK),
        take("builder", "skip", id=2, recorded_at=START + WEEK, replaced_at=START + 2 * WEEK),
        take("builder", "ship", id=3, recorded_at=START + 2 * WEEK),
    ]
    assert [(turn.old.call, turn.new.call) for turn in turns(takes)] == [("skip", "ship"), ("ship", "skip")]


def test_of_two_changes_at_one_instant_each_has_what_it_did_itself() -> None:
    takes = [
        take("builder", "skip", id=1, replaced_at=START + WEEK),
        take("skeptic", "skip", id=2, replaced_at=START + WEEK),
        take("builder", "ship", id=3, recorded_at=START + WEEK),
        take("skeptic", "ship", id=4, recorded_at=START + WEEK),
    ]
    told = [(turn.new.panelist, turn.before.call, turn.after.call) for turn in turns(takes)]
    assert told == [("skeptic", "split", "ship"), ("builder", "skip", "split")]


def test_takes_that_nobody_replaced_have_no_history() -> None:
    assert turns([take("builder", "ship"), take("skeptic", "skip", id=2)]) == []


def test_a_text_that_was_corrected_is_no_change_of_mind() -> None:
    takes = [
        take("builder", "ship", 88, text="Grate", id=1, replaced_at=START + WEEK),
        take("builder", "ship", 88, text="Great", id=2, recorded_at=START + WEEK, replaced_at=START + 2 * WEEK),
        take("builder", "ship", 60, text="Great", id=3, recorded_at=START + 2 * WEEK),
    ]
    assert [(turn.old.score, turn.new.score) for turn in turns(takes)] == [(88, 60)]


def test_what_never_stood_here_changed_nothing_here() -> None:
    takes = [
        take("builder", "skip", 10, id=1, replaced_at=START - WEEK),
        take("builder", "ship", 90, id=2, replaced_at=START + WEEK),
        take("builder", "ship", 70, id=3, recorded_at=START + WEEK),
    ]
    (turn,) = turns(takes)
    assert (turn.old.score, turn.new.score, turn.before.ships) == (90, 70, 1)
