"""Whatever strangers send to the subscription pages, the answer is a page and never a fault of ours."""

from random import Random

import pytest
from sqlalchemy import Engine

from db.engine import reading
from db.keys import newest_link_key
from newsletter.clock import Clock
from newsletter.settings import Settings
from newsletter.subscribers.import_subscribers import add_confirmed
from newsletter.subscribers.tokens import Link, sign_link
from newsletter.web.app import create_app
from tests.fakes.browser import Browser
from tests.fakes.times import MONDAY

PATHS = ("/", "/subscribe", "/embed", "/confirm/{}", "/unsubscribe/{}", "/preferences/{}", "/preferences/{}/export",
         "/preferences/{}/erase")  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
TYPES = (
    "application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=b", "text/plain", "",
    "multipart/form-data; boundary=b; charset=utf-7", "multipart/form-data; boundary=" + "b" * 300, "\x7f/x",
)  # fmt: skip
FIELDS = ("email", "name", "category", "stamp", "form", "remarks", "undo", "panelist", "min_ship_percent", "format",
          "pause_weeks")  # fmt: skip
VALUES = (
    "", "a@example.org", "\x00", "%00", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "٣", "-1", "1e9",
    "9" * 400, "' OR 1=1 --", "<script>", "{{ 7*7 }}", "\r\nBcc: x@y.example", "💥" * 50, "NaN.x", "nan." + "0" * 32,
    "+2AA-", "inf", "²",
)  # fmt: skip


def bodies(random: Random) -> bytes:
    chosen = [(random.choice(FIELDS), random.choice(VALUES)) for _ in range(random.randrange(6))]
    if random.random() < 0.4:
        parts = (f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in chosen)
        return ("".join(parts) + "--b--\r\n").encode("utf-8", "replace")
    if random.random() < 0.2:
        return random.randbytes(random.randrange(200))
    return "&".join(f"{name}={value}" for name, value in chosen).encode("utf-8", "replace")


@pytest.mark.parametrize("seed", range(3))
def test_no_request_is_answered_with_a_fault(engine: Engine, settings: Settings, seed: int) -> None:
    random = Random(seed)
    add_confirmed(engine, "ada@example.org", name="", consent_at=MONDAY, consent_source="form", now=MONDAY)
    with reading(engine) as connection:
        token = sign_link(Link(1, 7), *newest_link_key(connection))
    browser = Browser(create_app(settings, engine, Clock(MONDAY, running=False)))
    for _ in range(120):
        tail = random.choice((token, token, token[:-1], token + "=", "x", "%00", "%ff", "..", "٣" * 32, "a" * 3000))
        path, method = random.choice(PATHS).format(tail), random.choice(METHODS)
        headers = {"content-type": random.choice(TYPES), "x-forwarded-for": random.choice(("", "::", "1.2.3", "x,,y"))}
        answer = browser.ask(method, path, content=bodies(random), headers=headers)
        assert answer.status_code < 500, (method, path, headers)
        assert answer.status_code != 303
