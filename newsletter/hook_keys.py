"""What providers' notices are verified with, as the settings NEWSLETTER_HOOK_… are told."""

import base64
import re
from pathlib import Path

from newsletter.setting_values import text


def hook_of_ses(value: str) -> str:
    """The ARNs of SNS topics, and at most one file with a certificate or public key."""
    words = " ".join(text(value).split())
    if any(not re.fullmatch(r"arn:[^:]+:sns:\S+", arn, re.ASCII) for arn in topics(words)):
        raise ValueError("names a topic by its ARN, such as arn:aws:sns:eu-west-1:123456789012:bounces")
    if len(key_files(words)) > 1:
        raise ValueError("names topics by their ARNs and at most one file with a certificate or public key")
    return words


def hook_of_sendgrid(value: str) -> str:
    """A public key in base64, as SendGrid shows it."""
    key = "".join(text(value).split())
    try:
        if base64.b64decode(key, validate=True)[:1] != b"\x30":  # DER begins with a SEQUENCE
            raise ValueError
    except ValueError:
        raise ValueError("is no public key in base64; SendGrid shows it beside the Event Webhook") from None
    return key


def topics(hook_ses: str) -> frozenset[str]:
    """The topics that may speak to us; none named means any that Amazon signs for the key file."""
    return frozenset(word for word in hook_ses.split() if word.startswith("arn:"))


def key_files(hook_ses: str) -> list[Path]:
    return [Path(word) for word in hook_ses.split() if not word.startswith("arn:")]
