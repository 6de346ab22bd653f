"""Signatures made eight at a time are the very ones that OpenSSL makes, or are not given out."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.metadata import PackageNotFoundError

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from newsletter.deliveries import rsa_eights
from newsletter.deliveries.dkim import Signer


@cache
def key(bits: int, exponent: int = 65537) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=exponent, key_size=bits)


TEXTS = [f"text {number}".encode() for number in range(2 * rsa_eights.EIGHT + 1)]
fast = pytest.mark.skipif(
    rsa_eights.signing(key(2048)) is None, reason="the processor or the extra fast-signing is missing"
)


def openssl(key: rsa.RSAPrivateKey, texts: list[bytes]) -> list[bytes]:
    return [key.sign(text, padding.PKCS1v15(), hashes.SHA256()) for text in texts]


def eights(key: rsa.RSAPrivateKey) -> rsa_eights.Sign:
    sign = rsa_eights.signing(key)
    assert sign is not None
    return sign


@pytest.fixture
def without_the_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def missing(package: str, name: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(rsa_eights, "_path", missing)
    rsa_eights._library.cache_clear()
    yield
    rsa_eights._library.cache_clear()


@fast
@pytest.mark.parametrize("bits", rsa_eights.SIZES)
@pytest.mark.parametrize("count", [*range(1, rsa_eights.EIGHT + 2), len(TEXTS)])
def test_they_are_those_of_openssl(bits: int, count: int) -> None:
    assert eights(key(bits))(TEXTS[:count]) == openssl(key(bits), TEXTS[:count])


@fast
def test_threads_sign_beside_each_other() -> None:
    sign, expected = eights(key(2048)), openssl(key(2048), TEXTS)
    with ThreadPoolExecutor(4) as threads:
        assert all(signed == expected for signed in threads.map(lambda _: sign(TEXTS), range(64)))


@fast
def test_one_that_came_out_wrong_is_not_given_out() -> None:
    """With one half of the key damaged, as by a bit that flipped, a signature would give the key away."""
    whole = key(2048).private_numbers()
    damaged = rsa.RSAPrivateNumbers(
        whole.p, whole.q, whole.d, whole.dmp1 ^ 4, whole.dmq1, whole.iqmp, whole.public_numbers
    ).private_key(unsafe_skip_rsa_key_validation=True)
    assert eights(damaged)(TEXTS) is None
    assert Signer("nov", "example.com", damaged).sign(TEXTS) == openssl(key(2048), TEXTS)


@pytest.mark.parametrize(("bits", "exponent"), [(2056, 65537), (2048, 3)])
def test_a_key_that_the_library_does_not_know_is_left_to_openssl(bits: int, exponent: int) -> None:
    unknown = key(bits, exponent)
    assert rsa_eights.signing(unknown) is None
    assert Signer("nov", "example.com", unknown).sign(TEXTS) == openssl(unknown, TEXTS)


@pytest.mark.usefixtures("without_the_library")
def test_without_the_library_openssl_signs() -> None:
    assert rsa_eights.signing(key(2048)) is None
    assert Signer("nov", "example.com", key(2048)).sign(TEXTS) == openssl(key(2048), TEXTS)


def test_a_part_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_one(package: str, name: str) -> str:
        if package == "ipp-crypto":
            return "/nowhere.so"
        raise PackageNotFoundError(package)

    monkeypatch.setattr(rsa_eights, "_path", only_one)
    with pytest.raises(OSError, match="the package intel-cmplr-lib-rt is missing"):
        rsa_eights.load()
