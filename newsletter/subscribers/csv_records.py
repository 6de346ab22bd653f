"""CSV text as records, and what a stray quote does to it: it costs its own line, never the people that follow."""

import csv
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

# A field longer than this, a record of more lines, or one with more people in it, is an opening quote nobody closed.
csv.field_size_limit(64 * 1024)
MAX_LINES = 1_000
MAX_PEOPLE = 4
# Where lines were read again so often, every record seems to open a quote, and no further one may have many lines.
MAX_AGAIN = 50_000
FEW_LINES = 10
UNCLOSED = "has a quote that is never closed"

AddressIn = Callable[[list[str]], str | None]
"""The address in the fields of a whole record, as it is compared; None where they are none or hold none."""


class CsvRecords:
    """(first physical line, fields, or what is wrong), record by record.

    A quote that nobody closes would swallow all that follows, up to the next stray quote: where a record holds a
    physical line that is somebody else's record by itself, its first line alone is rejected and reading goes on with
    the second, unless it is whole as RFC 4180 has it, its quotes close before a separator or the line's end, and
    ``is_proper`` finds nothing odd in its fields, as line ends in a name would be. Both functions may be set once the
    header is read.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self.address_in: AddressIn = lambda fields: None
        self.is_proper: Callable[[list[str]], bool] = lambda fields: False
        self._source, self._separator = _separated(lines)
        self._back: deque[str] = deque()
        self._taken: list[str] = []
        self._people: list[str] = []
        self._broken = False
        self._again = 0

    def __iter__(self) -> Iterator[tuple[int, list[str] | str]]:
        line, taken = 1, self._taken
        reader = csv.reader(self._lines(), delimiter=self._separator)
        while True:
            try:
                found: list[str] | str = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                found = f"cannot be read as CSV: {error}"
            if len(taken) > 1 and self._swallows(found):
                self._back.extendleft(reversed([one for one in taken[1:] if one]))
                self._again += max(0, len(taken) - FEW_LINES)
                del taken[1:]
                reader = csv.reader(self._lines(), delimiter=self._separator)
                found = UNCLOSED
            yield line, found
            line += len(taken)
            taken.clear()
            self._people.clear()

    def _lines(self) -> Iterator[str]:
        """The lines, noted as they are taken; the end is noted as ''. Ends early where a record cannot be one."""
        self._broken = False
        while not self._broken:
            line = self._back.popleft() if self._back else next(self._source, "")
            self._taken.append(line)
            if not line:
                return
            if len(self._taken) > 1:
                self._look_at(line)
            if not self._broken:
                yield line

    def _look_at(self, line: str) -> None:
        if len(self._taken) == 2:
            self._note(self._taken[0])
        self._note(line)
        most = MAX_LINES if self._again < MAX_AGAIN else FEW_LINES
        self._broken = len(self._people) > MAX_PEOPLE or len(self._taken) > most

    def _note(self, line: str) -> None:
        """A line with an odd quote is read as if quotes were nothing special."""
        if "@" not in line:
            return
        if line.count('"') % 2:
            fields = [field.strip('" ') for field in line.rstrip("\r\n").split(self._separator)]
        else:
            fields = next(csv.reader([line], delimiter=self._separator), [])
        address = self.address_in(fields)
        if address is not None:
            self._people.append(address)

    def _swallows(self, found: list[str] | str) -> bool:
        if self._broken or isinstance(found, str) or not self._taken[-1]:
            return True
        return bool(self._people) and self._people != [self.address_in(found)] and not self._is_whole()

    def _is_whole(self) -> bool:
        try:
            found = list(csv.reader(self._taken, delimiter=self._separator, strict=True))
        except csv.Error:
            return False
        return len(found) == 1 and self.is_proper(found[0])


def _separated(lines: Iterable[str]) -> tuple[Iterator[str], str]:
    """The same lines, and what separates the fields of the first that says anything."""
    source = iter(lines)
    empty: list[str] = []
    for line in source:
        if line.strip():
            return chain(empty, [line], source), max(",;\t", key=line.count)
        empty.append(line)
    return iter(empty), ","
