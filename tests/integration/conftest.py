"""Fixtures of the tests that hold a whole installation at the sample week, or feeds that it watches."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from newsletter.clock import Clock
from newsletter.issues.approve import approve_issue
from newsletter.issues.publish import publish_issue
from newsletter.settings import Settings
from newsletter.web.app import create_app
from tests.fakes.browser import Browser
from tests.fakes.editors_room import Room
from tests.fakes.feed_server import FeedServer
from tests.fakes.sample_week import NOW, WEEK, set_out


@pytest.fixture
def browser(engine: Engine, settings: Settings) -> Browser:
    return Browser(create_app(settings, engine, Clock(NOW, running=False)))


@pytest.fixture
def sent(engine: Engine, settings: Settings, browser: Browser) -> Browser:
    """The sample week, approved and on its way."""
    set_out(engine, settings)
    approve_issue(engine, WEEK, "ed@example.com", settings, NOW)
    publish_issue(engine, WEEK, settings, NOW)
    return browser


@pytest.fixture
def room(engine: Engine, settings: Settings) -> Room:
    set_out(engine, settings)
    return Room(engine, settings)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running
