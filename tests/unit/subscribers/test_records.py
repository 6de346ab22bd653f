"""Reading a file of subscribers: the good come in, the bad are named by their first physical line."""

from csv import writer
from datetime import UTC, datetime
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.subscribers.csv_records import CsvRecords
from newsletter.subscribers.formulas import as_text
from newsletter.subscribers.records import Record, Rejected, read_records
from newsletter.subscribers.text import one_line

HEAD = "email,name,consent_at,consent_source,categories\n"
LATEST = datetime(2026, 11, 16, tzinfo=UTC)


def read(text: str) -> list[Record | Rejected]:
    return list(read_records(text.splitlines(keepends=True), LATEST))


def test_a_record_is_read_whole() -> None:
    (record,) = read(HEAD + "Ada@Example.com,Ada,2026-01-02T03:04:05+01:00,paper form,AI Agents; Databases\n")
    assert record == Record(
        2, "Ada@example.com", "Ada", datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC), "paper form",
        '{"categories":["AI Agents","Databases"]}',
    )  # fmt: skip


def test_columns_may_stand_in_any_order_and_further_ones_are_left_alone() -> None:
    (record,) = read("consent_source,EMAIL,score,consent_at\nform,a@example.com,7,2026-01-01\n")
    assert isinstance(record, Record)
    assert (record.email, record.name, record.selection) == ("a@example.com", "", "")


@pytest.mark.parametrize("twice", ["email", "Name", "CONSENT_AT", "consent_source", "categories"])
def test_a_column_that_stands_twice_is_refused_and_not_guessed(twice: str) -> None:
    with pytest.raises(ValueError, match=f"'{twice.lower()}' twice"):
        read(f"{HEAD.strip()},{twice}\na@example.com,,2026-01-01,form,,x\n")
    (record,) = read(f"{HEAD.strip()},note,note\na@example.com,,2026-01-01,form,,x,y\n")
    assert isinstance(record, Record)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("a@example.com,,,form,", "consent_at"),
        ("a@example.com,,0001-01-01T00:00:00+14:00,form,", "consent_at"),
        ("a@example.com,,9999-12-31T23:59:59-10:00,form,", "consent_at"),
        ("a@example.com,,2026-01-01,,", "consent_source"),
        ("a@example.com,,2026-01-01, ,", "consent_source"),
        ("a@example.com,,yesterday,form,", "ISO 8601"),
        ("a@example.com,,2026-12-01,form,", "future"),
        ("a@example.com,,1926-12-01,form,", "before"),
        ("nobody,,2026-01-01,form,", "@"),
        (",,2026-01-01,form,", "@"),
        ("a@example.com,,2026-01-01,form,,x,y", "fields"),
        ("a@example.com", "consent_at"),
        ("a@example.com,J\udcfcrgen,2026-01-01,form,", "save the file as “CSV UTF-8”"),
    ],
)
def test_a_bad_record_is_reported_and_the_next_comes_in(row: str, why: str) -> None:
    bad, good = read(HEAD + row + "\nb@example.com,,2026-01-01,form,\n")
    assert isinstance(bad, Rejected)
    assert bad.line == 2
    assert why in bad.reason
    assert isinstance(good, Record)


def test_the_line_is_the_first_of_the_record_though_names_have_line_ends() -> None:
    text = HEAD + '\na@example.com,"A\nd\na",2026-01-01,form,\nbad,,2026-01-01,form,\n'
    good, bad = read(text)
    assert (good.line, bad.line) == (3, 6)
    assert isinstance(good, Record)
    assert good.name == "A d a"


def test_control_characters_in_a_name_become_spaces() -> None:
    (record,) = read(HEAD + "a@example.com,Ada\x07\tL\x00x,2026-01-01,form,\n")
    assert isinstance(record, Record)
    assert record.name == "Ada L x"


def test_our_own_export_brings_in_the_active_alone() -> None:
    head = HEAD.strip() + ",state\n"
    rows = [f"{state}@example.com,,2026-01-01,form,,{state}\n" for state in ("active", "unsubscribed", "complained")]
    kinds = [type(record) for record in read(head + "".join(rows))]
    assert kinds == [Record, Rejected, Rejected]


@pytest.mark.parametrize("text", ["", "\n\n", "name,age\nx,y\n", "email,name\n"])
def test_a_file_without_the_header_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"first line|header"):
        read(text)


@pytest.mark.parametrize("following", [0, 1, 2_000])
def test_a_quote_that_nobody_closed_costs_its_own_line_alone(following: int) -> None:
    """Whether the file ends before the quote does, or the field grows beyond all reason."""
    rows = [f"r{number}@example.com,,2026-01-01,form,\n" for number in range(following)]
    bad, *good = read(HEAD + 'a@example.com,"Ada,2026-01-01,form,\n' + "".join(rows))
    assert isinstance(bad, Rejected)
    assert (bad.line, bad.reason) == (2, "has a quote that is never closed")
    assert [record.line for record in good if isinstance(record, Record)] == list(range(3, 3 + following))


@pytest.mark.parametrize("second", ['"Eve', 'Eve"', '"Eve"'])
def test_two_stray_quotes_cost_their_own_lines_and_nobody_between_them(second: str) -> None:
    rows = [f"r{number}@example.com,,2026-01-01,form,\n" for number in range(3, 301)]
    rows[2] = 'bob@example.com,"Bob,2026-01-01,form,\n'
    rows[197] = f"eve@example.com,{second},2026-01-01,form,\n"
    found = read(HEAD + "".join(rows))
    assert [record.line for record in found] == list(range(2, 300))
    assert len([record for record in found if isinstance(record, Rejected)]) == (2 if second == '"Eve' else 1)


