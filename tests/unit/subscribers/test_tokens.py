"""Tokens: every character counts, every key that made one verifies it, and none can be made without a key."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

from hypothesis import given
from hypothesis import strategies as st

from newsletter.subscribers.tokens import (
    LINK_TOKEN_LENGTH,
    Link,
    hmac_sha256,
    one_time_token,
    sign_link,
    sign_tool,
    verify_link,
    verify_tool,
    verify_tool_link,
)

KEYS = {1: b"one" * 11, 2: b"two" * 11}
links = st.builds(Link, st.integers(0, 2**40 - 1), st.integers(0, 2**24 - 1))


@given(links, st.sampled_from([1, 2]))
def test_a_link_token_says_whose_it_is_and_of_which_issue(link: Link, key_id: int) -> None:
    token = sign_link(link, key_id, KEYS[key_id])
    assert len(token) == LINK_TOKEN_LENGTH
    assert verify_link(token, KEYS) == link


@given(links, st.integers(0, 191))
def test_one_flipped_bit_is_no_token(link: Link, bit: int) -> None:
    raw = bytearray(urlsafe_b64decode(sign_link(link, 1, KEYS[1])))
    raw[bit // 8] ^= 1 << bit % 8
    assert verify_link(urlsafe_b64encode(raw).decode(), KEYS) is None


def test_hyphens_that_mail_programs_leave_out_at_the_end_are_no_loss() -> None:
    ending = [link for link in map(Link, range(1, 10_000)) if sign_link(link, 1, KEYS[1]).endswith("-")]
    assert all(verify_link(sign_link(link, 1, KEYS[1]).rstrip("-"), KEYS) == link for link in ending)
    assert verify_link(sign_link(ending[0], 1, KEYS[1])[:-2], KEYS) is None
    tool_id = next(number for number in range(1, 10_000) if sign_tool(number, 1, KEYS[1]).endswith("-"))
    reference = f"{sign_link(Link(7), 1, KEYS[1])}.{sign_tool(tool_id, 1, KEYS[1])}"
    assert verify_tool_link(reference.rstrip("-"), KEYS) == (Link(7), tool_id)


@given(st.text(max_size=40))
def test_no_text_is_a_token(text: str) -> None:
    assert verify_link(text, KEYS) is None
    assert verify_tool(text, KEYS) is None
    assert verify_tool_link(text, KEYS) is None


def test_a_key_that_is_gone_verifies_nothing() -> None:
    assert verify_link(sign_link(Link(7), 1, KEYS[1]), {2: KEYS[2]}) is None


def test_a_tool_reference_is_bound_to_no_reader_and_checked_by_itself() -> None:
    token = f"{sign_link(Link(7, 3), 2, KEYS[2])}.{sign_tool(99, 2, KEYS[2])}"
    assert verify_tool_link(token, KEYS) == (Link(7, 3), 99)
    assert verify_tool_link(token[:-1] + ("A" if token[-1] != "A" else "B"), KEYS) is None


def test_a_one_time_token_depends_on_purpose_row_nonce_and_key() -> None:
    made = {
        one_time_token(purpose, row, nonce, [key])
        for purpose in ("confirm", "sign_in")
        for row in (1, 2)
        for nonce in (b"a" * 16, b"b" * 16)
        for key in ("first-key", "second-key")
    }
    assert len(made) == 16
    assert all(len(token) == 43 for token in made)


@given(st.binary(min_size=1, max_size=100), st.binary(max_size=20))
def test_the_mac_is_the_standard_librarys_hmac(key: bytes, body: bytes) -> None:
    assert hmac_sha256(key, b"link", body) == hmac.digest(key, b"link" + body, "sha256")
