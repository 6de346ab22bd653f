import gzip
import zlib

import brotli
import pytest

from newsletter.feeds.decoding import Body, TooLargeError, UndecodableError

TEXT = b"<rss>" + b"words " * 5_000 + b"</rss>"


def decoded(data: bytes, encoding: str, limit: int = 1_000_000, step: int = 700) -> bytes:
    body = Body(encoding, limit)
    for start in range(0, len(data), step):
        body.add(data[start : start + step])
    return body.whole()


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT)),
        ("x-gzip", gzip.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", zlib.compress(TEXT, wbits=-15)),
        ("br", brotli.compress(TEXT)),
        ("gzip", gzip.compress(TEXT[:999]) + gzip.compress(TEXT[999:])),
        ("gzip", gzip.compress(TEXT) + b"\0" * 1_000),
        ("br, gzip", gzip.compress(brotli.compress(TEXT))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_encoding_that_we_ask_for_is_undone(encoding: str, data: bytes) -> None:
    assert decoded(data, encoding) == TEXT


@pytest.mark.parametrize("compress", [gzip.compress, brotli.compress], ids=["gzip", "br"])
def test_a_bomb_is_stopped_at_the_cap(compress: object) -> None:
    assert callable(compress)
    encoding = "gzip" if compress is gzip.compress else "br"
    with pytest.raises(TooLargeError):
        decoded(compress(b"\0" * 50_000_000), encoding, limit=5_000_000, step=1 << 16)


def test_a_bomb_in_a_bomb_is_stopped_too() -> None:
    with pytest.raises(TooLargeError):
        decoded(gzip.compress(gzip.compress(b"\0" * 50_000_000)), "gzip, gzip", limit=5_000_000)


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_broken_compression_is_said_to_be_broken(encoding: str) -> None:
    with pytest.raises(UndecodableError, match="broken"):
        decoded(b"not compressed at all, whatever the header says", encoding)


@pytest.mark.parametrize("encoding", ["identity", "none", "UTF-8", "binary"])
def test_what_is_no_encoding_changes_nothing(encoding: str) -> None:
    assert decoded(b"as it is", encoding) == b"as it is"


@pytest.mark.parametrize("encoding", ["zstd", "gzip, gzip, gzip"])
def test_encodings_that_nobody_asked_for_are_refused(encoding: str) -> None:
    with pytest.raises(UndecodableError):
        Body(encoding, 100)


@pytest.mark.parametrize("step", [1, 700, 1 << 16])
def test_a_file_of_endless_empty_pieces_is_refused(step: int) -> None:
    with pytest.raises(UndecodableError, match="too many pieces"):
        decoded(gzip.compress(b"") * 2_000, "gzip", step=step)
