"""What takes long to count is not counted all the time."""

from newsletter.sparing import LONG, Sparing


class Counting:
    """A clock, and a count that takes so long."""

    def __init__(self, seconds: float) -> None:
        self.now, self.looks, self._seconds = 0.0, 0, seconds
        self.spared: Sparing[int] = Sparing(lambda: self.now)

    def look(self, what: str = "readers", of: object = None) -> int:
        return self.spared(self if of is None else of, what, self._find)

    def _find(self) -> int:
        self.now += self._seconds
        self.looks += 1
        return self.looks


def test_what_is_found_soon_is_found_anew_each_time() -> None:
    counting = Counting(LONG / 2)
    assert [counting.look(), counting.look(), counting.look()] == [1, 2, 3]


def test_what_takes_long_takes_a_twentieth_of_the_time_however_many_look() -> None:
    counting = Counting(2.0)
    while counting.now < 1000:
        assert counting.look() == counting.look()
        counting.now += 0.5
    assert counting.looks * 2.0 <= 1000 / 20


def test_each_thing_of_each_database_is_kept_apart() -> None:
    counting, another = Counting(2.0), Counting(2.0)
    assert [counting.look(), counting.look("issues"), counting.look(of=another)] == [1, 2, 3]
    assert [counting.look(), counting.look("issues"), counting.look(of=another)] == [1, 2, 3]
