"""Header fields, held against the standard library's parser and against hostile text."""

import email
import email.policy
import re
from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.deliveries import headers

HOSTILE = [
    "=?utf-8?q?hi=0d=0aBcc:_evil@example.com?=",
    "Nice\r\nBcc: evil@example.com",
    "tab\tand\x00nul\x0b",
    "a" * 600,
    "é" * 300,
    "é" * 2500 + "x" * 2500,
    "\u202eeman desrever\u202c",
    "👩\u200d💻" * 40,
    ".\r\n.\r\nQUIT",
    "=?utf-8?b?",
    "\ud800 lone",
    " \u2028 separators \u2029",
    '"quoted" \\ (comment) <angle@example.com>, other@example.com',
]


def decoded(field: bytes) -> str:
    value = email.message_from_bytes(field + b"\r\n", policy=email.policy.compat32)
    return str(make_header(decode_header(value.values()[0])))


@given(st.text())
def test_any_subject_comes_back_as_it_was(text: str) -> None:
    field = headers.unstructured("Subject", text)
    assert decoded(field).strip() == headers.clean(text) or headers.clean(text) == ""
    assert_lines(field)


@given(st.text(min_size=1))
def test_any_name_comes_back_beside_its_address(name: str) -> None:
    field = headers.mailbox("To", name, "joe@example.org")
    parsed = email.message_from_bytes(field + b"\r\n", policy=email.policy.default)["To"]
    assert [address.addr_spec for address in parsed.addresses] == ["joe@example.org"]
    assert_lines(field)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_makes_no_header_of_its_own(text: str) -> None:
    for field in (headers.unstructured("Subject", text), headers.mailbox("To", text, "joe@example.org")):
        parsed = email.message_from_bytes(field + b"\r\n", policy=email.policy.default)
        assert len(parsed.keys()) == 1
        assert not parsed.defects
        assert_lines(field)
    assert decoded(headers.unstructured("Subject", text)) == headers.clean(text)


def test_a_long_list_unsubscribe_stays_a_plain_uri() -> None:
    uri = f"<https://news.example.com/unsubscribe/{'x' * 120}>"
    field = headers.structured("List-Unsubscribe", f"{uri},", "<mailto:u@bounces.example.com>")
    assert uri.encode() in field
    assert b"=?" not in field


def test_an_address_cannot_bring_a_line_of_its_own() -> None:
    with pytest.raises(ValueError, match="cannot carry"):
        headers.mailbox("To", "", "joe@example.org>\r\nBcc: <evil@example.com")
    with pytest.raises(ValueError, match="cannot carry"):
        headers.structured("List-Id", "<a>\r\nBcc: x")


def assert_lines(field: bytes) -> None:
    assert field.endswith(b"\r\n")
    lines = field.removesuffix(b"\r\n").split(b"\r\n")
    assert all(line.startswith(b" ") for line in lines[1:])
    assert all(len(line) <= 78 for line in lines)
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xff]", field)
    assert all(len(word) <= 75 for word in re.findall(rb"=\?[^ \r\n]*\?=", field))
