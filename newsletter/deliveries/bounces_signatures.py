"""Whether a notice that reached our hooks was signed by the provider it claims to be from.

Each function takes the bytes or document as they came and says yes or no; none of them raises on what a stranger sent.
"""

import base64
import hmac
import re
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key
from cryptography.x509 import load_der_x509_certificate, load_pem_x509_certificate

# Amazon's own place for the certificates and confirmations of SNS, by region (eu-west-1, us-gov-east-1); anything else,
# such as sns.s3-eu-west-1.amazonaws.com, is somebody else's.
SNS_HOST = re.compile(
    r"https://sns\.[a-z]{2,4}(?:-[a-z]{2,20}){1,3}-\d{1,2}\.amazonaws\.com(?:\.cn)?/[A-Za-z0-9/?&=._%:-]*", re.ASCII
)

_SNS_FIELDS = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
MAILGUN_FRESH = 1800.0
"""Seconds for which a Mailgun timestamp is believed."""


def public_key(text: bytes) -> Any:
    """A public key from PEM or DER, of a key or a certificate. Raises ValueError."""
    if b"BEGIN CERTIFICATE" in text:
        return load_pem_x509_certificate(text).public_key()
    if b"-----BEGIN" in text:
        return load_pem_public_key(text)
    raw = base64.b64decode(text, validate=False) if re.fullmatch(rb"[A-Za-z0-9+/=\s]+", text) else text
    try:
        return load_der_public_key(raw)
    except ValueError:
        return load_der_x509_certificate(raw).public_key()


def is_of_sns(document: Mapping[str, Any], key: Any) -> bool:
    """https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html, versions 1 and 2."""
    names = _SNS_FIELDS.get(str(document.get("Type")))
    if names is None or not isinstance(key, rsa.RSAPublicKey):
        return False
    pairs = [(name, document[name]) for name in names if name in document]
    if any(not isinstance(value, str) for _, value in pairs):
        return False
    signed = "".join(f"{name}\n{value}\n" for name, value in pairs).encode("utf-8", "surrogatepass")
    digest = hashes.SHA256() if document.get("SignatureVersion") == "2" else hashes.SHA1()  # noqa: S303
    try:
        key.verify(_decoded(document.get("Signature")), signed, padding.PKCS1v15(), digest)
    except (InvalidSignature, ValueError):
        return False
    return True


def is_of_sendgrid(body: bytes, signature: str, timestamp: str, key: Any) -> bool:
    """https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features"""
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        key.verify(_decoded(signature), timestamp.encode("latin-1", "replace") + body, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def is_of_mailgun(document: Mapping[str, Any], key: str, now: float) -> bool:
    """https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks; ``now`` in real seconds"""
    signature = document.get("signature")
    if not isinstance(signature, dict):
        return False
    timestamp, token, told = (str(signature.get(name, "")) for name in ("timestamp", "token", "signature"))
    if not re.fullmatch(r"\d{9,12}", timestamp, re.ASCII) or not token or abs(now - int(timestamp)) > MAILGUN_FRESH:
        return False
    made = hmac.digest(key.encode(), f"{timestamp}{token}".encode("utf-8", "replace"), "sha256").hex()
    return hmac.compare_digest(made.encode(), told.encode("utf-8", "replace"))


def is_of_postmark(authorization: str, header: str, secret: str) -> bool:
    """Postmark does not sign; it sends the user and password of the hook's address (https://user:password@…), or a
    header that one gives it. ``secret`` is ``user:password``, or a word that comes as password, bearer token or
    in ``X-Webhook-Secret``."""
    scheme, _, value = authorization.partition(" ")
    given = [header, value if scheme.lower() == "bearer" else ""]
    if scheme.lower() == "basic":
        pair = _decoded(value).decode("utf-8", "replace")
        given += [pair, "" if ":" in secret else pair.partition(":")[2]]
    wanted = secret.encode()
    return any(hmac.compare_digest(one.encode("utf-8", "replace"), wanted) for one in given)


def _decoded(value: Any) -> bytes:
    try:
        return base64.b64decode(str(value), validate=True)
    except ValueError:
        return b""