def test_quotes_in_neighbouring_rows_lose_nobody() -> None:
    text = HEAD + 'a@example.com,"Ada,2026-01-01,form,\nb@example.com,Bob",2026-01-01,form,\n'
    bad, good = read(text)
    assert (bad.line, good.line, good.email) == (2, 3, "b@example.com")
    assert isinstance(bad, Rejected)


@pytest.mark.parametrize("head", ["email,name,consent_at,consent_source", "name,email,consent_at,consent_source"])
@pytest.mark.parametrize("name", ["Ada\nof\nLondon", "Ada\nada@example.com\n@home", 'Ada ""Countess""\nof Lovelace'])
def test_a_field_of_several_lines_is_nobody_elses_record(head: str, name: str) -> None:
    fields = {"email": "ada@example.com", "name": f'"{name}"', "consent_at": "2026-01-01", "consent_source": "form"}
    (record,) = read(head + "\n" + ",".join(fields[column] for column in head.split(",")) + "\n")
    assert isinstance(record, Record)
    assert record.name == " ".join(name.replace('""', '"').split())


class Watched(CsvRecords):
    """Counts how often a line is looked at."""

    looks = 0

    def _look_at(self, line: str) -> None:
        self.looks += 1
        super()._look_at(line)


@pytest.mark.parametrize(
    ("row", "most"),
    [
        ('r{}@example.com,"N,2026-01-01,form,\n', 10),
        ('r{}@example.com,"N"",2026-01-01,f,\n', 10),
        ('"a","b\n', 20),
        ('"a","b@c,d,e,f\n', 20),
        ('"@"' + '"' * 320 + ',"\n', 20),
    ],
)
def test_a_quote_in_every_row_has_no_line_read_over_and_over_and_each_row_is_named(row: str, most: int) -> None:
    """Rows that end before the quote does were read again and again, by the square of their number."""
    records = Watched([HEAD, *(row.format(number) for number in range(8_000))])
    records.address_in = lambda fields: fields[0] if "@example.com" in fields[0] else None
    assert [line for line, _ in records] == list(range(1, 8_002))
    assert records.looks < most * 8_000


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_fields_are_separated_as_the_header_is(separator: str) -> None:
    rows = (HEAD.strip().split(","), ["a@example.com", "Ada", "2026-01-01", "form", '"B;A"'])
    (record,) = read("\n" + "".join(separator.join(row) + "\n" for row in rows))
    assert isinstance(record, Record)
    assert (record.line, record.name, record.selection) == (3, "Ada", '{"categories":["A","B"]}')


@given(st.lists(st.text("a\",;\n ='", max_size=12), min_size=1, max_size=6))
def test_whatever_stands_in_a_name_no_record_of_a_proper_file_is_lost(names: list[str]) -> None:
    file = StringIO()
    rows = [(f"r{number}@example.com", as_text(name), "2026-01-01", "form") for number, name in enumerate(names)]
    writer(file).writerows([HEAD.strip().split(",")[:4], *rows])
    found = list(read_records(StringIO(file.getvalue(), newline=""), LATEST))
    assert [record.name for record in found if isinstance(record, Record)] == [one_line(name, 100) for name in names]


@given(st.lists(st.sampled_from(["good", "opens", "closes", "wide", "both"]), min_size=1, max_size=12))
def test_wherever_stray_quotes_stand_every_address_is_told_of_or_its_line_is(kinds: list[str]) -> None:
    names = {"good": "A", "opens": '"A', "closes": 'A"', "wide": '"A, B"', "both": '"A, B","C'}
    rows = [f"r{number}@example.com,{names[kind]},2026-01-01,form,\n" for number, kind in enumerate(kinds)]
    found = read(HEAD + "".join(rows))
    assert [record.line for record in found] == list(range(2, 2 + len(rows)))


@given(st.text(max_size=200))
def test_any_text_after_the_header_is_read(text: str) -> None:
    for record in read(HEAD + text):
        assert record.line >= 2


NOTED = "name,email,consent_at,consent_source,note\n"


def test_a_quoted_note_may_hold_what_looks_like_a_record() -> None:
    note = '"Two accounts in the old tool:\nBob,bob@x.org,2024-05-01,web,left\nmerged by hand"'
    text = f"{NOTED}Al,al@x.org,2025-01-01,web,{note}\nCy,cy@x.org,2025-01-01,web,\n"
    found = list(read_records(text.splitlines(keepends=True), LATEST))
    assert [(one.email, type(one).__name__) for one in found] == [("al@x.org", "Record"), ("cy@x.org", "Record")]


def test_a_quoted_note_may_have_many_lines() -> None:
    note = "\n".join(f"line {number} of it" for number in range(900))
    text = f'{NOTED}Al,al@x.org,2025-01-01,web,"{note}"\nCy,cy@x.org,2025-01-01,web,\n'
    assert [one.email for one in read_records(text.splitlines(keepends=True), LATEST)] == ["al@x.org", "cy@x.org"]


def test_columns_of_another_program_that_are_called_like_ours_are_left_alone() -> None:
    text = "email,consent_at,consent_source,suppressed,format\nal@x.org,2025-01-01,web,false,plain\n"
    (one,) = read_records(text.splitlines(keepends=True), LATEST)
    assert isinstance(one, Record)
    assert one.format == "html"
