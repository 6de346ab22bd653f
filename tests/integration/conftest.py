"""Fixtures of the tests that hold a whole installation at the sample week."""

import pytest
from sqlalchemy import Engine

from newsletter.settings import Settings
from tests.fakes.editors_room import Room
from tests.fakes.sample_week import set_out


@pytest.fixture
def room(engine: Engine, settings: Settings) -> Room:
    set_out(engine, settings)
    return Room(engine, settings)
