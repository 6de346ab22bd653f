import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as some

from newsletter.deliveries import bounces_signatures as signatures
from newsletter.deliveries.bounces_providers import read_notices

KEY = ec.generate_private_key(ec.SECP256R1()).public_key()
ANYTHING = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/x.pem",
        "https://user:x@sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/x.pem",
        "https://sns.evil/.amazonaws.com/x.pem",
        "https://bucket.s3.amazonaws.com/x.pem",
        "https://sns.s3-eu-west-1.amazonaws.com/x.pem",
        "file:///etc/passwd",
    ],
)
def test_only_amazons_own_hosts_are_asked_for_a_certificate(url: str) -> None:
    assert signatures.SNS_HOST.fullmatch(url) is None


def test_amazons_certificate_address_is_known() -> None:
    url = "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
    assert signatures.SNS_HOST.fullmatch(url)


def test_a_key_is_read_from_pem_der_and_base64() -> None:
    pem = KEY.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = KEY.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    read = [signatures.public_key(text) for text in (pem, der, base64.b64encode(der))]
    assert all(one.public_numbers() == KEY.public_numbers() for one in read)


@given(ANYTHING)
def test_no_document_makes_verifying_or_reading_fail(document: Any) -> None:
    if isinstance(document, dict):
        assert not signatures.is_of_sns({"Type": "Notification", **document}, KEY)
        assert not signatures.is_of_mailgun(document, "key", 0.0)
    for provider in ("ses", "sendgrid", "postmark", "mailgun"):
        assert isinstance(read_notices(provider, document), list)


@given(some.binary(max_size=50), some.text(max_size=50), some.text(max_size=20))
def test_no_header_passes_for_a_signature(body: bytes, signature: str, timestamp: str) -> None:
    assert not signatures.is_of_sendgrid(body, signature, timestamp, KEY)
    assert not signatures.is_of_postmark(signature, timestamp, "hook:password")


@pytest.mark.parametrize(
    ("authorization", "header", "secret"),
    [
        ("Basic " + base64.b64encode(b"hook:password").decode(), "", "hook:password"),
        ("Basic " + base64.b64encode(b"anybody:word").decode(), "", "word"),
        ("Bearer word", "", "word"),
        ("", "word", "word"),
    ],
)
def test_postmarks_secret_comes_in_one_of_three_ways(authorization: str, header: str, secret: str) -> None:
    assert signatures.is_of_postmark(authorization, header, secret)
    assert not signatures.is_of_postmark(authorization, header, secret + "x")
