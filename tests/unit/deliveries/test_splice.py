"""Encoded blocks: what comes back is what went in, and nothing on the wire has to be touched again."""

import quopri
import re

from hypothesis import given
from hypothesis import strategies as st

from newsletter.deliveries import splice

PLACEHOLDER = "AAAA-placeholder_of_32_characte"
TOKEN = "B" * len(PLACEHOLDER)
bits = st.one_of(
    st.text(), st.text("é€😀", min_size=20), st.just(PLACEHOLDER), st.just(".\n"), st.just("From "), st.just("  "),
    st.just(" \n"),
)  # fmt: skip
pieces = st.lists(bits, max_size=8)


@given(pieces)
def test_what_is_decoded_is_what_was_encoded(parts: list[str]) -> None:
    text = "".join(parts)
    expected = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", " ", text.replace("\r\n", "\n").replace("\r", "\n"))
    encoded = splice.encode(text, PLACEHOLDER)
    assert quopri.decodestring(encoded).decode().replace("\r\n", "\n") == expected.encode("utf-8", "replace").decode()


@given(pieces)
def test_the_bytes_are_safe_on_the_wire_and_in_a_mailbox(parts: list[str]) -> None:
    encoded = splice.encode("".join(parts), PLACEHOLDER)
    assert encoded == b"" or encoded.endswith(b"\r\n")
    for line in encoded.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith((b".", b"From "))
        assert not line.endswith(b" ")
        assert b"  " not in line
        assert b"\n" not in line
        assert b"\r" not in line
        assert line.isascii()
        quopri.decodestring(line).decode()  # whole characters, which some mail programs decode line by line


@given(pieces)
def test_a_token_is_never_split(parts: list[str]) -> None:
    text = "".join(parts)
    encoded = splice.encode(text, PLACEHOLDER)
    assert encoded.count(PLACEHOLDER.encode()) == text.count(PLACEHOLDER)
    joined = TOKEN.encode().join(splice.cut(encoded, PLACEHOLDER))
    assert quopri.decodestring(joined) == quopri.decodestring(encoded).replace(PLACEHOLDER.encode(), TOKEN.encode())
