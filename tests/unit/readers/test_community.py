from newsletter.readers.community import community


def test_no_votes_are_not_0_percent() -> None:
    found = community(0, 0)
    assert (found.percent, found.words) == (None, "No community votes yet")


def test_skips_alone_are_0_percent() -> None:
    assert community(0, 2).words == "0 % ship of 2 votes"


def test_votes_are_counted_in_words() -> None:
    assert community(16, 9).words == "64 % ship of 25 votes"
    assert community(1, 0).words == "100 % ship of 1 vote"
    assert community(1_000_000, 0).words == "100 % ship of 1,000,000 votes"
