"""Signatures, held against dkimpy and against a verifier written here from the RFC alone."""

import base64
import hashlib
import re
from datetime import UTC, datetime

import dkim as dkimpy
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from newsletter.deliveries.dkim import (
    REWRITTEN_BY_SES,
    SIGNED,
    Signer,
    Unsigned,
    body_hash,
    canonical_fields,
    sign,
    signed_head,
)
from newsletter.deliveries.message import Envelope, Recipient, freeze, link_token, own_fields
from tests.integration.sending import rendered

ENVELOPE = Envelope(
    issue_id=1, week="2026-W47", title="Weekly Verdicts", from_name="Weekly Verdicts", from_address="news@example.com",
    public_url="https://news.example.com", bounce_domain="bounces.example.com",
)  # fmt: skip
RSA = Signer("nov", "example.com", rsa.generate_private_key(public_exponent=65537, key_size=2048))
ED = Signer("ed", "example.com", ed25519.Ed25519PrivateKey.generate())


def message(format: str = "html", left_out: tuple[str, ...] = ()) -> bytes:
    frozen = freeze(rendered(5000), ENVELOPE)
    recipient = Recipient(7, 9, "joe@example.org", "Jöe  Example", format)
    token = link_token(ENVELOPE, recipient, 1, b"k" * 32)
    own = own_fields(ENVELOPE, recipient, token, datetime(2026, 11, 24, tzinfo=UTC), 1, b"k" * 32)
    cut = frozen.cut("", format)
    head = signed_head(canonical_fields((own + cut.fields).decode()), left_out)
    signatures = sign([RSA, ED], [Unsigned(head, body_hash(cut.pieces, token.encode()))])[0]
    return signatures + own + cut.fields + b"\r\n" + token.encode().join(cut.pieces)


def record_of(name: bytes, timeout: int = 5) -> bytes:
    return (ED if name.startswith(b"ed.") else RSA).record().encode()


def dkimpy_says(data: bytes) -> list[bool]:
    verifier = dkimpy.DKIM(data)
    return [verifier.verify(idx=place, dnsfunc=record_of) for place in range(2)]


def verdicts(data: bytes) -> list[bool]:
    """RFC 6376, section 6, for the two signatures at the head of a message."""
    head, _, body = data.partition(b"\r\n\r\n")
    fields = [(f.partition(b":")[0].strip().lower(), f.partition(b":")[2]) for f in re.split(rb"\r\n(?![ \t])", head)]
    return [_verify(value, fields, body) for name, value in fields if name == b"dkim-signature"][:2]


def _relaxed(value: bytes) -> bytes:
    return re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip()


def _verify(value: bytes, fields: list[tuple[bytes, bytes]], body: bytes) -> bool:
    tags = dict(re.sub(rb"\s+", b"", tag).split(b"=", 1) for tag in value.split(b";"))
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    canonical = b"\r\n".join(lines).rstrip(b"\r\n") + b"\r\n"
    if base64.b64encode(hashlib.sha256(canonical).digest()) != tags[b"bh"]:
        return False
    rest, data = list(fields), b""
    for wanted in tags[b"h"].lower().split(b":"):
        place = next((i for i in range(len(rest) - 1, -1, -1) if rest[i][0] == wanted), None)
        if place is not None:
            name, found = rest.pop(place)
            data += name + b":" + _relaxed(found) + b"\r\n"
    data += b"dkim-signature:" + _relaxed(re.sub(rb"(b=)[^;=]+=*\s*$", rb"\1", value, flags=re.S))
    signature = base64.b64decode(tags[b"b"])
    try:
        if tags[b"a"] == b"rsa-sha256":
            assert isinstance(RSA.key, rsa.RSAPrivateKey)
            RSA.key.public_key().verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        else:
            assert isinstance(ED.key, ed25519.Ed25519PrivateKey)
            ED.key.public_key().verify(signature, hashlib.sha256(data).digest())
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize("format", ["html", "text"])
def test_both_signatures_verify_for_two_verifiers(format: str) -> None:
    assert dkimpy_says(message(format)) == [True, True]
    assert verdicts(message(format)) == [True, True]


@pytest.mark.parametrize("name", SIGNED)
def test_no_signed_field_can_be_doubled(name: str) -> None:
    forged = name.encode() + b": <https://evil.example/>\r\n" + message()
    assert dkimpy_says(forged) == [False, False]
    assert verdicts(forged) == [False, False]


@pytest.mark.parametrize("name", [name for name in SIGNED if name != "reply-to"])
def test_no_signed_field_can_be_deleted_or_altered(name: str) -> None:
    field = re.compile(rb"^%s:(.*(?:\r\n[ \t].*)*)\r\n" % name.encode(), re.M | re.I)
    whole = message()
    for changed in (field.sub(b"", whole, count=1), field.sub(name.encode() + b": other\r\n", whole, count=1)):
        assert changed != whole
        if name != "from":  # dkimpy refuses to look at a message without From
            assert dkimpy_says(changed) == [False, False]
        assert verdicts(changed) == [False, False]


def test_a_changed_body_does_not_verify() -> None:
    assert verdicts(message().replace(b"75 % of", b"76 % of", 1).replace(b"75 %=", b"76 %=", 1)) == [False, False]


def test_a_relay_may_rewrite_what_was_left_out_for_it() -> None:
    sent = message(left_out=REWRITTEN_BY_SES)
    rewritten = re.sub(rb"Message-ID: .*(?:\r\n .*)*\r\n", b"Message-ID: <0102018@email.amazonses.com>\r\n", sent)
    assert rewritten != sent
    assert dkimpy_says(rewritten) == [True, True]


def test_lines_of_a_signature_stay_within_78() -> None:
    assert max(len(line) for line in message().partition(b"\r\n\r\n")[0].split(b"\r\n")) <= 78


def test_a_weak_key_is_refused() -> None:
    weak = Signer("s", "example.com", rsa.generate_private_key(public_exponent=65537, key_size=1024))
    with pytest.raises(ValueError, match="1024 bits"):
        Signer.from_pem("s", "example.com", weak.pem())
