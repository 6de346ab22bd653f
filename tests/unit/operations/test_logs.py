import io
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as some

from newsletter.deliveries.verp import RETURN, sign_delivery
from newsletter.logs import ForPeople, ForPrograms, Redacting, redacted
from newsletter.subscribers.tokens import Link, sign_link, sign_tool

KEY = b"k" * 32


@given(some.integers(0, 2**40 - 1), some.integers(0, 2**24 - 1))
def test_no_link_token_survives(subscriber_id: int, issue_id: int) -> None:
    token = sign_link(Link(subscriber_id, issue_id), 1, KEY)
    assert token not in redacted(f"GET /unsubscribe/{token} 200")
    path = RETURN + sign_delivery(subscriber_id, 1, KEY)
    assert path not in redacted(f"to {path}")
    assert token not in redacted(f"/vote/{token}.{sign_tool(3, 1, KEY)}")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mail to ada@example.org failed", "mail to (address) failed"),
        ("<ada+x@example.org>: 550", "<(address)>: 550"),
        ("relay smtp://user:pass@relay.example:587 is down", "relay smtp://relay.example:587 is down"),
        ("relay smtp://user:p@ss@relay.example:587 is down", "relay smtp://relay.example:587 is down"),
        ("cache redis://:pass@cache.example is down", "cache redis://cache.example is down"),
        ("feed https://example.com/releases.atom is stale", "feed https://example.com/releases.atom is stale"),
        ("issue 2026-W47 is sent", "issue 2026-W47 is sent"),
        ("to b-aeaaaaaaa5prfnugfn5trcsmpw6yk", "to (token)"),
        ("the-quick-brown-fox-jumps-over-the-lazy-dog", "the-quick-brown-fox-jumps-over-the-lazy-dog"),
    ],
)
def test_addresses_and_passwords_go_and_the_rest_stays(text: str, shown: str) -> None:
    assert redacted(text) == shown


def logged(formatter: logging.Formatter, message: str, *args: object, **extra: object) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(Redacting())
    logger = logging.Logger("newsletter.test")
    logger.addHandler(handler)
    logger.warning(message, *args, extra=extra)
    return stream.getvalue()


def test_programs_get_one_json_object_per_line() -> None:
    line = json.loads(logged(ForPrograms(), "sent to %s\nnext", "ada@example.org", relay="r1"))
    assert (line["level"], line["logger"], line["relay"]) == ("warning", "newsletter.test", "r1")
    assert line["message"] == "sent to (address)\nnext"
    assert line["at"].endswith("Z")


def test_people_get_a_line_with_what_belongs_to_it() -> None:
    line = logged(ForPeople(), "slow", seconds=3, who="ada@example.org")
    assert line.rstrip().endswith("warning newsletter.test: slow (seconds=3, who=(address))")
