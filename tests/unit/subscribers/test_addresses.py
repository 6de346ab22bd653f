"""Which text can be an address, and which two are one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.subscribers.addresses import comparable, hash_address, parse_address


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  Ada.L+tag@Example.COM ", "Ada.L+tag@example.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("jürgen@example.com", "jürgen@example.com"),
        ("ju\u0308rgen@example.com", "jürgen@example.com"),
        ("o'neil_x%y@sub.example.co", "o'neil_x%y@sub.example.co"),
        (f"{'a' * 64}@example.com", f"{'a' * 64}@example.com"),
        ("\u202aada@example.com\u202c", "ada@example.com"),
        ("\ufeffada@example.com \u200b", "ada@example.com"),
        ("taro＠example.com", "taro@example.com"),
        ("ｔａｒｏ@example.com", "ｔａｒｏ@example.com"),
        ("\u3000ｔａｒｏ＿１＠ｅｘａｍｐｌｅ．ｃｏｍ\u3000", "taro_1@example.com"),
    ],
)
def test_an_address_is_stored_trimmed_with_its_domain_in_a_labels(text: str, stored: str) -> None:
    assert parse_address(text) == stored


@pytest.mark.parametrize(
    "text",
    [
        "", "@", "ada", "ada@", "@example.com", "ada@localhost", "ada@@example.com", "a b@example.com",
        "ada@exa mple.com", ".ada@example.com", "ada.@example.com", "a..b@example.com", '"a b"@example.com',
        "ada@[127.0.0.1]", "ada@127.0.0.1", "ada@-example.com", "ada@example-.com", "ada@example..com",
        f"{'a' * 65}@example.com", f"a@{'b.' * 130}example.com", "ada@example.com\nBcc: bob@example.com",
        "ada\x00@example.com", "a\u200bda@example.com", "ada@exam\u202eple.com", "ada(x)@example.com",
        "<ada@example.com>", "ada@example.com, bob@example.com", "ada@xn--a.example", "ada@example.c_m",
        "=?utf-8?q?ada?=@example.com", "ad\ufffd@example.com",
    ],
)  # fmt: skip
def test_what_cannot_be_mailed_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        parse_address(text)


def test_neither_dots_nor_tags_are_merged() -> None:
    key = b"k" * 32
    spellings = ("ada.l@gmail.com", "adal@gmail.com", "adal+x@gmail.com")
    assert len({hash_address(one, key) for one in spellings}) == 3


def test_two_spellings_in_letter_case_are_one() -> None:
    key = b"k" * 32
    assert hash_address(parse_address("ADA@Example.com"), key) == hash_address(parse_address("ada@EXAMPLE.COM"), key)
    assert hash_address("ada@example.com", key) != hash_address("ada@example.com", b"x" * 32)


@given(st.text(max_size=300))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        address = parse_address(text)
    except ValueError:
        return
    assert parse_address(address) == address
    assert not set(address) & set("\r\n\x00 <>,;:()")
    assert len(address.rpartition("@")[0].encode()) <= 64


@given(st.emails())
def test_comparing_is_stable(text: str) -> None:
    try:
        address = parse_address(text)
    except ValueError:
        return
    assert comparable(comparable(address)) == comparable(address)
