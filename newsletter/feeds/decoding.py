"""Undoing Content-Encoding with a cap on what comes out: a megabyte of gzip can hold a gigabyte."""

import zlib
from typing import Protocol

import brotli

ACCEPTED = "gzip, deflate, br"
_STEP = 1 << 16
_GZIP = b"\x1f\x8b"
_MEMBERS = 100


class TooLargeError(ValueError):
    """More came out than the cap allows."""


class UndecodableError(ValueError):
    """The bytes are not in the encoding that the server named."""


class Decoder(Protocol):
    def feed(self, data: bytes, room: int) -> bytes:
        """Decode; raises TooLargeError when more than ``room`` bytes come out."""


class _Plain:
    def feed(self, data: bytes, room: int) -> bytes:
        if len(data) > room:
            raise TooLargeError
        return data


class _Zlib:
    def __init__(self, window: int) -> None:
        self._window = window
        self._inner = zlib.decompressobj(window)
        self._begun, self._members = False, 1

    def feed(self, data: bytes, room: int) -> bytes:
        parts, size = [], 0
        while True:
            parts.append(self._member(data, room - size))
            size += len(parts[-1])
            if size > room:
                raise TooLargeError
            data = self._inner.unused_data
            if data[:2] != _GZIP:
                return b"".join(parts)
            self._next_member()

    def _member(self, data: bytes, room: int) -> bytes:
        try:
            found = self._inner.decompress(data, room + 1)
        except zlib.error:
            if self._begun or self._window != zlib.MAX_WBITS:
                raise UndecodableError("its compression is broken") from None
            # "deflate" means zlib, but some servers send it bare.
            self._inner, self._window = zlib.decompressobj(-zlib.MAX_WBITS), -zlib.MAX_WBITS
            return self._member(data, room)
        self._begun = True
        return found

    def _next_member(self) -> None:
        """RFC 1952, 2.2: a file may have several."""
        self._members += 1
        if self._members > _MEMBERS:
            raise UndecodableError("it is compressed in too many pieces")
        self._inner = zlib.decompressobj(self._window)


class _Brotli:
    def __init__(self) -> None:
        self._inner = brotli.Decompressor()

    def feed(self, data: bytes, room: int) -> bytes:
        parts, size = [], 0
        while True:
            try:
                part = self._inner.process(data, output_buffer_limit=_STEP)
            except brotli.error:
                raise UndecodableError("its compression is broken") from None
            size += len(part)
            if size > room:
                raise TooLargeError
            parts.append(part)
            if self._inner.can_accept_more_data():
                return b"".join(parts)
            data = b""


class Body:
    """Collects a body in the encodings that ``Content-Encoding`` names, up to ``limit`` bytes decoded."""

    def __init__(self, content_encoding: str, limit: int) -> None:
        names = [name.strip().lower() for name in content_encoding.split(",") if name.strip()]
        if len(names) > 2:
            raise UndecodableError("it is compressed more than twice")
        self._decoders = [_decoder(name) for name in reversed(names)] or [_Plain()]
        self._limit, self._parts, self._size = limit, list[bytes](), 0

    def add(self, data: bytes) -> None:
        """Raises TooLargeError or UndecodableError."""
        room = self._limit - self._size
        for decoder in self._decoders:
            data = decoder.feed(data, room)
        self._parts.append(data)
        self._size += len(data)

    def whole(self) -> bytes:
        return b"".join(self._parts)


def _decoder(name: str) -> Decoder:
    match name:
        case "gzip" | "x-gzip":
            return _Zlib(zlib.MAX_WBITS | 16)
        case "deflate":
            return _Zlib(zlib.MAX_WBITS)
        case "br":
            return _Brotli()
        case "identity" | "none" | "binary" | "utf-8":  # no encodings: what servers write there for want of one
            return _Plain()
    raise UndecodableError(f"its encoding {name[:20]!r} is none that we asked for")
