"""DKIM signatures (RFC 6376; Ed25519 by RFC 8463), relaxed/relaxed, oversigned, without ``l=``.

A field that is named once more than it occurs cannot be added later without breaking the signature, so a second Subject
or List-Unsubscribe does not verify. Bodies made by splice.py are their own relaxed form: they are hashed as they are.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from newsletter.deliveries import rsa_eights
from newsletter.deliveries.headers import LINE

SIGNED = (
    "from", "to", "subject", "date", "message-id", "reply-to", "mime-version", "content-type",
    "content-transfer-encoding", "list-id", "list-unsubscribe", "list-unsubscribe-post", "feedback-id",
)  # fmt: skip
REWRITTEN_BY_SES = ("date", "message-id")
MINIMUM_RSA_BITS = 2048
_PADDING, _SHA256 = padding.PKCS1v15(), hashes.SHA256()
_SPACES = re.compile(r"[ \t]+")


@dataclass(frozen=True)
class Signer:
    """A key and where its public half is published: ``selector._domainkey.domain``."""

    selector: str
    domain: str
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

    @classmethod
    def from_pem(cls, selector: str, domain: str, pem: bytes) -> "Signer":
        """Raises ValueError for what is no unencrypted RSA (2048 bits at least) or Ed25519 private key."""
        try:
            key = load_pem_private_key(pem, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ValueError("is no unencrypted private key in PEM form") from None
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return cls(selector, domain, key)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("is neither an RSA nor an Ed25519 key")
        if key.key_size < MINIMUM_RSA_BITS:
            raise ValueError(f"is an RSA key of {key.key_size} bits; receivers want {MINIMUM_RSA_BITS} at least")
        return cls(selector, domain, key)

    @cached_property
    def algorithm(self) -> str:
        return "rsa-sha256" if isinstance(self.key, rsa.RSAPrivateKey) else "ed25519-sha256"

    def sign(self, texts: Sequence[bytes]) -> list[bytes]:
        """The signature of each."""
        key = self.key
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return [key.sign(hashlib.sha256(text).digest()) for text in texts]  # RFC 8463, 3: it signs the hash
        together = self._together(texts) if self._together and len(texts) >= rsa_eights.WORTH_IT else None
        return together or [key.sign(text, _PADDING, _SHA256) for text in texts]

    @cached_property
    def _together(self) -> rsa_eights.Sign | None:
        return rsa_eights.signing(self.key) if isinstance(self.key, rsa.RSAPrivateKey) else None

    def record(self) -> str:
        """The TXT record to publish."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            public = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            return f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(public).decode()}"

    def pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Head(NamedTuple):
    """What is signed of a head: its fields in relaxed form, and their names as ``h=`` mentions them."""

    fields: str
    mentions: str


def signed_head(fields: Mapping[str, str], left_out: Sequence[str] = ()) -> Head:
    """Of ``canonical_fields``, those that count."""
    names = [name for name in SIGNED if name not in left_out]
    return Head(
        "".join([f"{name}:{fields[name]}\r\n" for name in names if name in fields]),
        ":".join([f"{name}:{name}" if name in fields else name for name in names]),
    )


class Unsigned(NamedTuple):
    """What of a message is signed: its head, and its body's hash."""

    head: Head
    hashed: bytes


def sign(signers: Sequence[Signer], messages: Sequence[Unsigned]) -> list[bytes]:
    """The DKIM-Signature fields of each message, one for each signer, to stand before its other fields."""
    digests = [base64.b64encode(message.hashed).decode() for message in messages]
    fields = [""] * len(messages)
    for signer in signers:
        begun = [_unsigned(signer.algorithm, signer.domain, signer.selector, one.head.mentions) for one in messages]
        texts = [
            (message.head.fields + canonical.replace(_DIGEST, digest)).encode()
            for message, digest, (_, canonical) in zip(messages, digests, begun, strict=True)
        ]
        for place, signature in enumerate(signer.sign(texts)):
            fields[place] += begun[place][0].replace(_DIGEST, digests[place]) + _folded(signature)
    return [field.encode("ascii") for field in fields]


def body_hash(pieces: Sequence[bytes], token: bytes = b"") -> bytes:
    """SHA-256 over a body in relaxed form: pieces with the reader's token between them. What stands before the first
    token is the same for every reader, and hashed once."""
    hashing = _begun(pieces[0]).copy()
    for piece in pieces[1:]:
        hashing.update(token)
        hashing.update(piece)
    return hashing.digest()


@lru_cache(maxsize=64)
def _begun(first: bytes) -> "hashlib._Hash":
    return hashlib.sha256(first)


def canonical_fields(block: str) -> dict[str, str]:
    """Header fields by lower-case name, each value in relaxed form; each name occurs once."""
    fields = {}
    for field in re.split(r"\r\n(?![ \t])", block):
        name, colon, value = field.partition(":")
        if colon:
            fields[name.lower().rstrip()] = relaxed(value)
    return fields


def relaxed(value: str) -> str:
    """RFC 6376, 3.4.2."""
    return _SPACES.sub(" ", value.replace("\r\n", "")).strip()


def _folded(signature: bytes) -> str:
    text = base64.b64encode(signature).decode()
    return "\r\n ".join([text[start : start + LINE - 4] for start in range(0, len(text), LINE - 4)]) + "\r\n"


_DIGEST = "{body-hash}".ljust(44, "}")


@lru_cache(maxsize=64)
def _unsigned(algorithm: str, domain: str, selector: str, mentions: str) -> tuple[str, str]:
    """The field up to ``b=`` with a stand-in for the body's hash: folded, and in relaxed form."""
    lines, current = [f"DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed;", f" d={domain}; s={selector};"], " h="
    for name in mentions.split(":"):
        if len(current) + len(name) + 1 > LINE:
            lines.append(current)
            current = " "
        current += f"{name}:"
    lines += [current.removesuffix(":") + ";", f" bh={_DIGEST};", " b="]
    relaxed = _SPACES.sub(" ", "".join(lines)).replace("DKIM-Signature: ", "dkim-signature:")
    return "\r\n".join(lines), relaxed
