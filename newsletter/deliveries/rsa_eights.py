"""RSA signatures eight at a time, on processors with AVX-512 IFMA: with Intel's Cryptography Primitives Library (the
extra ``fast-signing``) eight take as long as three of OpenSSL's.

That library does not check what it computed, as OpenSSL does. A bit that flips while one prime's half is computed would
give a signature from which anybody can compute the key (Boneh, DeMillo, Lipton, 1997), so every one is verified here.
"""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from ctypes import CDLL, Array, addressof, c_char, c_char_p, c_int, c_uint32, c_uint64, c_void_p, create_string_buffer
from functools import lru_cache, partial
from importlib.metadata import PackageNotFoundError, files

from cryptography.hazmat.primitives.asymmetric import rsa

EIGHT = 8
WORTH_IT = 3  # texts; eight take the time of so many
SIZES = (2048, 4096)  # bits; of 3072 it signs no more in a second than OpenSSL
PUBLIC_EXPONENT = 65537  # the one that the library verifies with
_LIBRARY = "libcrypto_mb.so"
# What it names and needs nothing of, in the order in which they load.
_RUNTIME = ("libintlc.so.5", "libimf.so", "libirng.so", "libsvml.so")
_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # RFC 8017, 9.2, note 1
_Pointers = c_char_p * EIGHT
_Places = c_void_p * EIGHT

Sign = Callable[[Sequence[bytes]], list[bytes] | None]


def signing(key: rsa.RSAPrivateKey) -> Sign | None:
    """Signs texts by RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, 8.2), in any thread; it returns None instead of
    signatures where one came out wrong. There is no such function where the library, the processor or the key does not
    allow it."""
    numbers, bits = key.private_numbers(), key.key_size
    halves = {numbers.p.bit_length(), numbers.q.bit_length()}
    if bits not in SIZES or halves != {bits // 2} or numbers.public_numbers.e != PUBLIC_EXPONENT:
        return None
    library = _library()
    return partial(_sign_all, library, _Key(library, numbers, bits)) if library is not None else None


class _Key:
    """A key as the library reads it: numbers are 64-bit words, the least significant first; eight times the same."""

    def __init__(self, library: CDLL, numbers: rsa.RSAPrivateNumbers, bits: int) -> None:
        half = [numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp]
        self.bits, self.size = bits, bits // 8
        self.private = [_eight_times(number.to_bytes(self.size // 2, "little")) for number in half]
        self.modulus = _eight_times(numbers.public_numbers.n.to_bytes(self.size, "little"))
        self.private_method = getattr(library, f"mbx_RSA{bits // 1024}K_private_crt_Method")()
        self.public_method = getattr(library, f"mbx_RSA{bits // 1024}K_pub65537_Method")()
        self.padding = b"\x00\x01".ljust(self.size - len(_SHA256_INFO) - 33, b"\xff") + b"\x00" + _SHA256_INFO


def _sign_all(library: CDLL, key: _Key, texts: Sequence[bytes]) -> list[bytes] | None:
    found: list[bytes] = []
    for start in range(0, len(texts), EIGHT):
        signed = _sign(library, key, texts[start : start + EIGHT])
        if signed is None:
            return None
        found += signed
    return found


def _sign(library: CDLL, key: _Key, texts: Sequence[bytes]) -> list[bytes] | None:
    """Of eight at most."""
    padded = [key.padding + hashlib.sha256(text).digest() for text in texts]
    padded += padded[:1] * (EIGHT - len(padded))
    signed, verified = create_string_buffer(EIGHT * key.size), create_string_buffer(EIGHT * key.size)
    where = _places(signed, key.size)
    failed = library.mbx_rsa_private_crt_mb8(
        _Pointers(*padded), where, *key.private, key.bits, key.private_method, None
    ) or library.mbx_rsa_public_mb8(
        where, _places(verified, key.size), key.modulus, key.bits, key.public_method, None
    )  # fmt: skip
    if failed or verified.raw != b"".join(padded):
        return None
    return [signed.raw[start : start + key.size] for start in range(0, len(texts) * key.size, key.size)]


def _eight_times(number: bytes) -> "Array[c_char_p]":
    return _Pointers(*[number] * EIGHT)


def _places(buffer: "Array[c_char]", size: int) -> "Array[c_void_p]":
    start = addressof(buffer)
    return _Places(*range(start, start + EIGHT * size, size))


def load() -> CDLL:
    """The library. Raises PackageNotFoundError where it is not installed, OSError with words where it is of no use."""
    where = _path("ipp-crypto", _LIBRARY)
    try:
        for name in _RUNTIME:
            CDLL(_path("intel-cmplr-lib-rt", name))
    except PackageNotFoundError as missing:
        raise OSError(f"the package {missing.name} is missing") from None
    library = CDLL(where)
    try:
        _declare(library)
    except AttributeError as error:
        raise OSError(f"this version of ipp-crypto lacks what we call: {error}") from None
    if not library.mbx_is_crypto_mb_applicable(0):
        raise OSError("this processor has no AVX-512 IFMA")
    return library


@lru_cache(maxsize=1)
def _library() -> CDLL | None:
    with suppress(PackageNotFoundError, OSError):
        return load()
    return None


def _path(package: str, name: str) -> str:
    for file in files(package) or ():
        if file.name == name:
            return str(file.locate())
    raise PackageNotFoundError(package)


def _declare(library: CDLL) -> None:
    strings, places = _Pointers, _Places
    library.mbx_is_crypto_mb_applicable.argtypes = [c_uint64]
    library.mbx_rsa_private_crt_mb8.argtypes = [strings, places, *[strings] * 5, c_int, c_void_p, c_void_p]
    library.mbx_rsa_public_mb8.argtypes = [places, places, strings, c_int, c_void_p, c_void_p]
    library.mbx_rsa_private_crt_mb8.restype = library.mbx_rsa_public_mb8.restype = c_uint32
    for bits in SIZES:
        getattr(library, f"mbx_RSA{bits // 1024}K_private_crt_Method").restype = c_void_p
        getattr(library, f"mbx_RSA{bits // 1024}K_pub65537_Method").restype = c_void_p
