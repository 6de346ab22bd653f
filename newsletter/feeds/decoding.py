"""Undoing Content-Encoding with a cap on what comes out: a megabyte of gzip can hold a gigabyte."""

import zlib
from typing import Protocol

import brotli

ACCEPTED = "gzip, deflate, br"
_STEP = 1 << 16


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
        self._begun = False

    def feed(self, data: bytes, room: int) -> bytes:
        try:
            found = self._inner.decompress(data, room + 1)
        except zlib.error:
            if self._begun or self._window != zlib.MAX_WBITS:
                raise UndecodableError("its compression is broken") from None
            # "deflate" means zlib, but some servers send it bare.
            self._inner, self._window = zlib.decompressobj(-zlib.MAX_WBITS), -zlib.MAX_WBITS
            return self.feed(data, room)
        self._begun = True
        if len(found) > room:
            raise TooLargeError
        return found


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
        case "identity":
            return _Plain()
    raise UndecodableError(f"its encoding {name[:20]!r} is none that we asked for")
