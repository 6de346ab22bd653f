"""Whatever is asked of the public pages, they answer with a page: never with a failure of ours."""

from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st
from sqlalchemy import Engine

from newsletter.clock import Clock
from newsletter.settings import Settings
from newsletter.web.app import create_app
from tests.fakes.browser import Browser
from tests.fakes.pages import put, tool
from tests.fakes.sample_week import NOW

TEXT = st.text(max_size=40) | st.sampled_from(
    ["\x00", "../..", "%", "http://[::1", "a-vs-b", "-vs-", "2026-W47", "9" * 40, "'--", "\ud7ff"]
)
PLACES = st.sampled_from([
    "/tools/{}", "/tools/{}/vote", "/tools/{}/bookmark", "/tools?q={}", "/tools?after={}", "/tools?category={}&call={}",
    "/compare/{}", "/compare/{}-vs-a", "/compare/a-vs-b?left={}", "/compare?a={}&b={}", "/static/{}", "/{}",
    "/issues/{}", "/issues/{}.txt", "/issues?before={}", "/bookmarks?before={}",
    "/vote/{}", "/vote/{}.{}", "/bookmark/{}",
])  # fmt: skip
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])


@pytest.fixture
def browser(engine: Engine, settings: Settings) -> Browser:
    put(engine, tool("a"), tool("b"))
    return Browser(create_app(settings, engine, Clock(NOW, running=False)))


@how(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(method=METHODS, place=PLACES, text=TEXT, body=st.dictionaries(st.sampled_from(["call", "save", "back"]), TEXT))
def test_nothing_that_is_asked_is_a_failure(
    browser: Browser, method: str, place: str, text: str, body: dict[str, str]
) -> None:
    address = place.replace("{}", quote(text, safe=""))
    answer = browser.ask(
        method, address, data=body if method in ("POST", "PUT") else None, headers={"cookie": "reader=x.y"}
    )
    assert answer.status_code < 500, (method, address)
    assert "traceback" not in answer.text.lower()
